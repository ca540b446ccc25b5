"""A customer's addresses, devices and payment cards. What is another's looks as if it were not there."""

import hashlib
import re
from typing import Any

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound, Unauthenticated
from backoffice.kit.geo import Point
from backoffice.kit.ids import check_digit
from backoffice.kit.masking import mask_name, mask_phone, mask_street
from backoffice.kit.time import now
from backoffice.users import contacts_repository as repository
from backoffice.users import repository as customers
from backoffice.users.schemas import (
    AddressDetail,
    Addresses,
    AddressView,
    Cards,
    CardView,
    Devices,
    DeviceView,
    NewAddress,
    NewCard,
    SeenDevice,
)

MOST_ADDRESSES = 20


async def hold(session: WriteSession, customer_id: int) -> None:
    """Change what is a customer's one after the other. Raises `Unauthenticated` for one who is no more."""
    if not await customers.hold(session, customer_id):
        raise Unauthenticated("bad_credential", "this customer is no longer known")


async def addresses(session: ReadSession, customer_id: int) -> Addresses:
    """Masked."""
    return Addresses(
        addresses=[
            AddressView(
                id=each.id,
                receiver=mask_name(each.receiver),
                phone=mask_phone(each.phone),
                province=each.province,
                city=each.city,
                district=each.district,
                street=mask_street(each.street),
                is_default=each.is_default,
            )
            for each in await customers.addresses(session, customer_id)
        ]
    )


async def address(session: ReadSession, customer_id: int, address_id: int) -> AddressDetail:
    """One of a customer's, unmasked. Raises `NotFound` (`no_such_address`)."""
    found = await repository.address(session, customer_id, address_id)
    if found is None:
        raise NotFound("no_such_address")
    return AddressDetail.model_validate(found, from_attributes=True)


async def add_address(session: WriteSession, customer_id: int, wanted: NewAddress) -> Addresses:
    """The first one is the default. Raises `Conflict` (`too_many_addresses`) beyond twenty."""
    await hold(session, customer_id)
    there = await repository.count_addresses(session, customer_id)
    if there >= MOST_ADDRESSES:
        raise Conflict("too_many_addresses", f"at most {MOST_ADDRESSES}")
    added = await repository.add_address(session, customer_id, columns(wanted))
    if wanted.is_default or not there:
        await repository.make_default(session, customer_id, added)
    return await addresses(session, customer_id)


async def change_address(
    session: WriteSession, customer_id: int, address_id: int, wanted: NewAddress
) -> Addresses:
    """All of it; a default stays one. Raises `NotFound` (`no_such_address`)."""
    await hold(session, customer_id)
    if not await repository.change_address(session, customer_id, address_id, columns(wanted)):
        raise NotFound("no_such_address")
    if wanted.is_default:
        await repository.make_default(session, customer_id, address_id)
    return await addresses(session, customer_id)


async def make_default(session: WriteSession, customer_id: int, address_id: int) -> Addresses:
    """Raises `NotFound` (`no_such_address`)."""
    await hold(session, customer_id)
    await address(session, customer_id, address_id)
    await repository.make_default(session, customer_id, address_id)
    return await addresses(session, customer_id)


async def remove_address(session: WriteSession, customer_id: int, address_id: int) -> Addresses:
    """After the default the oldest becomes it. Raises `NotFound` (`no_such_address`)."""
    await hold(session, customer_id)
    was_default = await repository.remove_address(session, customer_id, address_id)
    if was_default is None:
        raise NotFound("no_such_address")
    if was_default and (oldest := await repository.oldest_address(session, customer_id)):
        await repository.make_default(session, customer_id, oldest)
    return await addresses(session, customer_id)


def columns(wanted: NewAddress) -> dict[str, Any]:
    """What is stored of an address: coordinates in WGS-84, beside the system they came in."""
    values = wanted.model_dump(exclude={"is_default", "system"})
    if wanted.latitude is None or wanted.longitude is None:
        return values | {"came_in": None}
    point = Point(wanted.latitude, wanted.longitude, wanted.system).to("wgs84")
    return values | {"latitude": point.latitude, "longitude": point.longitude, "came_in": wanted.system}


async def devices(session: ReadSession, customer_id: int) -> Devices:
    return Devices(
        devices=[
            DeviceView(
                id=each.id_hash,
                platform=each.platform,
                pushes=bool(each.push_token),
                first_seen_at=each.first_seen_at,
                last_seen_at=each.last_seen_at,
            )
            for each in await repository.devices(session, customer_id)
        ]
    )


async def see_device(session: WriteSession, customer_id: int, seen: SeenDevice) -> Devices:
    """The customer uses this device, for the first time or again."""
    await hold(session, customer_id)
    id_hash = hashlib.sha256(seen.device_id.encode()).hexdigest()
    await repository.see_device(session, customer_id, id_hash, seen.platform, seen.push_token, now())
    return await devices(session, customer_id)


async def remove_device(session: WriteSession, customer_id: int, id_hash: str) -> Devices:
    """Raises `NotFound` (`no_such_device`)."""
    if not await repository.remove_device(session, customer_id, id_hash):
        raise NotFound("no_such_device")
    return await devices(session, customer_id)


async def cards(session: ReadSession, customer_id: int) -> Cards:
    found = await repository.cards(session, customer_id)
    return Cards(cards=[CardView.model_validate(each, from_attributes=True) for each in found])


async def bind_card(session: WriteSession, customer_id: int, wanted: NewCard) -> Cards:
    """Once, however often it is asked for.

    Raises `Invalid` (`card_number`) for a number instead of a token, `Conflict` (`card_bound`) for a card
    that another customer has bound.
    """
    if any(map(is_card_number, (wanted.token, wanted.brand))):
        raise Invalid("card_number", "card numbers are not taken, only the tokens of a payment provider")
    await hold(session, customer_id)
    card = wanted.model_dump()
    added = await repository.add_card(session, customer_id, **card, at=now())
    if not added and await repository.owner_of_card(session, wanted.token) != customer_id:
        raise Conflict("card_bound", "this card is bound already")
    return await cards(session, customer_id)


async def unbind_card(session: WriteSession, customer_id: int, card_id: int) -> Cards:
    """Raises `NotFound` (`no_such_card`)."""
    if not await repository.remove_card(session, customer_id, card_id):
        raise NotFound("no_such_card")
    return await cards(session, customer_id)


def is_card_number(text: str) -> bool:
    """12 to 19 digits, spaces and dashes aside, of which the last is Luhn's check digit."""
    digits = re.sub(r"[\s-]", "", text)
    return bool(re.fullmatch(r"[0-9]{12,19}", digits)) and check_digit(digits[:-1]) == digits[-1]
