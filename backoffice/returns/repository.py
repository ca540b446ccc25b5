"""All SQL of the returns room."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import selectinload

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.kit.ids import case_number
from backoffice.kit.paging import Page
from backoffice.returns.models import Return, ReturnLine, ReturnPhoto, ReturnStep

QUIETLY = {"synchronize_session": False}
ENDED_IN_VAIN = ("withdrawn", "rejected")


def whole() -> Select[Return]:
    """Cases with their lines, steps and photos, as the database has them now, newest first."""
    return (
        select(Return)
        .options(selectinload(Return.lines), selectinload(Return.steps), selectinload(Return.photos))
        .order_by(Return.requested_at.desc(), Return.id.desc())
        .execution_options(populate_existing=True)
    )


async def by_number(session: ReadSession, number: str) -> Return | None:
    return await session.scalar(whole().where(Return.number == number))


async def as_it_is(session: ReadSession, return_id: int) -> Return:
    """A case that is there, read anew."""
    return (await session.scalars(whole().where(Return.id == return_id))).one()


async def of_orders(session: ReadSession, order_ids: Sequence[int]) -> list[Return]:
    return list(await session.scalars(whole().where(Return.order_id.in_(order_ids))))


async def of_customer(session: ReadSession, customer_id: int, limit: int) -> list[Return]:
    return list(await session.scalars(whole().where(Return.customer_id == customer_id).limit(limit)))


def worklist_of(states: Sequence[str], overdue: bool) -> list[ColumnElement[bool]]:
    return [Return.state.in_(states), *([Return.overdue_at.is_not(None)] if overdue else [])]


async def worklist(session: ReadSession, states: Sequence[str], overdue: bool, page: Page) -> list[Return]:
    """Cases in these states, the oldest first."""
    oldest = whole().order_by(None).order_by(Return.requested_at, Return.id)
    wanted = oldest.where(*worklist_of(states, overdue)).limit(page.limit).offset(page.offset)
    return list(await session.scalars(wanted))


async def count_worklist(session: ReadSession, states: Sequence[str], overdue: bool) -> int:
    counted = select(func.count()).select_from(Return).where(*worklist_of(states, overdue))
    return await session.scalar(counted) or 0


async def worth_of(session: ReadSession, line_id: int) -> int:
    """What the pieces of a line that are in cases are worth together, in fen."""
    statement = (
        select(func.coalesce(func.sum(ReturnLine.worth_fen), 0))
        .join(Return, Return.id == ReturnLine.return_id)
        .where(ReturnLine.line_id == line_id, Return.state.not_in(ENDED_IN_VAIN))
    )
    return int(await session.scalar(statement) or 0)


async def others(session: ReadSession, order_id: int, return_id: int | None) -> list[Return]:
    """The cases of an order beside this one that did not end in vain."""
    cases = whole().where(Return.order_id == order_id, Return.state.not_in(ENDED_IN_VAIN))
    return [each for each in await session.scalars(cases) if each.id != return_id]


async def add(
    session: WriteSession, moment: datetime, lines: Sequence[dict[str, Any]], **values: Any
) -> tuple[str, int]:
    """Write an approved case under a number of its own; its number and its id."""
    while True:
        number = case_number("R", moment)
        if await insert_once(session, Return, number=number, state="approved", requested_at=moment, **values):
            return_id = (await session.scalars(select(Return.id).where(Return.number == number))).one()
            session.add_all(ReturnLine(return_id=return_id, **line) for line in lines)
            session.add(ReturnStep(return_id=return_id, state="approved", at=moment))
            await session.flush()
            return number, return_id


async def change(session: WriteSession, return_id: int, *guards: ColumnElement[bool], **values: Any) -> bool:
    """Change a case if the guards let it; whether it was. The row is held until the transaction ends."""
    statement = update(Return).where(Return.id == return_id, *guards).values(**values).returning(Return.id)
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def hold(session: WriteSession, return_id: int, states: Sequence[str]) -> bool:
    """Keep a case in its state, one of `states`, until this transaction ends; False when it is in none."""
    return await change(session, return_id, Return.state.in_(states), state=Return.state)


async def move(
    session: WriteSession,
    return_id: int,
    states: Sequence[str],
    to: str,
    moment: datetime,
    *guards: ColumnElement[bool],
    **values: Any,
) -> bool:
    """Lead a case from one of `states` to the next, with its step; whether it was."""
    if not await change(session, return_id, Return.state.in_(states), *guards, state=to, **values):
        return False
    session.add(ReturnStep(return_id=return_id, state=to, at=moment))
    await session.flush()
    return True


async def change_line(
    session: WriteSession, return_id: int, line_id: int, *guards: ColumnElement[bool], **values: Any
) -> bool:
    statement = (
        update(ReturnLine)
        .where(ReturnLine.return_id == return_id, ReturnLine.line_id == line_id, *guards)
        .values(**values)
        .returning(ReturnLine.line_id)
    )
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def arrived(session: WriteSession, return_id: int, line_id: int, pieces: int) -> bool:
    """Count pieces of a line as received, if that many are still awaited."""
    after = ReturnLine.received + pieces
    awaited = (after <= ReturnLine.quantity, ReturnLine.withdrawn_at.is_(None))
    return await change_line(session, return_id, line_id, *awaited, received=after)


async def due(session: ReadSession, *which: ColumnElement[bool], limit: int) -> list[str]:
    """The numbers of cases for which a deadline is over."""
    return list(await session.scalars(select(Return.number).where(*which).order_by(Return.id).limit(limit)))


async def add_photo(session: WriteSession, **values: Any) -> None:
    session.add(ReturnPhoto(**values))
    await session.flush()


async def photo(session: ReadSession, photo_id: str) -> ReturnPhoto | None:
    return await session.scalar(select(ReturnPhoto).where(ReturnPhoto.id == photo_id))


async def attach(session: WriteSession, owner: str, return_id: int, photo_ids: Collection[str]) -> int:
    """Put those of the photos to a case that this owner stored and no case has; how many."""
    statement = (
        update(ReturnPhoto)
        .where(ReturnPhoto.id.in_(photo_ids), ReturnPhoto.owner == owner, ReturnPhoto.return_id.is_(None))
        .values(return_id=return_id)
        .returning(ReturnPhoto.id)
    )
    return len((await session.scalars(statement, execution_options=QUIETLY)).all())


async def remove_unused_photos(session: WriteSession, before: datetime) -> list[str]:
    """Forget photos stored before that and of no case; their ids."""
    unused = delete(ReturnPhoto).where(ReturnPhoto.at < before, ReturnPhoto.return_id.is_(None))
    return list(await session.scalars(unused.returning(ReturnPhoto.id), execution_options=QUIETLY))


async def photos_there(session: ReadSession, photo_ids: Collection[str]) -> set[str]:
    """Those of the ids that are photos."""
    return set(await session.scalars(select(ReturnPhoto.id).where(ReturnPhoto.id.in_(photo_ids))))
