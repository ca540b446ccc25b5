import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import websockets

from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.users.identity import Credentials
from backoffice.users.models import Customer
from tests.integrations.conftest import BotServer, Served, Window

OpenWindow = Callable[..., Awaitable[Window]]


async def open_chat(http: httpx.AsyncClient, channel: str = "web", session: str = "") -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    answer = await http.post("/chat/conversations", json={"channel": channel}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()["conversation"], answer.json()["token"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_question_and_its_answer(http: httpx.AsyncClient, window: OpenWindow, bot: BotServer) -> None:
    conversation, token = await open_chat(http)
    chat = await window(token)
    ready = (await chat.until("ready"))[0]
    assert ready == {
        "type": "ready",
        "conversation": conversation,
        "owner": "bot",
        "agent": None,
        "queue": None,
        "seen": 0,
        "last": 0,
    }
    await chat.send(type="message", id="m1", text="你好")
    assert (await chat.until("ack"))[0] == {"type": "ack", "id": "m1", "event": 1}
    assert await chat.events(2) == [(1, "shopper", "你好"), (2, "bot", "heard 你好")]
    assert (await chat.until("event"))[0]["event"]["client_id"] == "m1"
    await chat.send(type="ping")
    await chat.until("pong")
    assert bot.heard[0]["sender"] == conversation


async def test_a_repeat_gets_the_same_ack(http: httpx.AsyncClient, window: OpenWindow) -> None:
    _, token = await open_chat(http)
    chat = await window(token)
    for _ in range(3):
        await chat.send(type="message", id="m1", text="你好")
    assert [ack["event"] for ack in await chat.until("ack", 3)] == [1, 1, 1]
    await chat.send(type="message", id="m2", text="再见")
    events = await chat.events(4)
    assert [event for event, _, _ in events] == [1, 2, 3, 4]


async def test_a_window_resumes_where_another_stopped(http: httpx.AsyncClient, window: OpenWindow) -> None:
    _, token = await open_chat(http)
    first = await window(token)
    await first.send(type="message", id="m1", text="一")
    await first.events(2)
    second = await window(token, after=2)
    await second.until("ready")
    await first.send(type="message", id="m2", text="二")
    assert await second.events(4) == [(3, "shopper", "二"), (4, "bot", "heard 二")]
    again = await window(token, after=1)
    assert [event for event, _, _ in await again.events(4)] == [2, 3, 4]


async def test_a_long_history_comes_whole(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer
) -> None:
    bot.answer = lambda _: [{"text": f"{n}"} for n in range(450)]
    _, token = await open_chat(http)
    chat = await window(token)
    await chat.send(type="message", id="m1", text="你好")
    assert [event for event, _, _ in await chat.events(451)] == list(range(1, 452))
    later = await window(token)
    assert [event for event, _, _ in await later.events(451)] == list(range(1, 452))


async def test_the_restart_of_a_shopper_is_text(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer
) -> None:
    _, token = await open_chat(http)
    chat = await window(token)
    said = ["/restart", "／restart", " \u200b/restart", "∕/restart", '\t/human_handoff{"a":1}']
    for n, text in enumerate(said):
        await chat.send(type="message", id=f"m{n}", text=text)
        await chat.events(2 * n + 2)
    assert not [heard for heard in bot.heard if heard["message"].strip().startswith("/")]
    assert len(bot.heard) == len(said)


async def test_a_card_shares_the_bubble_of_its_text_and_buttons_are_signed(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer
) -> None:
    card = {"type": "order", "number": "1"}
    bot.answer = lambda _: [
        {"text": "哪一单？", "buttons": [{"title": "昨天的", "payload": "/choose_order"}]},
        {"custom": card},
    ]
    _, token = await open_chat(http)
    chat = await window(token)
    await chat.send(type="message", id="m1", text="退货")
    event = (await chat.until("event", 2))[1]["event"]
    assert event["card"] == card
    (button,) = event["buttons"]
    assert button["label"] == "昨天的"
    assert "choose_order" not in button["payload"]
    bot.answer = lambda text: [{"text": f"heard {text}"}]
    await chat.send(type="postback", id="m2", payload=button["payload"], label="昨天的")
    assert (await chat.events(4))[2:] == [(3, "shopper", "昨天的"), (4, "bot", "heard /choose_order")]
    _, stranger = await open_chat(http)
    other = await window(stranger)
    await other.send(type="postback", id="m3", payload=button["payload"], label="昨天的")
    error = (await other.until("error"))[0]
    assert (error["code"], error["id"]) == ("bad_button", "m3")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "message", "id": "m", "text": "长" * 2001}, "too_long"),
        ({"type": "message", "id": "m", "text": " "}, "empty_message"),
        ({"type": "postback", "id": "m", "payload": "forged", "label": "x"}, "bad_button"),
        ({"type": "message", "id": "", "text": "x"}, "bad_message"),
        ({"type": "shout"}, "bad_message"),
    ],
)
async def test_what_cannot_be_meant_is_refused_and_the_chat_goes_on(
    http: httpx.AsyncClient, window: OpenWindow, said: dict[str, str], code: str
) -> None:
    _, token = await open_chat(http)
    chat = await window(token)
    await chat.send(**said)
    assert (await chat.until("error"))[0]["code"] == code
    await chat.send(type="message", id="m1", text="你好")
    assert (await chat.until("ack"))[0]["event"] == 1


async def test_a_bad_token_is_turned_away(shop: Served, settings: Settings) -> None:
    for token in ("", "forged", Credentials(settings).sign_session(1)):
        async with websockets.connect(f"ws://127.0.0.1:{shop.port}/chat/ws", proxy=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": token, "after": 0}))
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 10)
            assert socket.close_code == 4401


