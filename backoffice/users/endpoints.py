"""Signing in and one's own data over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from backoffice.kit.database import Database, Reading, WriteSession, database_of
from backoffice.kit.errors import NotFound
from backoffice.kit.fields import Text
from backoffice.settings import Settings, settings_of
from backoffice.users import identities, identity
from backoffice.users import service as users
from backoffice.users.identity import Acting, Asking, Credentials, credentials
from backoffice.users.schemas import (
    BindingCodeView,
    DemoSignIns,
    Identities,
    Me,
    PointsView,
    ServiceSignedIn,
    ServiceSignIn,
    SignedIn,
    SignIn,
)

router = APIRouter(prefix="/api", tags=["users"])
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


@router.get("/demo/sign-ins")
async def demo_sign_ins(session: Reading, settings: Annotated[Settings, Depends(settings_of)]) -> DemoSignIns:
    if not settings.demo:
        raise NotFound("not_found")
    return DemoSignIns(sign_ins=await users.demo_sign_ins(session))
