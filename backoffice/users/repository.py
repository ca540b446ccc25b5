"""All SQL of the users."""

from collections.abc import Sequence

from sqlalchemy import select

from backoffice.kit.database import ReadSession
from backoffice.users.models import Address, Customer, PointsEntry


async def customer(session: ReadSession, customer_id: int) -> Customer | None:
    return await session.get(Customer, customer_id)


async def customers(session: ReadSession, ids: Sequence[int]) -> list[Customer]:
    return list(await session.scalars(select(Customer).where(Customer.id.in_(ids))))


async def by_phone(session: ReadSession, phone: str) -> Customer | None:
    return (await session.scalars(select(Customer).where(Customer.phone == phone))).one_or_none()


async def addresses(session: ReadSession, customer_id: int) -> list[Address]:
    """The default one first."""
    wanted = select(Address).where(Address.customer_id == customer_id)
    return list(await session.scalars(wanted.order_by(Address.is_default.desc(), Address.id)))


async def points_entries(session: ReadSession, customer_id: int, limit: int) -> list[PointsEntry]:
    """Newest first."""
    wanted = select(PointsEntry).where(PointsEntry.customer_id == customer_id)
    newest = wanted.order_by(PointsEntry.at.desc(), PointsEntry.id.desc())
    return list(await session.scalars(newest.limit(limit)))


async def demo_customers(session: ReadSession) -> list[Customer]:
    return list(
        await session.scalars(select(Customer).where(Customer.demo.is_not(None)).order_by(Customer.phone))
    )
