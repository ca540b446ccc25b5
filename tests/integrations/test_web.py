"""The web chat beyond words: pictures, who writes, what is read, who answers, gaps, merged conversations."""

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import websockets
from PIL import Image
from sqlalchemy import select, update

from backoffice.conversations import service
from backoffice.conversations.attachments import Attachments
from backoffice.conversations.desk import inbox
from backoffice.conversations.desk import service as desk
from backoffice.conversations.models import Attachment, Conversation, Message
from backoffice.conversations.reception import TYPING, Reception
from backoffice.conversations.turns import service as turns
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from tests.integrations.conftest import BotServer, Served, Window
from tests.integrations.test_channels import bearer, open_chat

OpenWindow = Callable[..., Awaitable[Window]]


def photo(kind: str = "JPEG", size: tuple[int, int] = (640, 480), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#b4491f").save(out, kind, **options)
    return out.getvalue()


async def upload(
    http: httpx.AsyncClient, conversation: str, token: str, content: bytes, name: str = ""
) -> httpx.Response:
    path = f"/chat/conversations/{conversation}/attachments"
    return await http.post(path, content=content, params={"name": name}, headers=bearer(token))


async def stored(http: httpx.AsyncClient, conversation: str, token: str) -> str:
    answer = await upload(http, conversation, token, photo())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def agent(database: Database) -> int:
    async with database.write() as session:
        face = {"display_name": "小周", "avatar": "🌿", "colour": "#2f7a55"}
        session.add(StaffMember(id=1, login="zhou", name="周敏", role="agent", password_hash="", **face))
    return 1


def reception(shop: Served) -> Reception:
    found: Reception = shop.app.state.reception
    return found


async def test_a_picture_is_said_and_shown_to_its_conversation_only(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer
) -> None:
    conversation, token = await open_chat(http)
    about = Image.Exif()
    about[0x010F] = "SECRETCAM"
    answer = await upload(http, conversation, token, photo(exif=about), "../裂了.png.exe")
    assert answer.status_code == 201
    picture = answer.json()
    assert (picture["media_type"], picture["width"], picture["height"]) == ("image/jpeg", 640, 480)
    assert picture["name"] == "裂了.png.jpg"
    chat = await window(token)
    await chat.send(type="message", id="m1", attachment=picture["id"])
    event = (await chat.until("event", 2))[0]["event"]
    assert (event["text"], event["attachment"]) == ("", picture["id"])
    assert bot.heard[0]["message"] == "[图片]"
    path = f"/chat/conversations/{conversation}/attachments/{picture['id']}"
    shown = await http.get(path, headers=bearer(token))
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["content-disposition"].startswith("inline")
    assert b"SECRET" not in shown.content
    small = await http.get(path, params={"thumbnail": True}, headers=bearer(token))
    assert small.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(small.content)).size == (320, 240)
    other, stranger = await open_chat(http)
    assert (await http.get(path, headers=bearer(stranger))).status_code == 403
    assert (await http.get(path)).status_code == 401
    elsewhere = path.replace(conversation, other)
    assert (await http.get(elsewhere, headers=bearer(stranger))).status_code == 404
    assert (await http.get(f"/api/attachments/{picture['id']}", headers=bearer(token))).status_code == 401
    window_of_stranger = await window(stranger)
    await window_of_stranger.send(type="message", id="m1", attachment=picture["id"])
    assert (await window_of_stranger.until("error"))[0]["code"] == "no_such_picture"


async def test_words_may_go_with_a_picture(
    http: httpx.AsyncClient, window: OpenWindow, bot: BotServer
) -> None:
    conversation, token = await open_chat(http)
    chat = await window(token)
    picture = await stored(http, conversation, token)
    await chat.send(type="message", id="m1", text="这个坏了", attachment=picture)
    await chat.events(2)
    assert bot.heard[0]["message"] == "这个坏了"


