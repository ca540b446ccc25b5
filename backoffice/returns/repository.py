"""All SQL of the returns room."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import selectinload

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.kit.ids import case_number
from backoffice.returns.models import Return, ReturnStep


def whole() -> Select[Return]:
    """Returns with their steps, as the database has them now, newest first."""
    return (
        select(Return)
        .options(selectinload(Return.steps))
        .order_by(Return.requested_at.desc(), Return.id.desc())
        .execution_options(populate_existing=True)
    )


async def by_number(session: ReadSession, number: str) -> Return | None:
    return await session.scalar(whole().where(Return.number == number))


async def of_orders(session: ReadSession, order_ids: Sequence[int]) -> list[Return]:
    return list(await session.scalars(whole().where(Return.order_id.in_(order_ids))))


async def of_customer(session: ReadSession, customer_id: int, limit: int) -> list[Return]:
    return list(await session.scalars(whole().where(Return.customer_id == customer_id).limit(limit)))


async def add(session: WriteSession, moment: datetime, **values: Any) -> str:
    """Write an approved return under a number of its own; the number."""
    while True:
        number = case_number("R", moment)
        if await insert_once(session, Return, number=number, state="approved", requested_at=moment, **values):
            return_id = await session.scalar(select(Return.id).where(Return.number == number))
            session.add(ReturnStep(return_id=return_id, state="approved", at=moment))
            await session.flush()
            return number


async def withdraw(session: WriteSession, return_id: int, moment: datetime) -> bool:
    """Withdraw a return that is approved and not picked up yet; whether it was."""
    statement = (
        update(Return)
        .where(Return.id == return_id, Return.state == "approved")
        .values(state="withdrawn", closed_at=moment)
        .returning(Return.id)
        .execution_options(synchronize_session=False)
    )
    if await session.scalar(statement) is None:
        return False
    session.add(ReturnStep(return_id=return_id, state="withdrawn", at=moment))
    await session.flush()
    return True
