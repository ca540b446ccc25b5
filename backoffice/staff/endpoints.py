"""Staff sign-in over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backoffice.kit.database import Database, Writing, database_of
from backoffice.staff import sessions
from backoffice.staff.identity import KnownDevices, Staff, Token
from backoffice.staff.schemas import PasswordChange, StaffSignedIn, StaffSignIn, StaffView

router = APIRouter(prefix="/api/staff", tags=["staff"])


@router.post("/session")
async def sign_in(
    asked: StaffSignIn,
    request: Request,
    database: Annotated[Database, Depends(database_of)],
    devices: KnownDevices,
) -> StaffSignedIn:
    """A session of twelve hours. Raises 401 `bad_sign_in` and 429 `too_many_tries`."""
    address = request.client.host if request.client else ""
    signed = await sessions.sign_in(database, devices, asked.login, asked.password, address, asked.device)
    return StaffSignedIn(
        token=signed.token, name=signed.member.name, role=signed.member.role, device=signed.device
    )


@router.delete("/session", status_code=204)
async def sign_out(_: Staff, token: Token, session: Writing) -> None:
    await sessions.sign_out(session, token)


@router.delete("/sessions", status_code=204)
async def sign_out_everywhere(member: Staff, session: Writing) -> None:
    await sessions.sign_out_everywhere(session, member.id)


@router.get("/me")
async def me(member: Staff) -> StaffView:
    return member


@router.post("/password", status_code=204)
async def change_password(
    asked: PasswordChange, member: Staff, database: Annotated[Database, Depends(database_of)]
) -> None:
    """Ends every session, this one too."""
    await sessions.change_password(database, member, asked.password, asked.new_password)