async def test_people_who_work_here_send_and_see_pictures(
    http: httpx.AsyncClient, database: Database, agent: int
) -> None:
    conversation, token = await open_chat(http)
    picture = await stored(http, conversation, token)
    async with database.write() as session:
        member = await session.get_one(StaffMember, agent)
        signed_in = await sessions.open_session(session, member)
    shown = await http.get(f"/api/attachments/{picture}", headers=bearer(signed_in))
    assert (shown.status_code, shown.headers["x-content-type-options"]) == (200, "nosniff")
    sent = await http.post(
        f"/api/conversations/{conversation}/attachments", content=photo("PNG"), headers=bearer(signed_in)
    )
    assert sent.status_code == 201
    for_shopper = f"/chat/conversations/{conversation}/attachments/{sent.json()['id']}"
    assert (await http.get(for_shopper, headers=bearer(token))).status_code == 200
    other, _ = await open_chat(http)
    async with database.write() as session:
        event = await desk.answer(session, conversation, agent, "", sent.json()["id"])
        assert (await service.look(session, conversation)).events[event - 1].attachment == sent.json()["id"]
    with pytest.raises(Invalid, match="no_such_picture"):
        async with database.write() as session:
            await desk.answer(session, other, agent, "看这里", sent.json()["id"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<svg onload='alert(1)'/>", 422, "not_a_picture"),
        (b"", 422, "not_a_picture"),
        (photo("PNG", (6000, 6000)), 422, "picture_too_large"),
        (b" " * (5 * 1024 * 1024 + 1), 413, None),
    ],
    ids=["svg", "nothing", "pixels", "bytes"],
)
async def test_what_is_no_fit_picture_is_refused_and_leaves_nothing(
    http: httpx.AsyncClient, settings: Settings, content: bytes, status: int, code: str | None
) -> None:
    conversation, token = await open_chat(http)
    answer = await upload(http, conversation, token, content)
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code
    assert not (settings.state / "attachments").exists()


async def test_only_uploads_may_be_large(http: httpx.AsyncClient) -> None:
    conversation, token = await open_chat(http)
    large = os.urandom(300_000)
    for path in ("/chat/conversations", f"/chat/conversations/{conversation}/messages"):
        assert (await http.post(path, content=large, headers=bearer(token))).status_code == 413
    assert (await upload(http, conversation, token, large)).json()["code"] == "not_a_picture"
    assert (await upload(http, conversation, "forged", large)).status_code == 401


async def test_a_picture_belongs_to_a_conversation(
    http: httpx.AsyncClient, database: Database, agent: int
) -> None:
    async with database.write() as session:
        signed_in = await sessions.open_session(session, await session.get_one(StaffMember, agent))
    for nowhere in ("0" * 32, "x" * 500):
        path = f"/api/conversations/{nowhere}/attachments"
        refused = await http.post(path, content=photo(), headers=bearer(signed_in))
        assert (refused.status_code, refused.json()["code"]) == (404, "conversation_not_found")


async def test_pictures_are_limited(http: httpx.AsyncClient) -> None:
    conversation, token = await open_chat(http)
    for _ in range(30):
        assert (await upload(http, conversation, token, b"x")).status_code == 422
    assert (await upload(http, conversation, token, photo())).json()["code"] == "slow_down"


async def test_what_is_left_behind_is_swept(
    http: httpx.AsyncClient, window: OpenWindow, database: Database, settings: Settings
) -> None:
    conversation, token = await open_chat(http)
    chat = await window(token)
    said, unsaid, fresh = [await stored(http, conversation, token) for _ in range(3)]
    await chat.send(type="message", id="m1", attachment=said)
    await chat.until("ack")
    folder: Path = settings.state / "attachments"
    orphan, younger = folder / ("0" * 32), folder / ("1" * 32)
    for path in (orphan, younger):
        path.write_bytes(b"x")
    two_hours_ago = (now() - timedelta(hours=2)).timestamp()
    os.utime(orphan, (two_hours_ago, two_hours_ago))
    os.utime(folder / said, (two_hours_ago, two_hours_ago))
    async with database.write() as session:
        old = update(Attachment).where(Attachment.id.in_([said, unsaid])).values(at=now() - timedelta(days=2))
        await session.execute(old)
    await Attachments(database, folder).sweep(now())
    left = {path.name for path in folder.iterdir()}
    assert left == {said, f"{said}.thumbnail", fresh, f"{fresh}.thumbnail", younger.name}
    async with database.read() as session:
        assert set(await session.scalars(select(Attachment.id))) == {said, fresh}


