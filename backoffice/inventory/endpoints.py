"""Stock and stores over HTTP: open to everybody; what each channel may sell, for tills and channels."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backoffice.catalog.schemas import Suggestions, Wished
from backoffice.inventory import feed_endpoints, listing, moving, service, sheet_endpoints, staff_endpoints
from backoffice.inventory.keyed import ByChannel, ByTill
from backoffice.inventory.schemas import AvailableList, Channel, Stock, Stores
from backoffice.inventory.stock_schemas import Levels, NewReceipt, NewSale
from backoffice.kit.database import Reading, WriteSession
from backoffice.kit.fields import RowId
from backoffice.kit.geo import Point, System
from backoffice.users.identity import service_for

router = APIRouter(prefix="/api", tags=["inventory"])
router.include_router(staff_endpoints.router)
router.include_router(sheet_endpoints.router)
router.include_router(feed_endpoints.router)
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
    system: Annotated[System, Query(description="what the coordinates are in")] = "wgs84",
    limit: Few = 3,
) -> Stores:
    """The nearest stores; their own coordinates are in WGS-84."""
    if latitude is not None and longitude is not None:
        latitude, longitude, _ = Point(latitude, longitude, system).to("wgs84")
    return await service.stores(session, place, latitude, longitude, limit)


@router.get("/inventory/available", dependencies=[Depends(service_for("till", "marketplace"))])
async def available(
    session: Reading,
    channel: Channel,
    sku_id: Annotated[list[RowId], Query(min_length=1, max_length=200)],
) -> AvailableList:
    """What a channel may sell of these SKUs."""
    found = await service.available(session, channel, sorted(set(sku_id)))
    return AvailableList(channel=channel, available=found)


@router.post("/inventory/sales", status_code=201)
async def sell(sale: NewSale, asked: ByChannel) -> Levels:
    """Pieces were sold that leave at once; the levels of now. 409 `out_of_stock`: nothing is booked."""

    asked.require_channel(sale.channel)

    async def sold(session: WriteSession) -> Levels:
        return await listing.levels_at(session, await moving.sell(session, sale))

    return await asked.once(Levels, sold)


@router.post("/inventory/receipts", status_code=201)
async def receive(arrived: NewReceipt, asked: ByTill) -> Levels:
    """Pieces arrived: a delivery, or what was brought back to the till; the levels of now."""

    async def received(session: WriteSession) -> Levels:
        return await listing.levels_at(session, await moving.receive(session, arrived))

    return await asked.once(Levels, received)
