"""All SQL of the users."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.users.domain import level_of
from backoffice.users.models import (
    Address,
    BindingCode,
    ChannelIdentity,
    Customer,
    IdentityChange,
    PointsEntry,
)


async def customer(session: ReadSession, customer_id: int) -> Customer | None:
    return await session.get(Customer, customer_id)


async def customers(session: ReadSession, ids: Sequence[int]) -> list[Customer]:
    return list(await session.scalars(select(Customer).where(Customer.id.in_(ids))))


async def add_customer(session: WriteSession, phone: str, name: str, at: datetime) -> int | None:
    """Their id; None when somebody signs in with this phone."""
    values = {"phone": phone, "name": name, "joined_at": at}
    added = upsert(session, Customer).values(**values, points=0, points_debt=0, growth=0, level=level_of(0))
    return await session.scalar(added.on_conflict_do_nothing(index_elements=["phone"]).returning(Customer.id))


async def rename(session: WriteSession, customer_id: int, name: str) -> bool:
    """Whether they were called otherwise."""
    changed = update(Customer).where(Customer.id == customer_id, Customer.name != name).values(name=name)
    return await session.scalar(changed.returning(Customer.id)) is not None


async def customers_after(session: ReadSession, after: int, limit: int) -> list[Customer]:
    wanted = select(Customer).where(Customer.id > after).order_by(Customer.id)
    return list(await session.scalars(wanted.limit(limit)))


async def by_phone(session: ReadSession, phone: str) -> Customer | None:
    return (await session.scalars(select(Customer).where(Customer.phone == phone))).one_or_none()


async def hold(session: WriteSession, customer_id: int) -> bool:
    """Let nobody else change what is this customer's until this transaction ends; False for nobody."""
    wanted = select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True)
    return await session.scalar(wanted) is not None


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


async def identity(session: ReadSession, channel: str, sender: str) -> ChannelIdentity | None:
    return await session.get(ChannelIdentity, (channel, sender), populate_existing=True)


async def identities(session: ReadSession, customer_id: int) -> list[ChannelIdentity]:
    """Newest first, a hundred at most."""
    wanted = select(ChannelIdentity).where(ChannelIdentity.customer_id == customer_id)
    newest = wanted.order_by(ChannelIdentity.bound_at.desc(), ChannelIdentity.sender)
    return list(await session.scalars(newest.limit(100)))


async def hold_identity(session: WriteSession, channel: str, sender: str) -> int | None:
    """Lock a sender, new or known, until this transaction ends; the customer they are."""
    await insert_once(session, ChannelIdentity, channel=channel, sender=sender)
    wanted = select(ChannelIdentity.customer_id).where(*is_sender(channel, sender))
    return await session.scalar(wanted.with_for_update())


async def set_customer(
    session: WriteSession, channel: str, sender: str, customer_id: int, proof: str, at: datetime
) -> None:
    values = {"customer_id": customer_id, "proof": proof, "bound_at": at}
    await session.execute(update(ChannelIdentity).where(*is_sender(channel, sender)).values(values))


async def part(session: WriteSession, channel: str, sender: str, customer_id: int) -> bool:
    """Whether they were this customer until now."""
    statement = (
        update(ChannelIdentity)
        .where(*is_sender(channel, sender), ChannelIdentity.customer_id == customer_id)
        .values(customer_id=None, proof="", bound_at=None)
    )
    return await session.scalar(statement.returning(ChannelIdentity.sender)) is not None


async def set_gone(session: WriteSession, channel: str, sender: str, at: datetime | None) -> None:
    statement = upsert(session, ChannelIdentity).values(channel=channel, sender=sender, gone_at=at)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["channel", "sender"], set_={"gone_at": at})
    )


def is_sender(channel: str, sender: str) -> tuple[ColumnElement[bool], ...]:
    return ChannelIdentity.channel == channel, ChannelIdentity.sender == sender


async def log_change(
    session: WriteSession, channel: str, sender: str, customer_id: int, proof: str, at: datetime
) -> None:
    session.add(IdentityChange(channel=channel, sender=sender, customer_id=customer_id, proof=proof, at=at))
    await session.flush()


async def keep_code(
    session: WriteSession, customer_id: int, code: str, moment: datetime, expires_at: datetime
) -> bool:
    """Instead of the customer's earlier one; False when the code is another's."""
    old = (BindingCode.code == code) & (BindingCode.expires_at <= moment)
    await session.execute(delete(BindingCode).where((BindingCode.customer_id == customer_id) | old))
    return await insert_once(session, BindingCode, customer_id=customer_id, code=code, expires_at=expires_at)


async def use_code(session: WriteSession, code: str, moment: datetime) -> int | None:
    """Whose code it was: it is gone with this, so that rivals cannot both use it."""
    statement = delete(BindingCode).where(BindingCode.code == code, BindingCode.expires_at > moment)
    return await session.scalar(statement.returning(BindingCode.customer_id))
