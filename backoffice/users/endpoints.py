"""Signing in and one's own data over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backoffice.kit.database import Database, Reading, database_of
from backoffice.kit.errors import NotFound
from backoffice.settings import Settings, settings_of
from backoffice.users import identity
from backoffice.users import service as users
from backoffice.users.identity import Asking, Credentials, credentials
from backoffice.users.schemas import (
    DemoSignIns,
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


@router.get("/demo/sign-ins")
async def demo_sign_ins(session: Reading, settings: Annotated[Settings, Depends(settings_of)]) -> DemoSignIns:
    if not settings.demo:
        raise NotFound("not_found")
    return DemoSignIns(sign_ins=await users.demo_sign_ins(session))
