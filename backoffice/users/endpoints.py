"""Signing in and one's own data over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from backoffice.events import audit
from backoffice.kit.database import Database, Reading, WriteSession, Writing, database_of
from backoffice.kit.errors import NotFound
from backoffice.kit.fields import RowId, Text
from backoffice.kit.sheet_endpoints import CSV, AtDatabase, Download, Uploading, download
from backoffice.kit.sheets import Report
from backoffice.settings import Settings, settings_of
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.users import contacts, identities, identity, sheets
from backoffice.users import phones as numbers
from backoffice.users import points as ledger
from backoffice.users import service as users
from backoffice.users.identity import Acting, Asking, Credentials, credentials
from backoffice.users.schemas import (
    Addresses,
    BindingCodeView,
    Cards,
    DemoSignIns,
    Devices,
    Identities,
    Me,
    NewAddress,
    NewCard,
    NewPhone,
    Phones,
    PointsAdjustment,
    PointsView,
    SeenDevice,
    ServiceSignedIn,
    ServiceSignIn,
    SignedIn,
    SignIn,
    Verified,
)

router = APIRouter(prefix="/api", tags=["users"])
Admin = Annotated[StaffView, Depends(staff("admin"))]
Leader = Annotated[StaffView, Depends(staff("supervisor", "admin"))]
Issuing = Annotated[Credentials, Depends(credentials)]


@router.post("/session")
async def sign_in(
    asked: SignIn, database: Annotated[Database, Depends(database_of)], issued: Issuing
) -> SignedIn:
    customer = await users.sign_in(database, asked.phone, asked.password)
    return SignedIn(token=issued.sign_session(customer.id), name=customer.name)


@router.post("/service/session", dependencies=[Depends(identity.service)])
async def sign_in_for(asked: ServiceSignIn, session: Reading, issued: Issuing) -> ServiceSignedIn:
    customer = await users.by_phone(session, asked.phone)
    return ServiceSignedIn(
        token=issued.sign_session(customer.id), name=customer.name, customer_id=customer.id
    )


@router.get("/me")
async def me(session: Reading, shopper: Asking) -> Me:
    return await users.me(session, shopper.signed_in)


@router.get("/me/points")
async def points(session: Reading, shopper: Asking) -> PointsView:
    return await users.points(session, shopper.signed_in)


@router.post("/me/binding-code")
async def binding_code(errand: Acting) -> BindingCodeView:
    """What a customer writes in another channel to be known there: ten minutes, one use."""
    customer_id = errand.shopper.signed_in
    return await errand.once(BindingCodeView, lambda session: identities.binding_code(session, customer_id))


@router.get("/me/identities")
async def known_as(session: Reading, shopper: Asking) -> Identities:
    return Identities(identities=await identities.identities(session, shopper.signed_in))


@router.delete("/me/identities/{channel}/{sender}")
async def unbind(
    errand: Acting,
    channel: Annotated[Text, Path(max_length=20)],
    sender: Annotated[Text, Path(max_length=80)],
) -> Identities:
    """What is left."""

    async def verb(session: WriteSession) -> Identities:
        await identities.unbind(session, errand.shopper.signed_in, channel, sender)
        return Identities(identities=await identities.identities(session, errand.shopper.signed_in))

    return await errand.once(Identities, verb)


@router.get("/me/phones")
async def phones(session: Reading, shopper: Asking) -> Phones:
    return await numbers.phones(session, shopper.signed_in)


@router.post("/me/phones")
async def add_phone(errand: Acting, wanted: NewPhone) -> Phones:
    mine = errand.shopper.signed_in
    return await errand.once(Phones, lambda session: numbers.add(session, mine, wanted.number))


@router.put("/me/phones/{phone_id}/primary")
async def make_primary(errand: Acting, phone_id: RowId) -> Phones:
    mine = errand.shopper.signed_in
    return await errand.once(Phones, lambda session: numbers.make_primary(session, mine, phone_id))


@router.delete("/me/phones/{phone_id}")
async def remove_phone(errand: Acting, phone_id: RowId) -> Phones:
    """What is left."""
    mine = errand.shopper.signed_in
    return await errand.once(Phones, lambda session: numbers.remove(session, mine, phone_id))


@router.get("/me/addresses")
async def addresses(session: Reading, shopper: Asking) -> Addresses:
    return await contacts.addresses(session, shopper.signed_in)


@router.post("/me/addresses")
async def add_address(errand: Acting, wanted: NewAddress) -> Addresses:
    mine = errand.shopper.signed_in
    return await errand.once(Addresses, lambda session: contacts.add_address(session, mine, wanted))


@router.put("/me/addresses/{address_id}")
async def change_address(errand: Acting, address_id: RowId, wanted: NewAddress) -> Addresses:
    mine = errand.shopper.signed_in
    return await errand.once(
        Addresses, lambda session: contacts.change_address(session, mine, address_id, wanted)
    )


@router.put("/me/addresses/{address_id}/default")
async def make_default(errand: Acting, address_id: RowId) -> Addresses:
    mine = errand.shopper.signed_in
    return await errand.once(Addresses, lambda session: contacts.make_default(session, mine, address_id))


@router.delete("/me/addresses/{address_id}")
async def remove_address(errand: Acting, address_id: RowId) -> Addresses:
    """What is left."""
    mine = errand.shopper.signed_in
    return await errand.once(Addresses, lambda session: contacts.remove_address(session, mine, address_id))


@router.get("/me/devices")
async def devices(session: Reading, shopper: Asking) -> Devices:
    return await contacts.devices(session, shopper.signed_in)


@router.put("/me/devices")
async def see_device(errand: Acting, seen: SeenDevice) -> Devices:
    """To be told whenever the app starts."""
    mine = errand.shopper.signed_in
    return await errand.once(Devices, lambda session: contacts.see_device(session, mine, seen))


@router.delete("/me/devices/{device_id}")
async def remove_device(errand: Acting, device_id: Annotated[Text, Path(max_length=64)]) -> Devices:
    """What is left."""
    mine = errand.shopper.signed_in
    return await errand.once(Devices, lambda session: contacts.remove_device(session, mine, device_id))


@router.get("/me/cards")
async def cards(session: Reading, shopper: Asking) -> Cards:
    return await contacts.cards(session, shopper.signed_in)


@router.post("/me/cards")
async def bind_card(errand: Acting, wanted: NewCard) -> Cards:
    mine = errand.shopper.signed_in
    return await errand.once(Cards, lambda session: contacts.bind_card(session, mine, wanted))


@router.delete("/me/cards/{card_id}")
async def unbind_card(errand: Acting, card_id: RowId) -> Cards:
    """What is left."""
    mine = errand.shopper.signed_in
    return await errand.once(Cards, lambda session: contacts.unbind_card(session, mine, card_id))


@router.get("/staff/customers/{customer_id}/phones", dependencies=[Depends(staff())])
async def phones_of(session: Reading, customer_id: RowId) -> Phones:
    return await numbers.phones(session, customer_id)


@router.put("/staff/customers/{customer_id}/phones/{phone_id}/verified")
async def verify_phone(
    leader: Leader, session: Writing, customer_id: RowId, phone_id: RowId, proved: Verified
) -> Phones:
    """A number is the customer's, as somebody here found out."""
    shown = await numbers.verify(session, customer_id, phone_id)
    subject = f"customer:{customer_id}"
    await audit.record(session, leader.id, "phone_verified", subject, proved.reason, phone=phone_id)
    return shown