async def test_agents_have_faces_and_the_queue_has_places(
    http: httpx.AsyncClient, window: OpenWindow, database: Database, agent: int
) -> None:
    (first, _), (second, token) = [await open_chat(http) for _ in range(2)]
    chat = await window(token)
    await chat.until("ready")
    for conversation in (first, second):
        async with database.write() as session:
            await session.execute(
                update(Conversation)
                .where(Conversation.id == conversation)
                .values(owner="queue", queued_at=now(), turn_id=None)
            )
    async with database.write() as session:
        await inbox.note(session, second, agent, "这位等很久了")
    await chat.send(type="message", id="m1", text="在吗")
    waiting = (await chat.until("owner"))[0]
    assert (waiting["owner"], waiting["agent"], waiting["queue"]["position"]) == ("queue", None, 2)
    async with database.write() as session:
        await desk.claim(session, second, agent)
    has = (await chat.until("owner", owner="agent"))[0]
    assert (has["agent"], has["queue"]) == (agent, None)
    assert has["people"] == {"1": {"name": "小周", "avatar": "🌿", "colour": "#2f7a55"}}
    async with database.write() as session:
        await desk.answer(session, second, agent, "您好，我是小周")
    said = (await chat.until("event", 2))[-1]
    assert (said["event"]["from"], said["event"]["staff_id"]) == ("agent", agent)
    assert "people" not in said
    again = await window(token)
    assert "1" in (await again.until("ready"))[0]["people"]
    assert "等很久" not in str(chat.received) + str(again.received)


async def test_both_sides_see_the_other_write(
    http: httpx.AsyncClient, window: OpenWindow, shop: Served, database: Database, agent: int
) -> None:
    conversation, token = await open_chat(http)
    async with database.write() as session:
        await desk.take_over(session, conversation, agent)
    chat = await window(token)
    await chat.until("ready")
    bus = shop.app.state.reception._bus
    signs: list[dict[str, Any]] = []
    heard = asyncio.Event()

    def listen(topic: str, key: str, payload: dict[str, Any]) -> None:
        if topic == TYPING and key == conversation:
            signs.append(payload)
            if not payload["on"]:
                heard.set()

    bus.listen(listen)
    for on in (True, True, True, False):
        await chat.send(type="typing", on=on)
    async with asyncio.timeout(10):
        await heard.wait()
    assert signs == [{"who": "shopper", "on": True}, {"who": "shopper", "on": False}]
    bus.signal(TYPING, conversation, {"who": "agent", "on": True, "staff_id": agent})
    await chat.until("typing", on=True)
    bus.signal(TYPING, conversation, {"who": "agent", "on": False, "staff_id": agent})
    await chat.until("typing", on=False)


