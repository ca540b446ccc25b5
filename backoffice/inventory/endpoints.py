"""Stock and stores over HTTP: open to everybody."""

from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.catalog.schemas import Suggestions, Wished
from backoffice.inventory import service
from backoffice.inventory.schemas import Stock, Stores
from backoffice.kit.database import Reading
from backoffice.kit.fields import RowId

router = APIRouter(prefix="/api", tags=["inventory"])
Named = Annotated[str, Query(max_length=200)]
Few = Annotated[int, Query(ge=1, le=20)]


@router.get("/stock")
async def stock(
    session: Reading,
    product_id: RowId,
    colour: Named = "",
    size: Named = "",
    place: Named = "",
    limit: Few = 3,
) -> Stock:
    return await service.stock(session, product_id, colour, size, place, limit)


@router.post("/products/suggest")
async def suggest(session: Reading, asked: Wished) -> Suggestions:
    """What could be bought for a wish said in a sentence; nothing that is out of stock."""
    return await service.suggest(session, asked.text, asked.limit, asked.below_fen)


@router.get("/stores")
async def stores(
    session: Reading,
    place: Named = "",
    latitude: Annotated[float | None, Query(ge=-90, le=90)] = None,
    longitude: Annotated[float | None, Query(ge=-180, le=180)] = None,
    limit: Few = 3,
) -> Stores:
    return await service.stores(session, place, latitude, longitude, limit)
