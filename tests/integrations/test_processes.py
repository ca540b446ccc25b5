"""The app as processes of their own: the console, and two of them side by side."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from backoffice.conversations import service
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.staff import service as staff
from tests.conftest import REDIS, reachable
from tests.integrations.conftest import BotServer
from tests.processes import app_running


@asynccontextmanager
async def process(settings: Settings, redis_url: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app in a process of its own."""
    told = {
        "XIAOER_SECRET": settings.secret,
        "XIAOER_BOT_URL": settings.bot_url,
        "XIAOER_REDIS_URL": redis_url,
    }
    async with (
        app_running(settings.state, settings.database_url, **told) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield client


async def say(client: httpx.AsyncClient, text: str) -> tuple[str, dict[str, str]]:
    opened = (await client.post("/chat/conversations", json={"channel": "web"})).json()
    path, headers = (
        f"/chat/conversations/{opened['conversation']}",
        {"Authorization": f"Bearer {opened['token']}"},
    )
    sent = await client.post(f"{path}/messages", json={"id": "m1", "text": text}, headers=headers)
    assert sent.status_code == 202
    return path, headers


async def test_the_console_shows_conversations_to_staff_only(settings: Settings, database: Database) -> None:
    async with database.write() as session:
        await staff.add(session, "agent1", "小陈", "agent", "xiaoer")
        conversation = await service.open(session, "web", None)
        await service.receive(session, conversation, "m1", "我的电话 13812345678")
        await service.hand_over(session, conversation, "asked")
    async with process(settings) as client:
        client.headers["Origin"] = str(client.base_url)
        for path in ("/console/", f"/console/conversations/{conversation}"):
            turned_away = await client.get(path)
            assert (turned_away.status_code, turned_away.headers["location"]) == (307, "/console/sign-in")
        refused = await client.post("/console/session", data={"login": "agent1", "password": "wrong"})
        assert refused.headers["location"].endswith("error=bad_sign_in")
        assert not client.cookies
        for error, shown in (("bad_sign_in", True), ("submit.x", False), ("请致电骗子", False)):
            page = await client.get("/console/sign-in", params={"error": error})
            assert (page.status_code, "不对" in page.text) == (200, shown)
            assert "请致电骗子" not in page.text
        await client.post("/console/session", data={"login": "agent1", "password": "xiaoer"})
        listed = await client.get("/console/")
        assert "待接入" in listed.text
        assert (await client.get("/console/conversations/nothing")).status_code == 200
        transcript = await client.get(f"/console/conversations/{conversation}")
        assert "138****5678" in transcript.text
        assert "13812345678" not in transcript.text
        await client.post("/console/session/end")
        assert (await client.get("/console/")).status_code == 307
        unknown = await client.get("/api/nothing")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


@pytest.mark.skipif(not reachable(REDIS), reason="no Redis")
async def test_who_looks_on_through_another_process_sees_the_answer_at_once(
    settings: Settings, bot: BotServer
) -> None:
    bot.may_answer.clear()
    async with process(settings, REDIS) as one, process(settings, REDIS) as other:
        path, headers = await say(one, "你好")
        looking = asyncio.create_task(
            other.get(f"{path}/events", params={"after": 1, "wait": 8}, headers=headers)
        )
        await asyncio.sleep(0.5)
        assert not looking.done()
        bot.may_answer.set()
        started = asyncio.get_running_loop().time()
        seen = (await looking).json()
        assert [event["text"] for event in seen["events"]] == ["heard 你好"]
        assert asyncio.get_running_loop().time() - started < 2
