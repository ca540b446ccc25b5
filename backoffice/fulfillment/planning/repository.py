"""All SQL of planning."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, or_, select, true, update

from backoffice.fulfillment.planning.models import (
    LocationHour,
    LocationTermsRow,
    PlanningDecision,
    PlanningProfile,
    ShippingCalendar,
)
from backoffice.kit.database import Base, ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.together import write_rows


async def how(
    session: ReadSession, promise: str
) -> tuple[dict[str, Any] | None, dict[str, ShippingCalendar]]:
    """A promise's profile, None for the usual one, and every calendar by its name."""
    one = select(literal(1)).subquery()
    rows = await session.execute(
        select(PlanningProfile.profile, ShippingCalendar)
        .select_from(one)
        .outerjoin(PlanningProfile, PlanningProfile.promise == promise)
        .outerjoin(ShippingCalendar, true())
    )
    found = rows.all()
    return found[0][0], {calendar.name: calendar for _, calendar in found if calendar}


async def terms(
    session: ReadSession, location_ids: Collection[int], hour: datetime
) -> dict[int, tuple[LocationTermsRow, LocationHour | None]]:
    """What locations do and how full their hour is; those without a row are left out."""
    rows = await session.execute(
        select(LocationTermsRow, LocationHour)
        .outerjoin(
            LocationHour,
            (LocationHour.location_id == LocationTermsRow.location_id) & (LocationHour.hour == hour),
        )
        .where(LocationTermsRow.location_id.in_(location_ids))
    )
    return {row.location_id: (row, load) for row, load in rows}


async def take(session: WriteSession, location_id: int, hour: datetime, bounded: bool) -> bool:
    """Count an order in an hour of a location; False when it is full and `bounded`."""
    await insert_once(session, LocationHour, location_id=location_id, hour=hour, taken=0)
    usual = (
        select(LocationTermsRow.hourly_orders)
        .where(LocationTermsRow.location_id == location_id)
        .scalar_subquery()
    )
    most = func.coalesce(LocationHour.most, usual)
    statement = (
        update(LocationHour)
        .where(LocationHour.location_id == location_id, LocationHour.hour == hour)
        .values(taken=LocationHour.taken + 1)
        .returning(LocationHour.location_id)
    )
    if bounded:
        statement = statement.where(or_(most.is_(None), LocationHour.taken < most))
    return await session.scalar(statement) is not None


async def give_back(session: WriteSession, location_id: int, hour: datetime) -> None:
    await session.execute(
        update(LocationHour)
        .where(LocationHour.location_id == location_id, LocationHour.hour == hour, LocationHour.taken > 0)
        .values(taken=LocationHour.taken - 1)
    )


async def put(session: WriteSession, table: type[Base], key: dict[str, Any], values: dict[str, Any]) -> None:
    """Write a row over the one of that key, or as the first."""
    await session.execute(
        upsert(session, table)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )


async def hours(session: ReadSession, location_id: int, since: datetime, limit: int) -> list[LocationHour]:
    """The hours of a location that have a load or a limit of their own, earliest first."""
    wanted = select(LocationHour).where(LocationHour.location_id == location_id, LocationHour.hour >= since)
    return list(await session.scalars(wanted.order_by(LocationHour.hour).limit(limit)))


async def add_decision(session: WriteSession, order_id: int, decided: dict[str, Any], at: datetime) -> None:
    await write_rows(session, PlanningDecision, {"order_id": order_id, "decided": decided, "at": at})


async def decisions(session: ReadSession, order_id: int, limit: int) -> list[dict[str, Any]]:
    """Those of an order, newest first."""
    wanted = select(PlanningDecision.decided).where(PlanningDecision.order_id == order_id)
    return list(await session.scalars(wanted.order_by(PlanningDecision.id.desc()).limit(limit)))


async def decided(session: ReadSession, order_ids: Collection[int]) -> set[int]:
    """Those of the orders that have any."""
    wanted = select(PlanningDecision.order_id).where(PlanningDecision.order_id.in_(order_ids))
    return set(await session.scalars(wanted.distinct()))
