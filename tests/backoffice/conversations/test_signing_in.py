"""A visitor signs in while chatting; what they said is in their history. Over HTTP, as a client does it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from backoffice.app import create_app
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.users.identity import Credentials
from tests.backoffice.conversations.at_desk import EVE, SAM, hire


@pytest.fixture
async def http(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    await hire(database)
    app = create_app(settings, consoles=False)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
        client.base_url = httpx.URL("http://shop")
        yield client


async def test_what_a_visitor_said_is_theirs_once_they_sign_in(
    http: httpx.AsyncClient, settings: Settings
) -> None:
    sessions = {who: Credentials(settings).sign_session(who) for who in (SAM, EVE)}
    opened = (await http.post("/chat/conversations", json={"channel": "web"})).json()
    visitor = {"Authorization": f"Bearer {opened['token']}"}
    path = f"/chat/conversations/{opened['conversation']}"
    sent = await http.post(f"{path}/messages", json={"id": "m1", "text": "在吗"}, headers=visitor)
    assert sent.status_code == 202
    assert (await http.get("/api/me/history")).status_code == 401

    async def sign_in(session: str) -> httpx.Response:
        return await http.post(f"{path}/customer", json={"session": session}, headers=visitor)

    async def history(who: int, **asked: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {sessions[who]}"}
        return await http.get("/api/me/history", params=asked, headers=headers)

    assert (await history(SAM)).json() == {"lines": [], "older": None}
    assert (await sign_in("forged")).status_code == 401
    for _ in range(2):
        signed_in = await sign_in(sessions[SAM])
        assert signed_in.status_code == 200
        assert signed_in.json()["conversation"] == opened["conversation"]
    refused = await sign_in(sessions[EVE])
    assert (refused.status_code, refused.json()["code"]) == (409, "another_customer")
    first = (await history(SAM)).json()["lines"][0]
    assert (first["text"], first["from"], first["channel"]) == ("在吗", "shopper", "web")
    assert first["conversation"] == opened["conversation"]
    assert (await history(EVE)).json()["lines"] == []
    assert (await history(SAM, before="never")).json()["code"] == "bad_cursor"