@router.post("/staff/customers/{customer_id}/points", status_code=204)
async def adjust_points(admin: Admin, customer_id: RowId, wanted: PointsAdjustment, session: Writing) -> None:
    """Up or down, once for each reference."""
    reference, reason = wanted.reference, wanted.reason
    if await ledger.adjust(session, customer_id, wanted.delta, reference, reason):
        detail = {"delta": wanted.delta, "reference": reference}
        await audit.record(session, admin.id, "points_adjusted", f"customer:{customer_id}", reason, **detail)


@router.get("/staff/sheets/customers", dependencies=[Depends(staff("admin"))], response_class=Download)
async def export_customers(database: AtDatabase) -> Download:
    """Every customer as CSV, masked."""
    return download("customers", sheets.exported(database))


@router.post("/staff/sheets/customers", openapi_extra=CSV)
async def import_customers(admin: Admin, upload: Uploading) -> Report:
    """Add customers and change their names and phones by a CSV; every bad line is told."""
    return await upload.take_in(sheets.customers(admin.id))


@router.get("/demo/sign-ins")
async def demo_sign_ins(session: Reading, settings: Annotated[Settings, Depends(settings_of)]) -> DemoSignIns:
    if not settings.demo:
        raise NotFound("not_found")
    return DemoSignIns(sign_ins=await users.demo_sign_ins(session))
