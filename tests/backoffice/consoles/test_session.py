"""The console's door: who gets in, from where, and who is put out."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from websockets import InvalidStatus, Origin
from websockets.asyncio.client import connect

from backoffice.consoles import session as door
from backoffice.kit.database import Database
from backoffice.kit.errors import answer_problems
from backoffice.kit.passwords import hash_password
from backoffice.settings import Settings
from backoffice.staff import service, sessions
from backoffice.staff.models import StaffMember
from backoffice.staff.schemas import Role
from tests.integrations.conftest import Served

HERE = "http://shop"
OURS = {"Origin": HERE}
FOREIGN = ["http://evil.example", "https://shop.evil.example", "null", "", "http://shop:81"]
HASH = hash_password("xiaoer")
AGENT = 1

inside = APIRouter(prefix=door.HOME)


@inside.get("/page")
async def page(request: Request, role: Role = "agent") -> str:
    return (await door.signed_in(request, request.app.state.database, role)).login


@inside.post("/upload")
async def upload() -> str:
    return "kept"


@inside.get("/_nicegui_ws/socket.io/")
async def poll() -> str:
    return "polled"


@inside.websocket("/_nicegui_ws/socket.io/")
async def socket(opened: WebSocket) -> None:
    await opened.accept()
    await opened.send_text("welcome")


@pytest.fixture
async def app(database: Database, settings: Settings) -> FastAPI:
    app = FastAPI()
    app.state.database, app.state.settings = database, settings
    answer_problems(app)
    app.include_router(door.router)
    app.include_router(inside)
    app.add_middleware(door.Guard)
    async with database.write() as session:
        for login, role in (("agent1", "agent"), ("admin", "admin")):
            session.add(StaffMember(login=login, name=login, role=role, password_hash=HASH))
            await session.flush()
    return app


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as browser:
        yield browser


async def sign_in(browser: httpx.AsyncClient, password: str = "xiaoer", origin: str = HERE) -> httpx.Response:
    form = {"login": "agent1", "password": password}
    return await browser.post("/console/session", data=form, headers={"Origin": origin})


async def test_cookies_are_for_our_pages_and_no_script(
    browser: httpx.AsyncClient, settings: Settings
) -> None:
    settings.env = "production"
    signed = await sign_in(browser)
    assert (signed.status_code, signed.headers["location"]) == (303, "/console/")
    cookies = signed.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        for flag in ("HttpOnly", "SameSite=strict", "Secure", "Path=/console"):
            assert flag in cookie


async def test_a_wrong_password_leads_back_to_the_form(browser: httpx.AsyncClient) -> None:
    refused = await sign_in(browser, "wrong")
    assert not browser.cookies
    page = await browser.get(refused.headers["location"])
    assert "账号或密码不对" in page.text
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"


async def test_the_form_speaks_the_browsers_language(browser: httpx.AsyncClient) -> None:
    for asked, told in (("en-GB,en;q=0.9", "Sign in to the desk"), ("zh-CN", "登录客服台")):
        page = await browser.get("/console/sign-in", headers={"Accept-Language": asked})
        assert told in page.text


async def test_a_known_browser_is_not_locked_out_by_strangers(
    app: FastAPI, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as stranger:
        for _ in range(11):
            last = await sign_in(stranger, "wrong")
        assert last.headers["location"].endswith("too_many_tries")
        assert (await sign_in(stranger)).headers["location"].endswith("too_many_tries")
    assert (await sign_in(browser)).headers["location"] == "/console/"


@pytest.mark.parametrize("origin", FOREIGN)
async def test_no_other_site_signs_anybody_in_or_out_or_changes_anything(
    browser: httpx.AsyncClient, origin: str
) -> None:
    assert (await sign_in(browser, origin=origin)).json()["code"] == "foreign_origin"
    await sign_in(browser)
    for path in ("/console/session/end", "/console/upload"):
        refused = await browser.post(path, headers={"Origin": origin} if origin else {})
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
    assert (await browser.get("/console/page")).json() == "agent1"
    assert (await browser.post("/console/upload", headers=OURS)).json() == "kept"


async def test_nothing_inside_is_for_who_has_no_session(browser: httpx.AsyncClient) -> None:
    for asked in (
        browser.post("/console/upload", headers=OURS),
        browser.get("/console/_nicegui_ws/socket.io/"),
        browser.get("/console/page"),
    ):
        assert (await asked).json()["code"] == "sign_in_required"
    await sign_in(browser)
    assert (await browser.get("/console/_nicegui_ws/socket.io/")).json() == "polled"
    assert (await browser.get("/console/page", params={"role": "admin"})).json()["code"] == "role_required"


async def test_signing_out_ends_the_session_wherever_its_cookie_is(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    stolen = dict(browser.cookies)
    await browser.post("/console/session/end", headers=OURS)
    assert door.COOKIE not in browser.cookies
    browser.cookies.update(stolen)
    assert (await browser.get("/console/page")).json()["code"] == "bad_credential"


async def test_a_disabled_account_is_out_at_the_next_question(
    browser: httpx.AsyncClient, database: Database
) -> None:
    await sign_in(browser)
    async with database.write() as session:
        await service.disable(session, AGENT)
    assert (await browser.get("/console/page")).status_code == 401


async def test_a_socket_opens_for_a_session_and_our_own_pages_only(
    app: FastAPI, browser: httpx.AsyncClient, database: Database
) -> None:
    await sign_in(browser)
    cookie = f"{door.COOKIE}={browser.cookies[door.COOKIE]}"

    async def opens(port: int, cookie: str, origin: str) -> bool:
        headers = {"Cookie": cookie} if cookie else {}
        url = f"ws://127.0.0.1:{port}/console/_nicegui_ws/socket.io/"
        try:
            async with connect(
                url, additional_headers=headers, origin=Origin(origin) if origin else None, proxy=None
            ) as opened:
                return await opened.recv() == "welcome"
        except InvalidStatus as refused:
            return refused.response.status_code != 403

    async with Served(app) as served:
        assert await opens(served.port, cookie, served.url)
        for origin in FOREIGN:
            assert not await opens(served.port, cookie, origin)
        for other in ("", f"{door.COOKIE}=forged"):
            assert not await opens(served.port, other, served.url)
        async with database.write() as session:
            await sessions.sign_out_everywhere(session, AGENT)
        assert not await opens(served.port, cookie, served.url)
