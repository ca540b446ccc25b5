"""All SQL of the points ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select, update

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.users.domain import GROWTH, LEVELS, PointsKind
from backoffice.users.models import Customer, PointsEntry
from backoffice.users.schemas import PointsDifference

TAKES_WHAT_IS_THERE = ("spent", "expired", "adjusted")


async def add_entry(
    session: WriteSession,
    customer_id: int,
    kind: PointsKind,
    reference: str,
    delta: int,
    reason: str,
    at: datetime,
) -> bool:
    """Whether it was not there yet."""
    told = {"customer_id": customer_id, "kind": kind, "reference": reference}
    return await insert_once(session, PointsEntry, **told, delta=delta, reason=reason, at=at)


async def delta_of(session: ReadSession, customer_id: int, kind: PointsKind, reference: str) -> int | None:
    return await session.scalar(
        select(PointsEntry.delta).where(
            PointsEntry.customer_id == customer_id,
            PointsEntry.kind == kind,
            PointsEntry.reference == reference,
        )
    )


async def count(session: WriteSession, customer_id: int, kind: PointsKind, delta: int) -> bool:
    """Change the counters by an entry in one statement; False when there is less than it takes."""
    left = Customer.points - Customer.points_debt + delta
    values: dict[str, object] = {"points": clipped(left), "points_debt": clipped(-left)}
    if kind in GROWTH:
        growth = Customer.growth + delta
        values |= {"growth": growth, "level": level_at(growth)}
    statement = update(Customer).where(Customer.id == customer_id).values(values)
    if delta < 0 and kind in TAKES_WHAT_IS_THERE:
        statement = statement.where(Customer.points >= -delta)
    return await session.scalar(statement.returning(Customer.id)) is not None


def clipped(value: ColumnElement[int]) -> ColumnElement[int]:
    return case((value > 0, value), else_=0)


def level_at(growth: ColumnElement[int]) -> ColumnElement[str]:
    """`domain.level_of` in SQL."""
    lowest, *higher = LEVELS
    return case(*((growth >= LEVELS[name], name) for name in reversed(higher)), else_=lowest)


async def balance(session: ReadSession, customer_id: int) -> int | None:
    return await session.scalar(select(Customer.points).where(Customer.id == customer_id))


async def level(session: ReadSession, customer_id: int) -> str:
    return await session.scalar(select(Customer.level).where(Customer.id == customer_id)) or next(
        iter(LEVELS)
    )


async def count_customers(session: ReadSession) -> int:
    return await session.scalar(select(func.count()).select_from(Customer)) or 0


async def sum_of(
    session: ReadSession, customer_id: int, kinds: Sequence[PointsKind], references: Sequence[str]
) -> int:
    meant = [
        (PointsEntry.reference == each) | PointsEntry.reference.startswith(f"{each}:", autoescape=True)
        for each in references
    ]
    entries = (PointsEntry.customer_id == customer_id) & PointsEntry.kind.in_(kinds) & or_(*meant)
    return int(await session.scalar(select(func.sum(PointsEntry.delta)).where(entries)) or 0)


def remaining(before: datetime) -> ColumnElement[int]:
    """What is left of the points got before a time, if each point taken was the oldest there was."""
    counts = (PointsEntry.delta < 0) | (PointsEntry.at < before)
    return func.coalesce(func.sum(case((counts, PointsEntry.delta), else_=0)), 0)


async def left_of(session: ReadSession, customer_id: int, before: datetime) -> int:
    left = select(remaining(before)).where(PointsEntry.customer_id == customer_id)
    return int(await session.scalar(left) or 0)


async def with_old_points(session: ReadSession, before: datetime, after: int, limit: int) -> Sequence[int]:
    """Customers with an id above `after` who have something left of them, by id."""
    owners = (
        select(PointsEntry.customer_id)
        .where(PointsEntry.customer_id > after)
        .group_by(PointsEntry.customer_id)
        .having(remaining(before) > 0)
    )
    return (await session.scalars(owners.order_by(PointsEntry.customer_id).limit(limit))).all()


async def differences(session: ReadSession, after: int, limit: int) -> list[PointsDifference]:
    grows = case((PointsEntry.kind.in_(GROWTH), PointsEntry.delta), else_=0)
    entries = (
        select(
            PointsEntry.customer_id,
            func.sum(PointsEntry.delta).label("sum"),
            func.sum(grows).label("growth"),
        )
        .where(PointsEntry.customer_id > after)
        .group_by(PointsEntry.customer_id)
        .subquery()
    )
    total, growth = func.coalesce(entries.c.sum, 0), func.coalesce(entries.c.growth, 0)
    counted = Customer.points - Customer.points_debt
    wrong = (
        select(Customer.id, counted, total, Customer.growth, growth)
        .outerjoin(entries, entries.c.customer_id == Customer.id)
        .where(Customer.id > after, (counted != total) | (Customer.growth != growth))
        .order_by(Customer.id)
        .limit(limit)
    )
    return [
        PointsDifference(
            customer_id=id, counted=counted, entries=int(entries), growth=growth, earned=int(earned)
        )
        for id, counted, entries, growth, earned in await session.execute(wrong)
    ]
