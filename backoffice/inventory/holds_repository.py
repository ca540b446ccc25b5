"""All SQL of promises, but for their making, which goes with the levels.

Who changes promises locks them in the order of their keys, and the levels afterwards.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, select, tuple_, update

from backoffice.inventory.ledger_repository import PROMISES
from backoffice.inventory.schemas import Pick, Promise
from backoffice.kit.database import ReadSession, WriteSession

MOST = 1000
IN_ORDER = PROMISES.c.holder, PROMISES.c.location_id, PROMISES.c.sku_id
ONE = (
    PROMISES.c.holder == bindparam("of_holder"),
    PROMISES.c.location_id == bindparam("of_location"),
    PROMISES.c.sku_id == bindparam("of_sku"),
)
FIELDS = tuple(PROMISES.c[name] for name in Promise._fields)


async def promised(session: ReadSession, holders: Collection[str]) -> list[Promise]:
    """By holder, location and SKU."""
    found = select(*FIELDS).where(PROMISES.c.holder.in_(holders)).order_by(*IN_ORDER)
    return [Promise(*row) for row in await session.execute(found)]


async def lock(session: WriteSession, holder: str) -> list[Promise]:
    """The same of one holder, nobody else changes them before this commits."""
    found = select(*FIELDS).where(PROMISES.c.holder == holder).order_by(*IN_ORDER).with_for_update()
    return [Promise(*row) for row in await session.execute(found)]


async def confirm(session: WriteSession, holder: str) -> None:
    """Make what is held, and locked, allocated."""
    held = PROMISES.c.holder == holder, PROMISES.c.state == "held"
    await session.execute(update(PROMISES).where(*held).values(state="allocated", until=None))


async def reduce(session: WriteSession, holder: str, left: Sequence[Pick]) -> None:
    """Set what is promised, and locked, to fewer pieces; 0: the promise is gone."""
    keys = [{"of_holder": holder, "of_location": each.location_id, "of_sku": each.sku_id} for each in left]
    rows = [key | {"left": each.quantity} for key, each in zip(keys, left, strict=True)]
    if kept := [row for row in rows if row["left"]]:
        await session.execute(update(PROMISES).where(*ONE).values(quantity=bindparam("left")), kept)
    if gone := [key for key, row in zip(keys, rows, strict=True) if not row["left"]]:
        await session.execute(delete(PROMISES).where(*ONE), gone)


async def fewer_parts(session: WriteSession, holder: str, parts: int) -> None:
    """Let what is held be whole without so many rows that were let go on purpose."""
    held = PROMISES.c.holder == holder, PROMISES.c.state == "held"
    await session.execute(update(PROMISES).where(*held).values(parts=PROMISES.c.parts - parts))


async def holders_over(session: ReadSession, moment: datetime, limit: int) -> list[str]:
    """Who holds something whose time is over, the longest over first."""
    found = (
        select(PROMISES.c.holder)
        .where(*over(moment))
        .group_by(PROMISES.c.holder)
        .order_by(func.min(PROMISES.c.until))
        .limit(limit)
    )
    return list(await session.scalars(found))


async def end_hold(session: WriteSession, moment: datetime, holder: str) -> list[Promise]:
    """Remove what a holder held until before that time; see `end`."""
    return await end(session, moment, PROMISES.c.holder == holder)


async def end_holds_at(
    session: WriteSession, moment: datetime, keys: Collection[tuple[int, int]], limit: int
) -> list[Promise]:
    """Remove some of what was held at these levels (location, SKU) until before that time; see `end`."""
    return await end(session, moment, tuple_(PROMISES.c.location_id, PROMISES.c.sku_id).in_(keys), limit)


async def end(
    session: WriteSession, moment: datetime, which: ColumnElement[bool], limit: int = MOST
) -> list[Promise]:
    """Remove holds that are over, leaving what somebody else is at: it never waits."""
    found = select(*IN_ORDER).where(*over(moment), which).order_by(*IN_ORDER).limit(limit)
    ended = (
        delete(PROMISES)
        .where(tuple_(*IN_ORDER).in_(found.with_for_update(skip_locked=True)), *over(moment))
        .returning(*FIELDS)
    )
    return [Promise(*row) for row in await session.execute(ended)]


def over(moment: datetime) -> tuple[ColumnElement[bool], ...]:
    return PROMISES.c.state == "held", PROMISES.c.until <= moment
