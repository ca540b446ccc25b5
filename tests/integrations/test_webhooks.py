"""Webhooks over real connections: what an app's backend is told, by whom it is managed, where it may be."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from backoffice.conversations import service
from backoffice.events import audit
from backoffice.events.ports import Unreachable
from backoffice.gateway.webhooks import require_https
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from integrations.channels.webhooks import HttpPost, is_public, looked_up
from tests.integrations.conftest import BotServer, Served
from tests.integrations.streams import bearer, open_chat, say
from tests.integrations.test_clients import client as python_client


class Backend:
    """A shop's own backend: takes webhooks, `status` says with what answer."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[dict[str, Any]] = []
        self.signed: list[tuple[bytes, str]] = []
        self.news = asyncio.Event()
        self.app = FastAPI()
        self.app.post("/hook")(self.hook)
        self.app.post("/elsewhere")(self.elsewhere)
        self.strays = 0

    async def hook(self, request: Request) -> Response:
        body = await request.body()
        assert request.headers["Content-Type"] == "application/json"
        self.signed.append((body, request.headers["X-Xiaoer-Signature"]))
        if self.status == 200:
            self.taken.append(json.loads(body))
        self.news.set()
        return Response(status_code=self.status, headers={"Location": "/elsewhere"})

    async def elsewhere(self) -> None:
        self.strays += 1

    async def until(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while len(self.taken) < count:
                self.news.clear()
                await self.news.wait()
        return self.taken


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_private": True})


@pytest.fixture
async def backend() -> AsyncIterator[tuple[Backend, str]]:
    backend = Backend()
    async with Served(backend.app) as served:
        yield backend, f"{served.url}/hook"


@pytest.fixture
async def admin(database: Database) -> dict[str, str]:
    return await signed_in(database, "admin")


async def signed_in(database: Database, role: str) -> dict[str, str]:
    async with database.write() as session:
        member = StaffMember(login=role, name="店长", role=role, password_hash="")
        session.add(member)
        await session.flush()
        return bearer(await sessions.open_session(session, member))


TOPICS = ["message.created", "conversation.handed_over", "conversation.resolved"]


@pytest.mark.worker
async def test_a_backend_hears_the_answers_and_who_gives_them(
    http: httpx.AsyncClient,
    database: Database,
    admin: dict[str, str],
    backend: tuple[Backend, str],
    bot: BotServer,
) -> None:
    there, url = backend
    bot.answer = lambda text: [{"text": f"{text} {n}"} for n in range(3)]
    made = await http.post("/api/webhooks", json={"url": url, "topics": TOPICS}, headers=admin)
    assert made.status_code == 201, made.text
    path, token = await open_chat(http)
    web = (await http.post("/chat/conversations", json={"channel": "web"})).json()
    await say(http, f"/chat/conversations/{web['conversation']}", web["token"], "w1", "不是应用的")
    await say(http, path, token, "m1", "你好")
    await there.until(3)
    here = path.rpartition("/")[2]
    async with database.write() as session:
        await service.hand_over(session, here, "asked")
    told = await there.until(5)
    assert [(one["topic"], one["data"].get("message", {}).get("text", "")) for one in told[:3]] == [
        ("message.created", f"你好 {n}") for n in range(3)
    ]
    assert [one["data"]["message"]["id"] for one in told[:3]] == [2, 3, 4]
    assert {one["data"]["conversation"] for one in told} == {here}
    assert told[3]["data"] == {
        "conversation": here,
        "customer_id": None,
        "reason": "asked",
        "owner": "queue",
    }
    assert (told[4]["data"]["message"]["from"], told[4]["data"]["message"]["id"]) == ("system", 5)
    for body, header in there.signed:
        assert python_client.verified(body, header, made.json()["secret"]) in told
    async with asyncio.timeout(20):
        shown = {"state": "delivered", "webhook_id": made.json()["id"]}
        while (await http.get("/api/webhooks/deliveries", params=shown, headers=admin)).json()["total"] < 5:
            await asyncio.sleep(0.05)


@pytest.mark.worker
async def test_an_admin_manages_webhooks(
    http: httpx.AsyncClient, database: Database, admin: dict[str, str], backend: tuple[Backend, str]
) -> None:
    there, url = backend

    async def ask(method: str, path: str, **body: Any) -> Any:
        answer = await http.request(method, f"/api/webhooks{path}", json=body or None, headers=admin)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    made = await ask("POST", "", url=url, topics=["message.created"])
    here = f"/{made['id']}"
    assert (await ask("GET", f"{here}/secret"))["secret"] == made["secret"]
    assert (await ask("POST", f"{here}/secret"))["secret"] != made["secret"]
    await ask("POST", f"{here}/ping")
    assert (await there.until(1))[0]["topic"] == "ping"
    day_ago = (now() - timedelta(days=1)).isoformat()
    replayed = await ask("POST", f"{here}/replay", since=day_ago, delivered_too=True)
    assert replayed["replayed"] in (0, 1)  # the ping's answer may not be noted yet
    changed = await ask("PATCH", here, topics=TOPICS, active=False)
    assert (changed["topics"], changed["active"], changed["url"]) == (TOPICS, False, url)
    listed = await ask("GET", "")
    assert [one["id"] for one in listed["webhooks"]] == [made["id"]]
    assert set(listed["topics"]) > set(TOPICS)
    delivery = (await ask("GET", "/deliveries"))["deliveries"][0]
    await ask("POST", f"/deliveries/{delivery['id']}/replay")
    await ask("DELETE", here)
    assert (await ask("GET", ""))["webhooks"] == []
    for method, path in (("DELETE", here), ("GET", f"{here}/secret"), ("POST", "/deliveries/1/replay")):
        gone = await http.request(method, f"/api/webhooks{path}", headers=admin)
        assert gone.status_code == 404
    wrong = [
        ({"url": url, "topics": ["weather"]}, "unknown_topic"),
        ({"url": url, "topics": []}, "invalid_request"),
        ({"url": "ftp://shop.example", "topics": TOPICS}, "invalid_request"),
        ({"url": "https://user:secret@shop.example", "topics": TOPICS}, "invalid_request"),
    ]
    for body, code in wrong:
        refused = await http.post("/api/webhooks", json=body, headers=admin)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    async with database.read() as session:
        done = [entry.action for entry in await audit.entries(session, f"webhook:{made['id']}")]
    assert done[::-1] == [
        "webhook_added",
        "webhook_secret_shown",
        "webhook_secret_rotated",
        "webhook_changed",
        "webhook_removed",
    ]
    for headers, status in ((await signed_in(database, "supervisor"), 403), ({}, 401)):
        assert (await http.get("/api/webhooks", headers=headers)).status_code == status


def test_only_https_is_taken_unless_it_is_for_development(settings: Settings) -> None:
    open_shop = settings.model_copy(update={"webhook_private": False})
    for url in (None, "https://shop.example/hook"):
        require_https(url, open_shop)
    require_https("http://127.0.0.1/hook", settings)
    with pytest.raises(Invalid):
        require_https("http://shop.example/hook", open_shop)


async def test_a_redirect_is_not_followed_and_a_silent_backend_times_out(
    backend: tuple[Backend, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, url = backend
    there.status = 307
    headers = {"Content-Type": "application/json", "X-Xiaoer-Signature": ""}
    async with HttpPost(private=True) as post:
        assert await post(url, b"{}", headers) == 307
        assert there.strays == 0
        monkeypatch.setattr("integrations.channels.webhooks.TIMEOUT_SECONDS", 0.2)
        silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        for url, reason in (
            (f"http://127.0.0.1:{port}/", "timeout"),
            ("http://nowhere.invalid/", "unknown_host"),
            ("http://127.0.0.1:1/", "no_connection"),
        ):
            with pytest.raises(Unreachable) as caught:
                await post(url, b"{}", headers)
            assert caught.value.reason in (reason, "timeout")
        silent.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://shop.example/hook", "https_required"),
        ("https://127.0.0.1/hook", "private_address"),
        ("https://localhost/hook", "private_address"),
        ("https://[::1]/hook", "private_address"),
        ("https://2130706433/hook", "private_address"),
        ("https://169.254.169.254/latest/meta-data", "private_address"),
        ("https://[::ffff:10.0.0.1]/hook", "private_address"),
    ],
)
async def test_our_own_network_is_not_posted_to(url: str, reason: str) -> None:
    async with HttpPost() as post:
        with pytest.raises(Unreachable) as caught:
            await post(url, b"{}", {})
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:192.168.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


async def test_a_name_is_looked_up_once() -> None:
    assert {str(one) for one in await looked_up("localhost", 80)} <= {"127.0.0.1", "::1"}


async def test_a_connection_goes_to_the_address_that_was_checked_under_the_name_that_was_given() -> None:
    """The server's certificate and `Host` are those of the name, though the connection is to an address."""
    asked: list[str | None] = []

    @asynccontextmanager
    async def listening() -> AsyncIterator[int]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
        yield server.sockets[0].getsockname()[1]
        server.close()

    async with listening() as port, HttpPost(private=True) as post:
        with pytest.raises(Unreachable):
            await post(f"https://localhost:{port}/", b"{}", {})
    assert asked
    assert set(asked) == {"localhost"}
