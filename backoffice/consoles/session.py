"""The door of the consoles: a form, cookies that no script can read, and a guard before everything else.

Three things together keep other sites out (cross-site request forgery): the cookies are sent by our own
pages only (SameSite=Strict), what changes something or opens a WebSocket must name our own address as its
Origin, and no other site may show a page of ours in a frame.
"""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backoffice.consoles.words import words_of
from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Forbidden, Problem, Unauthenticated, problem_response
from backoffice.kit.fields import Text
from backoffice.settings import Settings, settings_of
from backoffice.staff import sessions
from backoffice.staff.identity import KnownDevices, require_role
from backoffice.staff.schemas import Role, StaffView
from backoffice.staff.sessions import DEVICE_SECONDS, SESSION_SECONDS

HOME = "/console"
COOKIE = "xiaoer_staff"
DEVICE_COOKIE = "xiaoer_staff_device"
DOORS = (f"{HOME}/session", f"{HOME}/session/end")
SOCKET = f"{HOME}/_nicegui_ws"
UPLOADS = re.compile(rf"{HOME}/_nicegui/client/[^/]+/upload/[0-9]+")
PAGE = Template(Path(__file__).with_name("sign_in.html").read_text(encoding="utf8"))
REFUSALS = ("bad_sign_in", "too_many_tries")
HEADERS = {"Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "same-origin"}

router = APIRouter(prefix=HOME, include_in_schema=False)


@router.get("/sign-in")
async def form(request: Request, error: str = "") -> HTMLResponse:
    words = words_of(request)
    texts = {name: words(f"sign_in.{name}") for name in ("title", "login", "password", "submit")}
    texts["error"] = words(f"sign_in.{error}") if error in REFUSALS else ""
    shown = {name: escape(text) for name, text in texts.items()}
    return HTMLResponse(PAGE.substitute(shown, language=words.language, action=f"{HOME}/session"))


@router.post("/session")
async def sign_in(
    login: Annotated[Text, Form(max_length=40)],
    password: Annotated[str, Form(max_length=200)],
    request: Request,
    database: Annotated[Database, Depends(database_of)],
    devices: KnownDevices,
    settings: Annotated[Settings, Depends(settings_of)],
) -> RedirectResponse:
    address = request.client.host if request.client else ""
    device = request.cookies.get(DEVICE_COOKIE, "")
    try:
        signed = await sessions.sign_in(database, devices, login, password, address, device)
    except Problem as problem:
        return RedirectResponse(f"{HOME}/sign-in?error={problem.code}", 303)
    answer = RedirectResponse(f"{HOME}/", 303)
    for name, value, seconds in (
        (COOKIE, signed.token, SESSION_SECONDS),
        (DEVICE_COOKIE, signed.device, DEVICE_SECONDS),
    ):
        answer.set_cookie(
            name,
            value,
            max_age=seconds,
            path=HOME,
            httponly=True,
            samesite="strict",
            secure=settings.env == "production",
        )
    return answer


@router.post("/session/end")
async def sign_out(request: Request, database: Annotated[Database, Depends(database_of)]) -> RedirectResponse:
    async with database.write() as session:
        await sessions.sign_out(session, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(f"{HOME}/sign-in", 303)
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


async def signed_in(asked: HTTPConnection, database: Database, *roles: Role) -> StaffView:
    """Who sits before the page of this request now; ask again in every handler.

    Raises `Unauthenticated`, and `Forbidden` (`role_required`) for other roles when some are named.
    """
    token = asked.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated("sign_in_required")
    member = await sessions.signed_in(database, token)
    require_role(member, *roles)
    return member


def require_own_origin(asked: HTTPConnection) -> None:
    """Raises `Forbidden` (`foreign_origin`) for what no page of ours has sent."""
    origin = urlsplit(asked.headers.get("origin", "")).netloc
    ours = (asked.headers.get("host"), urlsplit(asked.app.state.settings.app_url).netloc)
    if not origin or origin not in ours:
        raise Forbidden("foreign_origin", "only pages of the console may ask for this")


class Guard:
    """ASGI middleware: checks origin and session before the console changes anything or opens a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not f"{scope['path']}/".startswith(f"{HOME}/"):
            await self._app(scope, receive, send)
            return
        try:
            await check(HTTPConnection(scope))
        except Problem as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.code})
            else:
                refusal = problem_response(problem.status, problem.code, problem.detail)
                await refusal(scope, receive, send)
            return

        async def send_sealed(part: Message) -> None:
            if part["type"] == "http.response.start":
                MutableHeaders(scope=part).update(HEADERS)
            await send(part)

        await self._app(scope, receive, send_sealed)


async def check(asked: HTTPConnection) -> None:
    """Raises `Forbidden` (`foreign_origin`) and `Unauthenticated`."""
    path = asked.scope["path"]
    changes = asked.scope["type"] == "websocket" or asked.scope["method"] not in ("GET", "HEAD")
    if changes:
        require_own_origin(asked)
    if (changes and path not in DOORS) or path.startswith(SOCKET):
        await signed_in(asked, asked.app.state.database)
