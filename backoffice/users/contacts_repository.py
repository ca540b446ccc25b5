"""All SQL of addresses that change, of devices and of payment cards."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.users.models import Address, Device, PaymentCard


def own(customer_id: int, address_id: int) -> ColumnElement[bool]:
    return (Address.customer_id == customer_id) & (Address.id == address_id)


async def address(session: ReadSession, customer_id: int, address_id: int) -> Address | None:
    wanted = select(Address).where(own(customer_id, address_id))
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def count_addresses(session: ReadSession, customer_id: int) -> int:
    counted = select(func.count()).select_from(Address).where(Address.customer_id == customer_id)
    return await session.scalar(counted) or 0


async def add_address(session: WriteSession, customer_id: int, values: dict[str, Any]) -> int:
    """Its id."""
    added = insert(Address).values(customer_id=customer_id, **values).returning(Address.id)
    return int(await session.scalar(added) or 0)


async def change_address(
    session: WriteSession, customer_id: int, address_id: int, values: dict[str, Any]
) -> bool:
    """Whether the customer has it."""
    changed = update(Address).where(own(customer_id, address_id)).values(values)
    return await session.scalar(changed.returning(Address.id)) is not None


async def remove_address(session: WriteSession, customer_id: int, address_id: int) -> bool | None:
    """Whether it was the default; None when the customer has no such address."""
    gone = delete(Address).where(own(customer_id, address_id))
    return await session.scalar(gone.returning(Address.is_default))


async def make_default(session: WriteSession, customer_id: int, address_id: int) -> None:
    """One address instead of any other. The customer must be held."""
    mine = Address.customer_id == customer_id
    await session.execute(update(Address).where(mine, Address.is_default).values(is_default=False))
    await session.execute(update(Address).where(own(customer_id, address_id)).values(is_default=True))


async def oldest_address(session: ReadSession, customer_id: int) -> int | None:
    return await session.scalar(select(func.min(Address.id)).where(Address.customer_id == customer_id))


async def see_device(
    session: WriteSession, customer_id: int, id_hash: str, platform: str, push_token: str | None, at: datetime
) -> None:
    statement = upsert(session, Device).values(
        customer_id=customer_id,
        id_hash=id_hash,
        platform=platform,
        push_token=push_token or "",
        first_seen_at=at,
        last_seen_at=at,
    )
    seen: dict[str, Any] = {"platform": platform, "last_seen_at": at}
    if push_token is not None:
        seen["push_token"] = push_token
    await session.execute(
        statement.on_conflict_do_update(index_elements=["customer_id", "id_hash"], set_=seen)
    )


async def devices(session: ReadSession, customer_id: int) -> list[Device]:
    """Seen last first, a hundred at most."""
    wanted = select(Device).where(Device.customer_id == customer_id)
    newest = wanted.order_by(Device.last_seen_at.desc(), Device.id_hash).limit(100)
    return list(await session.scalars(newest.execution_options(populate_existing=True)))


async def remove_device(session: WriteSession, customer_id: int, id_hash: str) -> bool:
    gone = delete(Device).where(Device.customer_id == customer_id, Device.id_hash == id_hash)
    return await session.scalar(gone.returning(Device.id_hash)) is not None


async def add_card(
    session: WriteSession, customer_id: int, token: str, brand: str, last_four: str, at: datetime
) -> bool:
    """False when the token is bound, to whomever."""
    card = {"token": token, "brand": brand, "last_four": last_four, "bound_at": at}
    return await insert_once(session, PaymentCard, customer_id=customer_id, **card)


async def owner_of_card(session: ReadSession, token: str) -> int | None:
    return await session.scalar(select(PaymentCard.customer_id).where(PaymentCard.token == token))


async def cards(session: ReadSession, customer_id: int) -> list[PaymentCard]:
    """Bound last first, a hundred at most."""
    wanted = select(PaymentCard).where(PaymentCard.customer_id == customer_id)
    return list(await session.scalars(wanted.order_by(PaymentCard.id.desc()).limit(100)))


async def remove_card(session: WriteSession, customer_id: int, card_id: int) -> bool:
    gone = delete(PaymentCard).where(PaymentCard.customer_id == customer_id, PaymentCard.id == card_id)
    return await session.scalar(gone.returning(PaymentCard.id)) is not None
