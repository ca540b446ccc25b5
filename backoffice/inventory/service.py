"""What is where, and who it is promised to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import Suggestion, Suggestions
from backoffice.inventory import audit_repository, ledger_repository, repository, shares
from backoffice.inventory.domain import (
    MOST_SHOWN,
    NEAR_KM,
    Spot,
    in_order,
    is_open,
    moved,
    short,
    stock_label,
    understand,
)
from backoffice.inventory.models import Location
from backoffice.inventory.schemas import (
    Available,
    Imbalance,
    LocationView,
    Place,
    Shelf,
    Stock,
    StockItem,
    StoreName,
    Stores,
    StoreStock,
    StoreView,
)
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.geo import distance_km
from backoffice.kit.time import now

STOCK_BATCH = 20


async def receive(session: WriteSession, picks: Iterable[tuple[int, int, int]], reason: str = "") -> None:
    """Put (location, SKU, quantity) on the shelf: a delivery or a return."""
    arrived = in_order(picks)
    if not arrived:
        return
    await ledger_repository.open_levels(session, [pick[:2] for pick in arrived])
    await ledger_repository.move(session, "received", moved("received", arrived), reason=reason)


async def sellable(session: ReadSession, sku_ids: Sequence[int]) -> dict[int, int]:
    """Pieces of each SKU that can be sent, all warehouses together; 0 when there are none."""
    free = dict.fromkeys(sku_ids, 0)
    for sku_id, _, pieces in await repository.sellable(session, sku_ids, "warehouse"):
        free[sku_id] += pieces
    return free


async def shelves(session: ReadSession, sku_ids: Collection[int], channel: str = "") -> list[Shelf]:
    """Every location that has any of the SKUs free for a channel, with what it has, by location.

    Without a channel: what the shop itself may use.
    """
    found: dict[int, Shelf] = {}
    for location, sku_id, pieces in await shares.free_for(session, channel, sku_ids):
        if location.id not in found:
            place = LocationView.model_validate(location, from_attributes=True)
            found[location.id] = Shelf(place=place, free={})
        found[location.id].free[sku_id] = pieces
    return list(found.values())


async def available(session: ReadSession, channel: str, sku_ids: Collection[int]) -> list[Available]:
    """What a channel may sell of each SKU: what can be sent, all warehouses together, and in each store."""
    found = {sku_id: Available(sku_id=sku_id, online=0, stores={}) for sku_id in sku_ids}
    for location, sku_id, pieces in await shares.free_for(session, channel, sku_ids):
        if location.kind == "store":
            found[sku_id].stores[location.id] = pieces
        else:
            found[sku_id].online += pieces
    return list(found.values())


def open_at(hours: str, moment: datetime) -> bool:
    """Whether a location with such `hours` is open."""
    return is_open(hours, moment)


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


async def imbalances(session: ReadSession, limit: int) -> tuple[list[Imbalance], int, int]:
    """Levels whose counters differ from their ledger or their promises, `limit` at most; how many there are,
    and how many levels were looked at. Nothing is repaired. Ask with a snapshot: counters move.
    """
    return await audit_repository.imbalances(session, limit)
