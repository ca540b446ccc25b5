"""A customer's phones, one of them the primary, with which they sign in. Another's look like none."""

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.masking import mask_phone
from backoffice.kit.time import now
from backoffice.users import phones_repository as repository
from backoffice.users.contacts import hold
from backoffice.users.domain import dialled, e164
from backoffice.users.models import Phone
from backoffice.users.schemas import Phones, PhoneView

MOST_PHONES = 5


async def phones(session: ReadSession, customer_id: int) -> Phones:
    """Masked."""
    return Phones(
        phones=[
            PhoneView(
                id=each.id,
                number=mask_phone(dialled(each.number)),
                is_primary=each.is_primary,
                is_verified=each.verified_at is not None,
                added_at=each.added_at,
            )
            for each in await repository.phones(session, customer_id)
        ]
    )


async def known(session: ReadSession, customer_id: int, phone_id: int) -> Phone:
    found = await repository.phone(session, customer_id, phone_id)
    if found is None:
        raise NotFound("no_such_phone")
    return found


async def add(session: WriteSession, customer_id: int, text: str) -> Phones:
    """Once, however often and however it is written; not verified yet.

    Raises `Invalid` (`bad_phone`), `Conflict` (`too_many_phones`) beyond five.
    """
    await note(session, customer_id, read(text))
    return await phones(session, customer_id)


def read(text: str) -> str:
    """In E.164. Raises `Invalid` (`bad_phone`)."""
    number = e164(text)
    if number is None:
        raise Invalid("bad_phone", "this is no number of a phone")
    return number


async def note(session: WriteSession, customer_id: int, number: str) -> bool:
    """Whether the customer did not have it. Raises `Conflict` (`too_many_phones`)."""
    await hold(session, customer_id)
    added = await repository.add(session, customer_id, number, now())
    if added and await repository.count(session, customer_id) > MOST_PHONES:
        raise Conflict("too_many_phones", f"at most {MOST_PHONES}")
    return added


async def verify(session: WriteSession, customer_id: int, phone_id: int) -> Phones:
    """A number proved to be the customer's.

    Raises `NotFound` (`no_such_phone`), `Conflict` (`phone_taken`) when it is verified to be another's.
    """
    await known(session, customer_id, phone_id)
    if not await repository.verify(session, customer_id, phone_id, now()):
        raise taken()
    return await phones(session, customer_id)


async def make_primary(session: WriteSession, customer_id: int, phone_id: int) -> Phones:
    """The customer signs in with this number from now on.

    Raises `NotFound` (`no_such_phone`), `Conflict` (`phone_not_verified`, `phone_taken`).
    """
    await hold(session, customer_id)
    found = await known(session, customer_id, phone_id)
    if found.verified_at is None:
        raise Conflict("phone_not_verified", "only a verified number can be the primary one")
    if not await repository.make_primary(session, customer_id, phone_id, found.number):
        raise taken()
    return await phones(session, customer_id)


async def remove(session: WriteSession, customer_id: int, phone_id: int) -> Phones:
    """Raises `NotFound` (`no_such_phone`), `Conflict` (`primary_phone`): make another one primary first."""
    await hold(session, customer_id)
    if (await known(session, customer_id, phone_id)).is_primary:
        raise Conflict("primary_phone", "make another number the primary one first")
    await repository.remove(session, customer_id, phone_id)
    return await phones(session, customer_id)


def taken() -> Conflict:
    return Conflict("phone_taken", "this number is another customer's")
