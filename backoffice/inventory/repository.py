"""What is read of places and levels; what writes the levels is in `ledger_repository`."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from backoffice.inventory.models import Location, StockLevel, StockPromise
from backoffice.kit.database import ReadSession, UtcDateTime
from backoffice.kit.time import now

expired = (
    select(func.coalesce(func.sum(StockPromise.quantity), 0))
    .where(
        StockPromise.state == "held",
        StockPromise.until <= bindparam("moment", unique=False, type_=UtcDateTime(), callable_=now),
        StockPromise.location_id == StockLevel.location_id,
        StockPromise.sku_id == StockLevel.sku_id,
    )
    .scalar_subquery()
)
free = StockLevel.on_hand - StockLevel.allocated - StockLevel.reserved - StockLevel.safety + expired
"""Pieces that nobody was promised: a hold that is over counts no more, swept or not."""


async def sellable(session: ReadSession, sku_ids: Sequence[int], kind: str) -> list[tuple[int, int, int]]:
    """SKU, location and free pieces where there are any, at locations of one kind."""
    rows = await session.execute(
        select(StockLevel.sku_id, StockLevel.location_id, free)
        .join(Location)
        .where(StockLevel.sku_id.in_(sku_ids), Location.kind == kind, free > 0)
        .order_by(StockLevel.sku_id, StockLevel.location_id)
    )
    return [(sku_id, location_id, pieces) for sku_id, location_id, pieces in rows]


class Shelved(NamedTuple):
    """What is free of a SKU at a location; `shared`: channels may have a share of it only."""

    location: Location
    sku_id: int
    free: int
    shared: bool


async def shelves(session: ReadSession, sku_ids: Collection[int]) -> list[Shelved]:
    """Wherever there is anything free, by location and SKU."""
    rows = await session.execute(
        select(Location, StockLevel.sku_id, free, StockLevel.shared)
        .join(StockLevel)
        .where(StockLevel.sku_id.in_(sku_ids), free > 0)
        .order_by(Location.id, StockLevel.sku_id)
    )
    return [Shelved(*row) for row in rows]


async def locations(session: ReadSession, kind: str | None = None) -> list[Location]:
    wanted = select(Location).order_by(Location.id)
    return list(await session.scalars(wanted.where(Location.kind == kind) if kind else wanted))


async def location_named(session: ReadSession, name: str) -> int | None:
    return await session.scalar(select(func.min(Location.id)).where(Location.name == name))


async def locations_with(session: ReadSession, needs: Mapping[int, int], kind: str) -> list[int]:
    """The locations of a kind that have every SKU of `needs` (SKU to quantity) free."""
    wanted = select(Location.id).where(Location.kind == kind).order_by(Location.id)
    for sku_id, quantity in sorted(needs.items()):
        enough = select(StockLevel.location_id).where(StockLevel.sku_id == sku_id, free >= quantity)
        wanted = wanted.where(Location.id.in_(enough))
    return list(await session.scalars(wanted))


async def locations_of(session: ReadSession, sku_ids: Sequence[int]) -> set[int]:
    """The locations that have any of the SKUs free."""
    wanted = select(StockLevel.location_id).where(StockLevel.sku_id.in_(sku_ids), free > 0)
    return set(await session.scalars(wanted.distinct()))
