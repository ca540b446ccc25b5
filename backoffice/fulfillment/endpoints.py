"""Ways of delivery over HTTP: open to everybody."""

from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.fulfillment import service
from backoffice.fulfillment.schemas import DeliveryOptions
from backoffice.kit.database import Reading
from backoffice.kit.fields import RowId

router = APIRouter(prefix="/api/delivery", tags=["fulfillment"])


@router.get("/options")
async def options(
    session: Reading,
    city: Annotated[str, Query(max_length=200)] = "",
    amount_fen: Annotated[int, Query(ge=0, le=10**9)] = 0,
    weight_g: Annotated[int, Query(ge=0, le=10**6)] = 0,
    product_id: RowId | None = None,
) -> DeliveryOptions:
    return await service.delivery_options(session, city, amount_fen, weight_g, product_id)
