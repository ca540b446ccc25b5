"""Customers as tables: taken in by their phones, written masked."""

from collections.abc import AsyncIterator, Sequence

from backoffice.events import audit
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.masking import mask_name, mask_phone
from backoffice.kit.messages import catalogue, message
from backoffice.kit.sheets import Sheet, written
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.users import phones, phones_repository, repository
from backoffice.users.domain import dialled, e164
from backoffice.users.schemas import CustomerLine

BATCH = 500


def customers(staff_id: int) -> Sheet[CustomerLine]:
    """Each line is a customer, new or known by a verified phone. Passwords, points and levels are in none."""

    async def put(session: WriteSession, line: CustomerLine, columns: frozenset[str]) -> bool:
        number, others = phones.read(line.phone), [e164(each) for each in line.other_phones]
        if None in others:
            raise Invalid("bad_other_phone", "one of the others is no number of a phone")
        customer_id = await phones_repository.owner(session, number)
        changed = customer_id is None
        if customer_id is None:
            customer_id = await add(session, number, line.name)
        elif await repository.rename(session, customer_id, line.name):
            changed = True
        for other in filter(None, others):
            changed = await phones.note(session, customer_id, other) or changed
        if changed:
            await audit.record(session, staff_id, "customer_imported", f"customer:{customer_id}")
        return changed

    blames = {"bad_phone": "phone", "phone_taken": "phone"}
    blames |= dict.fromkeys(("bad_other_phone", "too_many_phones"), "other_phones")
    return Sheet("users", CustomerLine, lambda line: e164(line.phone) or line.phone, put, blames)


async def add(session: WriteSession, number: str, name: str) -> int:
    """A customer with this phone, of which the shop is sure. Raises `Conflict` (`phone_taken`)."""
    moment = now()
    customer_id = await repository.add_customer(session, dialled(number), name, moment)
    if customer_id is None or not await phones_repository.add(
        session, customer_id, number, moment, verified_at=moment, is_primary=True
    ):
        raise Conflict("phone_taken", "this number is another customer's")
    return customer_id


def exported(database: Database) -> AsyncIterator[bytes]:
    """Every customer, masked."""
    return written(list(catalogue("users")["sheets"]["written"].values()), lines(database))


async def lines(database: Database) -> AsyncIterator[Sequence[object]]:
    after = 0
    while True:
        async with database.read() as session:
            found = await repository.customers_after(session, after, BATCH)
        for each in found:
            joined = f"{each.joined_at.astimezone(SHOP_ZONE):%Y-%m-%d}"
            level = message("users", f"levels.{each.level}")
            yield (
                each.id,
                mask_name(each.name),
                mask_phone(each.phone),
                level,
                each.points,
                each.growth,
                joined,
            )
        if len(found) < BATCH:
            return
        after = found[-1].id
