"""All SQL of customers' phones."""

from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.users.domain import dialled
from backoffice.users.models import Customer, Phone


async def phones(session: ReadSession, customer_id: int) -> list[Phone]:
    """The primary one first."""
    wanted = select(Phone).where(Phone.customer_id == customer_id).order_by(Phone.is_primary.desc(), Phone.id)
    return list(await session.scalars(wanted.execution_options(populate_existing=True)))


async def phone(session: ReadSession, customer_id: int, phone_id: int) -> Phone | None:
    wanted = select(Phone).where(Phone.customer_id == customer_id, Phone.id == phone_id)
    return await session.scalar(wanted.execution_options(populate_existing=True))


async def owner(session: ReadSession, number: str) -> int | None:
    """The customer who has verified it, or signs in with it."""
    verified = select(Phone.customer_id).where(Phone.number == number, Phone.verified_at.is_not(None))
    signs_in = select(Customer.id).where(Customer.phone == dialled(number))
    return await session.scalar(verified) or await session.scalar(signs_in)


async def count(session: ReadSession, customer_id: int) -> int:
    counted = select(func.count()).select_from(Phone).where(Phone.customer_id == customer_id)
    return await session.scalar(counted) or 0


async def add(
    session: WriteSession,
    customer_id: int,
    number: str,
    at: datetime,
    verified_at: datetime | None = None,
    is_primary: bool = False,
) -> bool:
    """False when the customer has it; a verified one, when another has verified it."""
    values = {"customer_id": customer_id, "number": number, "added_at": at}
    return await insert_once(session, Phone, **values, verified_at=verified_at, is_primary=is_primary)


async def verify(session: WriteSession, customer_id: int, phone_id: int, at: datetime) -> bool:
    """False when it is verified to be another's."""
    theirs = (Phone.customer_id == customer_id) & (Phone.id == phone_id)
    changed = update(Phone).where(theirs, Phone.verified_at.is_(None)).values(verified_at=at)
    try:
        async with session.begin_nested():
            await session.execute(changed)
    except IntegrityError:
        return False
    return True


async def make_primary(session: WriteSession, customer_id: int, phone_id: int, number: str) -> bool:
    """One number instead of any other; False when somebody else signs in with it. Hold the customer."""
    mine = Phone.customer_id == customer_id
    try:
        async with session.begin_nested():
            await session.execute(update(Phone).where(mine, Phone.is_primary).values(is_primary=False))
            await session.execute(update(Phone).where(mine, Phone.id == phone_id).values(is_primary=True))
            signs_in = update(Customer).where(Customer.id == customer_id)
            await session.execute(signs_in.values(phone=dialled(number)))
    except IntegrityError:
        return False
    return True


async def remove(session: WriteSession, customer_id: int, phone_id: int) -> None:
    await session.execute(delete(Phone).where(Phone.customer_id == customer_id, Phone.id == phone_id))
