"""Shoppers: signing in, who they are, their points."""

from collections.abc import Sequence

from backoffice.kit import passwords
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import NotFound, Unauthenticated
from backoffice.kit.masking import mask_phone
from backoffice.kit.messages import catalogue, message
from backoffice.kit.passwords import Limit
from backoffice.kit.time import now
from backoffice.users import contacts, repository
from backoffice.users.domain import next_level
from backoffice.users.models import Customer
from backoffice.users.schemas import (
    CustomerView,
    DemoSignIn,
    Me,
    PointsEntryView,
    PointsView,
)

DEMO_PASSWORD = "xiaoer"


async def sign_in(database: Database, phone: str, password: str) -> CustomerView:
    """The customer with this phone and password.

    Raises `Unauthenticated` (`bad_sign_in`: the same for an unknown phone and a wrong password) and `TooMany`
    (`too_many_tries`) after ten wrong ones within an hour. A try counts even though the sign-in fails.
    """
    limits = [Limit("sign_in", phone)]
    return view(await passwords.sign_in(database, limits, phone, password, "phone", repository.by_phone))


def view(customer: Customer) -> CustomerView:
    return CustomerView.model_validate(customer, from_attributes=True)


async def by_phone(session: ReadSession, phone: str) -> CustomerView:
    """Raises `NotFound` (`no_such_customer`)."""
    found = await repository.by_phone(session, phone)
    if found is None:
        raise NotFound("no_such_customer")
    return view(found)


async def ensure(session: WriteSession, phone: str, name: str) -> int:
    """The id of the customer with this phone, who is made if there is none."""
    made = await repository.add_customer(session, phone, name, now())
    if made is not None:
        return made
    return (await by_phone(session, phone)).id


async def customers(session: ReadSession, ids: Sequence[int]) -> dict[int, CustomerView]:
    """Customers by id; unknown ones are left out."""
    return {found.id: view(found) for found in await repository.customers(session, ids)}


def level_label(level: str) -> str:
    return message("users", f"levels.{level}")


async def known(session: ReadSession, customer_id: int) -> Customer:
    """Raises `Unauthenticated` for a session that outlived its customer."""
    found = await repository.customer(session, customer_id)
    if found is None:
        raise Unauthenticated("bad_credential", "this customer is no longer known")
    return found


async def me(session: ReadSession, customer_id: int) -> Me:
    """What a customer sees of themselves. Raises `Unauthenticated`."""
    found = await known(session, customer_id)
    return Me(
        name=found.name,
        phone=mask_phone(found.phone),
        level=found.level,
        level_label=level_label(found.level),
        points=found.points,
        addresses=(await contacts.addresses(session, customer_id)).addresses,
    )


async def points(session: ReadSession, customer_id: int) -> PointsView:
    """Points, level and what the level brings. Raises `Unauthenticated`."""
    found = await known(session, customer_id)
    above = next_level(found.level, found.growth)
    return PointsView(
        points=found.points,
        level=found.level,
        level_label=level_label(found.level),
        next_level_label=level_label(above[0]) if above else None,
        points_to_next=above[1] if above else None,
        benefits=catalogue("users")["benefits"][found.level],
        entries=[
            PointsEntryView(delta=each.delta, reason=each.reason, at=each.at)
            for each in await repository.points_entries(session, customer_id, limit=5)
        ],
    )


async def demo_sign_ins(session: ReadSession) -> list[DemoSignIn]:
    """Who may be tried out in the demo shop, and what each shows."""
    return [
        DemoSignIn(name=each.name, phone=each.phone, password=DEMO_PASSWORD, situation=each.demo or "")
        for each in await repository.demo_customers(session)
    ]