async def test_writing_ends_by_itself(
    http: httpx.AsyncClient,
    window: OpenWindow,
    shop: Served,
    database: Database,
    agent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backoffice.conversations.reception.TYPING_SECONDS", 0.2)
    conversation, token = await open_chat(http)
    async with database.write() as session:
        await desk.take_over(session, conversation, agent)
    chat = await window(token)
    await chat.until("ready")
    shop.app.state.reception._bus.signal(TYPING, conversation, {"who": "agent", "on": True})
    await chat.until("typing", on=True)
    await chat.until("typing", on=False)


async def test_what_was_read_is_known_and_never_more_than_was_shown(
    http: httpx.AsyncClient, window: OpenWindow, shop: Served, database: Database, agent: int
) -> None:
    conversation, token = await open_chat(http)
    chat = await window(token)
    await chat.send(type="message", id="m1", text="你好")
    await chat.events(2)
    await chat.send(type="delivered", event=1)
    await chat.send(type="read", event=10_000)
    await chat.send(type="ping")
    await chat.until("pong")
    look = await reception(shop).look(conversation)
    assert (look.delivered, look.read) == (2, 2)
    async with database.write() as session:
        await desk.take_over(session, conversation, agent)
        await inbox.seen(session, conversation, agent, 1)
    await chat.until("owner", owner="agent", seen=1)


async def test_a_merged_conversation_is_followed_by_its_window_until_it_is_parted(
    http: httpx.AsyncClient, window: OpenWindow, shop: Served, database: Database, bot: BotServer
) -> None:
    bot.answer = lambda text: [
        {"text": f"heard {text}", "buttons": [{"title": "好", "payload": "/affirm"}]},
    ]
    (old, old_token), (new, new_token) = [await open_chat(http) for _ in range(2)]
    before, target = await window(old_token), await window(new_token)
    await target.send(type="message", id="t1", text="一")
    await target.events(2)
    await before.send(type="message", id="m1", text="旧话")
    await before.events(2)
    known = await reception(shop).notice({})
    async with database.write() as session:
        await session.execute(
            update(Conversation).where(Conversation.id == old).values(merged_into=new, updated_at=now())
        )
    await before.send(type="message", id="m2", text="二")
    await target.events(4)
    await reception(shop).notice(known)
    moved = (await before.until("ready", 2))[1]
    assert (moved["conversation"], moved["last"]) == (new, 4)
    shown = [seen["event"] for seen in before.received if seen["type"] == "event"][2:]
    while len(shown) < 4:
        await before.until("event", 2 + len(shown) + 1)
        shown = [seen["event"] for seen in before.received if seen["type"] == "event"][2:]
    assert [(event["id"], event["text"]) for event in shown] == [
        (1, "一"),
        (2, "heard 一"),
        (3, "二"),
        (4, "heard 二"),
    ]
    await before.send(type="postback", id="m3", payload=shown[3]["buttons"][0]["payload"], label="好")
    assert (await before.until("ack", 3))[2]["event"] == 5
    async with database.read() as session:
        senders = select(Message.event, Message.sender).where(
            Message.conversation_id == new, Message.author == "shopper"
        )
        assert [tuple(row) for row in await session.execute(senders)] == [(1, new), (3, old), (5, old)]
    later = await window(old_token, after=2, shown=new)
    assert (await later.events(4))[0][0] == 3
    picture = await stored(http, old, old_token)
    await later.send(type="message", id="m4", attachment=picture)
    await later.until("ack")
    for_target = f"/chat/conversations/{new}/attachments/{picture}"
    assert (await http.get(for_target, headers=bearer(new_token))).status_code == 200
    known = await reception(shop).notice({})
    async with database.write() as session:
        await session.execute(update(Conversation).where(Conversation.id == old).values(merged_into=None))
    await reception(shop).notice(known)
    parted = (await later.until("ready", 2))[1]
    assert (parted["conversation"], parted["last"]) == (old, 2)
    texts = [seen["event"]["text"] for seen in later.received if seen["type"] == "event"]
    while texts[-2:] != ["旧话", "heard 旧话"]:
        await later.until("event", len(texts) + 1)
        texts = [seen["event"]["text"] for seen in later.received if seen["type"] == "event"]
    await target.send(type="message", id="t2", text="别人看不到")
    await target.until("ack", 2)
    await later.send(type="ping")
    await later.until("pong")
    assert "别人看不到" not in str(later.received)


@pytest.mark.parametrize("seed", range(3))
async def test_cut_off_anywhere_every_event_comes_once_in_order(
    http: httpx.AsyncClient, shop: Served, window: OpenWindow, bot: BotServer, seed: int
) -> None:
    """A window that is cut off at random and comes back with the last event it has, while others talk on."""
    random = Random(seed)
    bot.answer = lambda text: [{"text": f"{text}-{n}"} for n in range(random.randint(1, 40))]
    conversation, token = await open_chat(http)
    speaking = asyncio.create_task(talk(await window(token), 12))
    seen: list[int] = []
    cuts = 0
    while (
        not speaking.done()
        or await at_work(shop, conversation)
        or not seen
        or (seen[-1] < await newest(shop, conversation))
    ):
        chat = await window(token, after=seen[-1] if seen else 0)
        for _ in range(random.randint(0, 8)):
            try:
                async with asyncio.timeout(0.5):
                    await chat.until("event", 1 + sum(1 for each in chat.received if each["type"] == "event"))
            except TimeoutError:
                break
        await chat.cut()
        cuts += 1
        seen += [each["event"]["id"] for each in chat.received if each["type"] == "event"]
    await speaking
    assert cuts > 1
    assert seen == list(range(1, await newest(shop, conversation) + 1))


async def talk(chat: Window, times: int) -> None:
    for n in range(times):
        await chat.send(type="message", id=f"m{n}", text=f"{n}")
        await chat.until("ack", n + 1)


async def at_work(shop: Served, conversation: str) -> bool:
    async with reception(shop)._database.read() as session:
        return await turns.at_work(session, conversation)


async def newest(shop: Served, conversation: str) -> int:
    return (await reception(shop).look(conversation)).last


async def test_what_no_signal_told_is_noticed(
    http: httpx.AsyncClient,
    window: OpenWindow,
    shop: Served,
    database: Database,
) -> None:
    """As when another process wrote and Redis was away."""
    conversation, token = await open_chat(http)
    chat = await window(token)
    await chat.until("ready")
    known = await reception(shop).notice({})
    async with database.write() as session:
        line = Message(conversation_id=conversation, event=1, author="system", channel="web", text="喂")
        session.add(line)
        await session.execute(
            update(Conversation).where(Conversation.id == conversation).values(last_event=1)
        )
    assert await reception(shop).notice(known) != known
    assert await chat.events(1) == [(1, "system", "喂")]


async def test_a_page_of_another_site_is_let_in_when_it_is_named(
    settings: Settings,
) -> None:
    from backoffice.app import create_app

    allowed = settings.model_copy(update={"widget_origins": ["https://shop.example"]})
    async with (
        Served(create_app(allowed, consoles=False)) as shop,
        httpx.AsyncClient(base_url=shop.url, trust_env=False) as http,
    ):
        _, token = await open_chat(http)
        for origin, welcome in (("https://shop.example", True), ("https://evil.example", False)):
            asked = await http.options(
                "/chat/conversations",
                headers={
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization,content-type",
                },
            )
            assert (asked.headers.get("access-control-allow-origin") == origin) is welcome
            assert "access-control-allow-credentials" not in asked.headers
            assert await knocks(shop, origin, token) is welcome
        assert await knocks(shop, shop.url, token)
        outside_the_chat = await http.get("/api/products", headers={"Origin": "https://shop.example"})
        assert "access-control-allow-origin" not in outside_the_chat.headers


async def test_no_other_site_is_let_in_by_itself(shop: Served, http: httpx.AsyncClient) -> None:
    _, token = await open_chat(http)
    assert not await knocks(shop, "https://shop.example", token)
    assert await knocks(shop, shop.url, token)
    answer = await http.post("/chat/conversations", json={}, headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in answer.headers


async def knocks(shop: Served, origin: str, token: str) -> bool:
    """Whether a page of that origin may open a socket."""
    address = f"ws://127.0.0.1:{shop.port}/chat/ws"
    try:
        async with websockets.connect(address, proxy=None, origin=websockets.Origin(origin)) as socket:
            await Window(socket).send(type="hello", token=token)
            await Window(socket).until("ready")
    except websockets.InvalidStatus as refused:
        return refused.response.status_code != 403
    return True
