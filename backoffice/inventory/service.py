"""What is where, and who it is promised to."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import Suggestion, Suggestions
from backoffice.inventory import repository
from backoffice.inventory.domain import MOST_SHOWN, NEAR_KM, Spot, is_open, short, stock_label, understand
from backoffice.inventory.models import Location
from backoffice.inventory.schemas import (
    LocationView,
    Pick,
    Place,
    Stock,
    StockItem,
    StoreName,
    Stores,
    StoreStock,
    StoreView,
)
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.geo import distance_km
from backoffice.kit.time import now

STOCK_BATCH = 20
Change = Callable[[WriteSession, int, int, int], Awaitable[bool]]


def in_order(picks: Iterable[tuple[int, int, int]]) -> list[Pick]:
    """Quantities summed per location and SKU, keys sorted: rivals lock rows in the same order.

    Raises `Invalid` for a quantity below 1.
    """
    sums: Counter[tuple[int, int]] = Counter()
    for location_id, sku_id, quantity in picks:
        if quantity < 1:
            raise Invalid("bad_quantity", "a quantity must be at least 1")
        sums[location_id, sku_id] += quantity
    return [Pick(location, sku, quantity) for (location, sku), quantity in sorted(sums.items())]


async def allocate(session: WriteSession, order_id: int, picks: Iterable[tuple[int, int, int]]) -> None:
    """Promise (location, SKU, quantity) to an order, all of it or nothing.

    Raises `Conflict` (`out_of_stock`, with `lines` of sku_id, location_id, wanted, available).
    """
    refused = await move(session, "allocated", repository.allocate, order_id, picks)
    if refused:
        lines = [
            {
                "sku_id": pick.sku_id,
                "location_id": pick.location_id,
                "wanted": pick.quantity,
                "available": (await repository.free_at(session, pick.location_id, [pick.sku_id])).get(
                    pick.sku_id, 0
                ),
            }
            for pick in refused
        ]
        raise Conflict("out_of_stock", "not enough pieces", lines=lines)


async def release(session: WriteSession, order_id: int, picks: Iterable[tuple[int, int, int]]) -> None:
    """Give back what was promised to an order. Raises `Conflict` (`not_allocated`)."""
    if await move(session, "released", repository.release, order_id, picks):
        raise Conflict("not_allocated", "less than that is promised there")


async def ship(session: WriteSession, order_id: int, picks: Iterable[tuple[int, int, int]]) -> None:
    """Let what was promised to an order leave. Raises `Conflict` (`not_allocated`)."""
    if await move(session, "shipped", repository.ship, order_id, picks):
        raise Conflict("not_allocated", "less than that is promised there")


async def move(
    session: WriteSession, kind: str, change: Change, order_id: int, picks: Iterable[tuple[int, int, int]]
) -> list[Pick]:
    """Apply one change to every pick with its line in the ledger; return the picks that were refused."""
    refused = []
    for pick in in_order(picks):
        if await change(session, *pick):
            await repository.note(session, kind, *pick, order_id, "")
        else:
            refused.append(pick)
    return refused


async def receive(session: WriteSession, picks: Iterable[tuple[int, int, int]], reason: str = "") -> None:
    """Put (location, SKU, quantity) on the shelf: a delivery or a return."""
    for pick in in_order(picks):
        await repository.receive(session, *pick)
        await repository.note(session, "received", *pick, None, reason)


async def sellable(session: ReadSession, sku_ids: Sequence[int]) -> dict[int, int]:
    """Pieces of each SKU that can be sent, all warehouses together; 0 when there are none."""
    free = dict.fromkeys(sku_ids, 0)
    for sku_id, _, pieces in await repository.sellable(session, sku_ids, "warehouse"):
        free[sku_id] += pieces
    return free


async def warehouses_with(session: ReadSession, needs: Mapping[int, int]) -> list[int]:
    """The warehouses that hold every SKU of `needs` (SKU to quantity) free, by id."""
    return await repository.locations_with(session, needs, "warehouse")


async def locations(session: ReadSession, kind: Literal["warehouse", "store"]) -> list[LocationView]:
    """Every warehouse, or every store."""
    return [
        LocationView.model_validate(found, from_attributes=True)
        for found in await repository.locations(session, kind)
    ]


async def locations_of(session: ReadSession, sku_ids: Sequence[int]) -> set[int]:
    """The locations that have any of the SKUs free."""
    return await repository.locations_of(session, sku_ids)


async def place(session: ReadSession, text: str) -> Place | None:
    """The place that a text names, or None for one we do not know."""
    return understand(text, [spot(each) for each in await repository.locations(session)])


def spot(location: Location) -> Spot:
    return Spot(
        quarter=location.name.split("·")[-1].removesuffix("店").removesuffix("仓"),
        province=location.province,
        city=short(location.city),
        district=location.district,
        latitude=location.latitude,
        longitude=location.longitude,
    )


def by_distance(
    locations: Iterable[Location], latitude: float, longitude: float
) -> list[tuple[Location, float]]:
    """The locations nearby with their distance in km, nearest first."""
    measured = [
        (each, round(distance_km(latitude, longitude, each.latitude, each.longitude), 1))
        for each in locations
    ]
    return sorted((pair for pair in measured if pair[1] <= NEAR_KM), key=lambda pair: pair[1])


async def stores(
    session: ReadSession, text: str, latitude: float | None, longitude: float | None, limit: int
) -> Stores:
    """The stores nearest to a point or else to a place named; the first ones when neither is given.

    An unknown place has no stores and no `understood_place`; a known one far from every store has no stores.
    """
    found = await repository.locations(session, "store")
    named = await place(session, text) if text else None
    point = (latitude, longitude) if latitude is not None and longitude is not None else None
    if point is None and named:
        point = (named.latitude, named.longitude)
    near: list[tuple[Location, float | None]] = [] if text else [(each, None) for each in found]
    if point:
        near = [*by_distance(found, *point)]
    moment = now()
    return Stores(
        stores=[
            StoreView(
                id=each.id,
                name=each.name,
                city=each.city,
                district=each.district,
                address=each.address,
                latitude=each.latitude,
                longitude=each.longitude,
                hours=each.hours,
                open_now=is_open(each.hours, moment),
                phone=each.phone,
                distance_km=distance,
            )
            for each, distance in near[:limit]
        ],
        understood_place=named.name if named else None,
    )


async def suggest(session: ReadSession, text: str, limit: int, below_fen: int | None = None) -> Suggestions:
    """The products nearest to what a sentence wishes for, of which some variant can be sent."""
    found = await catalog.suggestions(session, text, below_fen)
    kept: list[Suggestion] = []
    for start in range(0, len(found.products), STOCK_BATCH):
        batch = found.products[start : start + STOCK_BATCH]
        variants = await catalog.variants_of(session, [each.id for each in batch])
        free = await sellable(session, [sku for skus in variants.values() for sku in skus])
        kept += [each for each in batch if any(free[sku] > 0 for sku in variants.get(each.id, ()))]
        if len(kept) >= limit:
            break
    return Suggestions(products=kept[:limit], understood=found.understood)


async def stock(
    session: ReadSession, product_id: int, colour: str, size: str, text: str, limit: int
) -> Stock:
    """What there is of a product's variants online and, for a place named, in the stores nearby.

    Raises `NotFound` (`product_not_found`). A colour or size that is not made has no items.
    """
    made = await catalog.variants(session, product_id)
    if not made:
        raise NotFound("product_not_found")
    wanted = catalog.fitting(made, colour, size)
    ids = [sku.id for sku in wanted]
    online = await sellable(session, ids)
    named = await place(session, text) if text else None
    near: list[tuple[Location, float]] = []
    pieces: dict[tuple[int, int], int] = {}
    if named:
        found = await repository.locations(session, "store")
        near = by_distance(found, named.latitude, named.longitude)
        pieces = {
            (sku_id, location_id): free
            for sku_id, location_id, free in await repository.sellable(session, ids, "store")
        }
    return Stock(
        items=[
            StockItem(
                sku_id=sku.id,
                colour=sku.colour,
                size=sku.size,
                price_fen=sku.price_fen,
                online=min(online[sku.id], MOST_SHOWN),
                online_label=stock_label(online[sku.id]),
                stores=[
                    StoreStock(
                        location_id=each.id,
                        name=each.name,
                        city=each.city,
                        district=each.district,
                        address=each.address,
                        hours=each.hours,
                        phone=each.phone,
                        distance_km=distance,
                        available=pieces[sku.id, each.id],
                    )
                    for each, distance in near
                    if (sku.id, each.id) in pieces
                ][:limit],
            )
            for sku in wanted
        ],
        understood_place=named.name if named else None,
    )


async def store_names(session: ReadSession) -> list[StoreName]:
    """Every store."""
    return [StoreName(id=each.id, name=each.name) for each in await repository.locations(session, "store")]
