"""Pages of levels and of the ledger."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, select, tuple_

from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.inventory.repository import free
from backoffice.inventory.stock_schemas import LevelFilter, MovementFilter
from backoffice.kit.database import ReadSession


async def levels(session: ReadSession, wanted: LevelFilter) -> tuple[list[tuple[StockLevel, int]], int]:
    """By location and SKU, each with its free pieces; how many there are in all."""
    which = among(StockLevel, wanted)
    found = select(StockLevel, free).where(*which).order_by(StockLevel.location_id, StockLevel.sku_id)
    rows = [
        (level, pieces)
        for level, pieces in await session.execute(found.limit(wanted.limit).offset(wanted.offset))
    ]
    return rows, await count(session, StockLevel, which)


async def levels_at(
    session: ReadSession, keys: Collection[tuple[int, int]]
) -> Sequence[tuple[StockLevel, int]]:
    """The same of these locations and SKUs, as the database has them now."""
    found = (
        select(StockLevel, free)
        .where(tuple_(StockLevel.location_id, StockLevel.sku_id).in_(keys))
        .order_by(StockLevel.location_id, StockLevel.sku_id)
        .execution_options(populate_existing=True)
    )
    return [(level, pieces) for level, pieces in await session.execute(found)]


async def levels_after(
    session: ReadSession, after: tuple[int, int], limit: int
) -> Sequence[tuple[StockLevel, int]]:
    """By location and SKU, those behind a pair of ids, each with its free pieces."""
    key = tuple_(StockLevel.location_id, StockLevel.sku_id)
    found = select(StockLevel, free).where(key > after).order_by(StockLevel.location_id, StockLevel.sku_id)
    return [(level, pieces) for level, pieces in await session.execute(found.limit(limit))]


async def movements(session: ReadSession, wanted: MovementFilter) -> tuple[list[StockMovement], int]:
    """The newest first; how many there are in all."""
    which = among(StockMovement, wanted)
    if wanted.kind:
        which.append(StockMovement.kind.in_(wanted.kind))
    if wanted.holder:
        which.append(StockMovement.holder == wanted.holder)
    if wanted.since:
        which.append(StockMovement.at >= wanted.since)
    if wanted.until:
        which.append(StockMovement.at < wanted.until)
    found = select(StockMovement).where(*which).order_by(StockMovement.id.desc())
    page = await session.scalars(found.limit(wanted.limit).offset(wanted.offset))
    return list(page), await count(session, StockMovement, which)


def among(model: type[StockLevel] | type[StockMovement], wanted: LevelFilter) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if wanted.location_id is not None:
        which.append(model.location_id == wanted.location_id)
    if wanted.sku_id is not None:
        which.append(model.sku_id == wanted.sku_id)
    return which


async def count(
    session: ReadSession,
    model: type[StockLevel] | type[StockMovement],
    which: Sequence[ColumnElement[bool]],
) -> int:
    return await session.scalar(select(func.count()).select_from(model).where(*which)) or 0
