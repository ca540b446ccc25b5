"""All SQL of counts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, func, insert, literal, select, update

from backoffice.inventory.models import StockLevel
from backoffice.inventory.stock_models import StockCount, StockCountLine
from backoffice.inventory.stock_schemas import CountFilter
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.paging import Page


async def open_count(
    session: WriteSession, sku_ids: Collection[int] | None, **values: Any
) -> tuple[int, int]:
    """A new count of these SKUs, None: of all that have a level there; its id and how many lines it has."""
    count = StockCount(**values)
    session.add(count)
    await session.flush()
    if sku_ids is not None:
        rows = [{"count_id": count.id, "sku_id": sku_id} for sku_id in sorted(sku_ids)]
        await session.execute(insert(StockCountLine), rows)
        return count.id, len(rows)
    there = select(literal(count.id), StockLevel.sku_id, literal(0), literal(0)).where(
        StockLevel.location_id == values["location_id"]
    )
    added = await session.execute(
        insert(StockCountLine).from_select(["count_id", "sku_id", "rounds", "short"], there)
    )
    return count.id, cast(CursorResult[Any], added).rowcount


async def begin_round(session: WriteSession, count_id: int, sku_id: int, number: int) -> bool:
    """Lock a line for the round that follows its last; False when it is another one or the count is over."""
    is_open = select(StockCount.id).where(StockCount.id == count_id, StockCount.state == "open")
    begun = await session.execute(
        update(StockCountLine)
        .where(
            StockCountLine.count_id == count_id,
            StockCountLine.sku_id == sku_id,
            StockCountLine.rounds == number - 1,
            is_open.exists(),
        )
        .values(rounds=number)
    )
    return bool(cast(CursorResult[Any], begun).rowcount)


async def set_line(session: WriteSession, count_id: int, sku_id: int, **values: Any) -> None:
    line = (StockCountLine.count_id == count_id) & (StockCountLine.sku_id == sku_id)
    await session.execute(update(StockCountLine).where(line).values(**values))


async def close(session: WriteSession, count_id: int, moment: datetime) -> bool:
    """False when it was closed before, or is not there."""
    closed = await session.execute(
        update(StockCount)
        .where(StockCount.id == count_id, StockCount.state == "open")
        .values(state="closed", closed_at=moment)
    )
    return bool(cast(CursorResult[Any], closed).rowcount)


async def one(session: ReadSession, count_id: int) -> StockCount | None:
    return await session.get(StockCount, count_id, populate_existing=True)


async def line(session: ReadSession, count_id: int, sku_id: int) -> StockCountLine | None:
    return await session.get(StockCountLine, (count_id, sku_id), populate_existing=True)


async def counts(session: ReadSession, wanted: CountFilter) -> tuple[Sequence[StockCount], int]:
    """The newest first; how many there are in all."""
    which = []
    if wanted.location_id is not None:
        which.append(StockCount.location_id == wanted.location_id)
    if wanted.state is not None:
        which.append(StockCount.state == wanted.state)
    found = select(StockCount).where(*which).order_by(StockCount.id.desc())
    page = await session.scalars(found.limit(wanted.limit).offset(wanted.offset))
    total = await session.scalar(select(func.count()).select_from(StockCount).where(*which))
    return page.all(), total or 0


async def progress(session: ReadSession, count_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """How many lines each count has, and how many of them were counted."""
    rows = await session.execute(
        select(StockCountLine.count_id, func.count(), func.count().filter(StockCountLine.rounds > 0))
        .where(StockCountLine.count_id.in_(count_ids))
        .group_by(StockCountLine.count_id)
    )
    return {count_id: (lines, counted) for count_id, lines, counted in rows}


async def lines(session: ReadSession, count_id: int, page: Page) -> Sequence[StockCountLine]:
    """Those with a figure and those without, by SKU."""
    found = select(StockCountLine).where(StockCountLine.count_id == count_id).order_by(StockCountLine.sku_id)
    return (await session.scalars(found.limit(page.limit).offset(page.offset))).all()
