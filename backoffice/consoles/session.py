"""Signing in to the consoles: a form, and a cookie that no script can read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Problem, Unauthenticated
from backoffice.kit.fields import Text
from backoffice.settings import Settings, settings_of
from backoffice.staff import service
from backoffice.staff.identity import Issuing
from backoffice.staff.schemas import StaffView
from backoffice.staff.service import SESSION_SECONDS, StaffTokens

HOME = "/console"
COOKIE = "xiaoer_staff"

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.post("/session")
async def sign_in(
    login: Annotated[Text, Form(max_length=40)],
    password: Annotated[str, Form(max_length=200)],
    database: Annotated[Database, Depends(database_of)],
    issued: Issuing,
    settings: Annotated[Settings, Depends(settings_of)],
) -> RedirectResponse:
    try:
        member = await service.sign_in(database, login, password)
    except Problem as problem:
        return RedirectResponse(f"{HOME}/sign-in?error={problem.code}", 303)
    answer = RedirectResponse(f"{HOME}/", 303)
    answer.set_cookie(
        COOKIE,
        issued.sign(member.id),
        max_age=SESSION_SECONDS,
        path=HOME,
        httponly=True,
        samesite="strict",
        secure=settings.env == "production",
    )
    return answer


@router.post("/session/end")
async def sign_out() -> RedirectResponse:
    answer = RedirectResponse(f"{HOME}/sign-in", 303)
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


async def signed_in(request: Request, database: Database, issued: StaffTokens) -> StaffView:
    """Who sits before the page of this request. Raises `Unauthenticated`."""
    token = request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated("sign_in_required")
    async with database.read() as session:
        return await service.member(session, issued.read(token))