async def test_twenty_shoppers_at_once(http: httpx.AsyncClient, window: OpenWindow) -> None:
    async def shop() -> None:
        _, token = await open_chat(http)
        chat = await window(token)
        for n in range(5):
            for _ in range(3):
                await chat.send(type="message", id=f"m{n}", text=f"{n}")
        acks = await chat.until("ack", 15)
        numbers = [{ack["event"] for ack in acks if ack["id"] == f"m{n}"} for n in range(5)]
        assert [len(events) for events in numbers] == [1] * 5
        last = 5
        while True:
            events = await chat.events(last)
            heard = "\n".join(text.removeprefix("heard ") for _, who, text in events if who == "bot")
            if len(heard.split("\n")) >= 5 and heard:
                break
            last = len(events) + 1
        assert heard.split("\n") == [str(n) for n in range(5)]
        assert [event for event, _, _ in events] == list(range(1, len(events) + 1))

    await asyncio.gather(*(shop() for _ in range(20)))


async def test_the_same_over_plain_http(http: httpx.AsyncClient) -> None:
    conversation, token = await open_chat(http, "app")
    path = f"/chat/conversations/{conversation}"
    waiting = asyncio.create_task(
        http.get(f"{path}/events", params={"after": 1, "wait": 20}, headers=bearer(token))
    )
    for _ in range(2):
        sent = await http.post(f"{path}/messages", json={"id": "m1", "text": "你好"}, headers=bearer(token))
        assert (sent.status_code, sent.json()) == (202, {"event": 1})
    answer = (await waiting).json()
    assert [(event["id"], event["from"], event["text"]) for event in answer["events"]] == [
        (2, "bot", "heard 你好")
    ]
    assert (answer["owner"], answer["typing"]) == ("bot", False)
    nothing = await http.get(f"{path}/events", params={"after": 2}, headers=bearer(token))
    assert nothing.json()["events"] == []


async def test_a_conversation_is_its_own_visitors_only(http: httpx.AsyncClient) -> None:
    mine, token = await open_chat(http)
    others, _ = await open_chat(http)
    for headers, status in ((bearer(token), 403), ({}, 401), (bearer("forged"), 401)):
        read = await http.get(f"/chat/conversations/{others}/events", headers=headers)
        write = await http.post(
            f"/chat/conversations/{others}/messages", json={"id": "m", "text": "x"}, headers=headers
        )
        assert (read.status_code, write.status_code) == (status, status)
    wrong = [{"id": "m"}, {"id": "m", "text": "x", "payload": "y"}, {"id": "m", "text": "长" * 2001}]
    for body in wrong:
        answer = await http.post(f"/chat/conversations/{mine}/messages", json=body, headers=bearer(token))
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_customer_finds_the_conversation_again(
    http: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    async with database.write() as session:
        session.add(Customer(id=7, phone="15400000007", name="王小明"))
    signed_in = Credentials(settings).sign_session(7)
    first, _ = await open_chat(http, "web", signed_in)
    assert (await open_chat(http, "web", signed_in))[0] == first
    assert (await open_chat(http, "app", signed_in))[0] != first
    refused = await http.post("/chat/conversations", json={"channel": "web"}, headers=bearer("forged"))
    assert refused.status_code == 401


async def test_handing_over_and_filing_a_case_by_an_errand(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer, settings: Settings
) -> None:
    _, token = await open_chat(http)
    chat = await window(token)
    await chat.send(type="message", id="m1", text="你好")
    await chat.events(2)
    turn = bot.heard[0]["metadata"]["turn"]
    errand = bearer(settings.service_token) | {"X-Turn": turn, "Idempotency-Key": "t:case"}
    case = {"kind": "complaint", "text": "太慢了"}
    first, again = [await http.post("/api/cases", json=case, headers=errand) for _ in range(2)]
    assert first.status_code == 201
    assert first.json() == again.json()
    assert first.json()["kind_label"] == "投诉"
    mine = await http.get("/api/cases", headers=errand)
    assert [case["number"] for case in mine.json()["cases"]] == [first.json()["number"]]
    handed = await http.post(
        "/api/handoff", json={"reason": "asked"}, headers=errand | {"Idempotency-Key": "t:h"}
    )
    assert {"position": 1, "waiting": 1}.items() <= handed.json().items()
    assert (await chat.until("owner"))[0]["owner"] == "queue"
    assert (await chat.events(3))[2][1] == "system"
    late = await http.post("/api/cases", json=case, headers=errand | {"Idempotency-Key": "t:late"})
    assert (late.status_code, late.json()["code"]) == (409, "stale_turn")
    await chat.send(type="message", id="m2", text="在吗")
    await chat.events(4)
    assert len(bot.heard) == 1


@pytest.mark.worker
async def test_health_names_what_is_away(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "degraded",
        "app": True,
        "bot": True,
        "actions": False,
        "database": True,
        "worker": True,
    }


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing", "/chat/nothing"])
async def test_unknown_paths_are_not_found(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_socket_refuses_what_no_database_holds(
    http: httpx.AsyncClient, window: OpenWindow, shop: Served
) -> None:
    _, token = await open_chat(http)
    chat = await window(token)
    await chat.send(type="message", id="m\x00", text="你好")
    assert (await chat.until("error"))[0]["code"] == "bad_message"
    await chat.send(type="message", id="m1", text="你好\x00")
    assert (await chat.events(1))[0] == (1, "shopper", "你好")
    async with websockets.connect(f"ws://127.0.0.1:{shop.port}/chat/ws", proxy=None) as socket:
        await socket.send(json.dumps({"type": "hello", "token": token, "after": 10**30}))
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_body_is_refused_unread(http: httpx.AsyncClient, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    content = b" " * 4_194_304 if announced else pieces()
    answer = await http.post("/api/session", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
