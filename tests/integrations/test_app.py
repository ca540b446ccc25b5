"""The app's channel over HTTP: history, stream, receipts, limits."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from backoffice.app import create_app
from backoffice.conversations import service, tokens
from backoffice.conversations.models import Conversation
from backoffice.events import service as events
from backoffice.kit.database import Database
from backoffice.settings import Settings
from tests.conftest import REDIS, reachable
from tests.integrations.conftest import BotServer, Served
from tests.integrations.streams import bearer, following, open_chat, say, until
from tests.integrations.test_processes import process


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings, consoles=False)


@pytest.fixture
async def shop(app: FastAPI) -> AsyncIterator[Served]:
    async with Served(app) as served:
        yield served


async def test_a_stream_shows_a_question_its_answer_and_who_answers(http: httpx.AsyncClient) -> None:
    path, token = await open_chat(http)
    seen = []
    async with following(http, path, token) as stream, asyncio.timeout(20):
        await say(http, path, token, "m1", "你好")
        async for event, number, data in stream:
            seen.append((event, number, data))
            if number == "2":
                break
    assert seen[0][0] == ":"
    assert (seen[1][0], seen[1][2]["owner"]) == ("state", "bot")
    lines = [(number, data["from"], data["text"]) for event, number, data in seen if event == "message"]
    assert lines == [("1", "shopper", "你好"), ("2", "bot", "heard 你好")]


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(http: httpx.AsyncClient) -> None:
    path, token = await open_chat(http)
    await say(http, path, token, "m1", "一")
    async with following(http, path, token) as stream:
        assert await until(stream, 2) == [1, 2]
    await say(http, path, token, "m2", "二")
    async with following(http, path, token, **{"Last-Event-ID": "2"}) as stream:
        assert await until(stream, 4) == [3, 4]


async def test_every_event_comes_once_however_often_the_stream_breaks(
    http: httpx.AsyncClient, bot: BotServer
) -> None:
    bot.answer = lambda text: [{"text": f"{text} {n}"} for n in range(3)]
    path, token = await open_chat(http)
    random = Random(4)
    seen: list[int] = []

    async def talk() -> None:
        for n in range(10):
            await say(http, path, token, f"m{n}", str(n))
            await asyncio.sleep(random.uniform(0, 0.05))

    async def all_seen() -> bool:
        look = (await http.get(f"{path}/events", params={"limit": 1}, headers=bearer(token))).json()
        heard = sum(len(said["message"].split("\n")) for said in bot.heard)
        return heard == 10 and not look["typing"] and seen[-1:] == [look["last"]]

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(talk())
        while not await all_seen():
            after, left = str(seen[-1] if seen else 0), random.randrange(1, 6)
            async with following(http, path, token, **{"Last-Event-ID": after}) as stream:
                async for event, _, data in stream:
                    if event != "message":
                        continue
                    seen.append(data["id"])
                    left -= 1
                    if not left or await all_seen():
                        break
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 13


@pytest.mark.skipif(not reachable(REDIS), reason="no Redis")
async def test_a_stream_hears_of_other_processes_and_goes_on_at_another(
    settings: Settings, bot: BotServer
) -> None:
    async with process(settings, REDIS) as one:
        async with process(settings, REDIS) as other:
            path, token = await open_chat(one)
            async with following(other, path, token) as stream, asyncio.timeout(20):
                for n in range(3):
                    await say(one, path, token, f"m{n}", str(n))
                    assert await until(stream, 2 * n + 2) == [2 * n + 1, 2 * n + 2]
        await say(one, path, token, "m3", "3")
        async with following(one, path, token, **{"Last-Event-ID": "6"}) as stream:
            assert await until(stream, 8) == [7, 8]


async def test_a_stream_ends_with_its_token(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    path, token = await open_chat(http)
    ended = False
    async with following(http, path, token) as stream, asyncio.timeout(20):
        async for event, _, _ in stream:
            if event == "state":
                await say(http, path, token, "m1", "你好")
                monkeypatch.setattr(tokens, "VISITOR_SECONDS", -1)
        ended = True
    assert ended
    assert (await http.get(f"{path}/stream", headers=bearer(token))).status_code == 401


async def lead(database: Database, here: str, there: str | None) -> None:
    """Merge a conversation into another, or part it again."""
    async with database.write() as session:
        merged = update(Conversation).where(Conversation.id == here)
        await session.execute(merged.values(merged_into=there))
        await events.publish(session, service.TOPIC, here, {})


async def test_a_stream_leads_to_where_its_conversation_was_merged_and_back(
    http: httpx.AsyncClient, database: Database
) -> None:
    path, token = await open_chat(http)
    target, _ = await open_chat(http)
    here, there = path.rpartition("/")[2], target.rpartition("/")[2]

    async def moved(path: str, lead_to: str | None) -> list[str]:
        found: list[str] = []
        async with following(http, path, token) as stream, asyncio.timeout(20):
            async for event, _, data in stream:
                if event == "state":
                    await lead(database, here, lead_to)
                if event == "moved":
                    found.append(data["conversation"])
        return found

    asked = [("GET", "stream"), ("GET", "events"), ("POST", "typing"), ("POST", "receipts")]
    assert await moved(path, there) == [there]
    assert (await http.get(f"{path}/events", headers=bearer(token))).json()["moved_to"] == there
    assert (await http.get(f"{target}/events", headers=bearer(token))).status_code == 200
    body = {"id": "m1", "text": "你好"}
    said = await http.post(f"{target}/messages", json=body, headers=bearer(token))
    assert (said.status_code, said.json()["code"]) == (403, "another_conversation")
    assert await moved(target, None) == [here]
    for method, what in asked:
        body = {"on": True, "read": 1}
        gone = await http.request(method, f"{target}/{what}", json=body, headers=bearer(token))
        assert gone.status_code == 403


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"headers": {}}, 401),
        ({"headers": bearer("forged")}, 401),
        ({"headers": {"Last-Event-ID": "x"}}, 422),
        ({"headers": {"Last-Event-ID": "-1"}}, 422),
        ({"params": {"after": "9" * 30}}, 422),
    ],
)
async def test_a_bad_wish_for_a_stream_is_refused(
    http: httpx.AsyncClient, asked: dict[str, Any], status: int
) -> None:
    path, token = await open_chat(http)
    if status == 422:
        asked = asked | {"headers": asked.get("headers", {}) | bearer(token)}
    answer = await http.get(f"{path}/stream", **asked)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    others, _ = await open_chat(http)
    assert (await http.get(f"{others}/stream", headers=bearer(token))).status_code == 403


async def test_a_history_is_paged_backwards_and_forwards(http: httpx.AsyncClient, bot: BotServer) -> None:
    bot.answer = lambda _: [{"text": f"{n}"} for n in range(2, 121)]
    path, token = await open_chat(http)
    await say(http, path, token, "m1", "1")
    await http.get(f"{path}/events", params={"after": 1, "wait": 20}, headers=bearer(token))

    async def page(**asked: int) -> list[int]:
        answer = await http.get(f"{path}/events", params=asked, headers=bearer(token))
        assert all(line["text"] == str(line["id"]) for line in answer.json()["events"])
        return [line["id"] for line in answer.json()["events"]]

    back: list[int] = []
    while lines := await page(before=back[0] if back else 2**31 - 1, limit=7):
        back = lines + back
    forth: list[int] = []
    while lines := await page(after=forth[-1] if forth else 0, limit=50):
        forth += lines
    assert back == forth == list(range(1, 121))
    assert await page(after=3, before=10, limit=2) == [8, 9]


async def test_receipts_and_typing(http: httpx.AsyncClient, app: FastAPI) -> None:
    path, token = await open_chat(http)
    await say(http, path, token, "m1", "你好")
    await http.get(f"{path}/events", params={"after": 1, "wait": 20}, headers=bearer(token))

    async def seen() -> tuple[int, int]:
        look = (await http.get(f"{path}/events", headers=bearer(token))).json()
        return look["delivered"], look["read"]

    for said, expected in (
        ({"delivered": 2}, (2, 0)),
        ({"read": 1}, (2, 1)),
        ({"read": 2}, (2, 2)),
        ({"delivered": 1, "read": 1}, (2, 2)),
        ({"read": 99}, (2, 2)),
    ):
        answer = await http.post(f"{path}/receipts", json=said, headers=bearer(token))
        assert answer.status_code == 204
        assert await seen() == expected, said
    signals: list[tuple[str, dict[str, Any]]] = []
    app.state.reception._bus.listen(lambda topic, key, payload: signals.append((topic, payload)))
    answer = await http.post(f"{path}/typing", json={"on": True}, headers=bearer(token))
    assert answer.status_code == 204
    assert ("typing", {"who": "shopper", "on": True}) in signals


async def test_a_conversation_takes_so_much_and_says_when_again(http: httpx.AsyncClient) -> None:
    path, token = await open_chat(http)
    for n in range(20):
        await say(http, path, token, f"m{n}", "你好")
    answer = await http.post(f"{path}/messages", json={"id": "m", "text": "你好"}, headers=bearer(token))
    assert (answer.status_code, answer.json()["code"]) == (429, "slow_down")
    assert answer.headers["Retry-After"] == "10"


async def test_an_address_opens_and_says_so_much(settings: Settings) -> None:
    limited = settings.model_copy(update={"opened_a_minute": 2, "said_a_minute": 3})
    async with (
        Served(create_app(limited, consoles=False)) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        chats = [await open_chat(http) for _ in range(2)]
        refused = [await http.post("/chat/conversations", json={})]
        for n in range(3):
            await say(http, *chats[n % 2], f"m{n}", "你好")
        path, token = chats[0]
        body = {"id": "m9", "text": "你好"}
        refused.append(await http.post(f"{path}/messages", json=body, headers=bearer(token)))
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
