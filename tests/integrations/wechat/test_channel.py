"""Shoppers in WeChat against the app as it is served: nothing lost, nothing twice, nothing out of turn."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from io import BytesIO
from random import Random
from typing import Any

import httpx
import pytest
from PIL import Image
from redis.asyncio import Redis
from sqlalchemy import select

from backoffice.app import create_app
from backoffice.conversations import service
from backoffice.conversations.desk import service as desk
from backoffice.conversations.models import Conversation, Delivery, Message
from backoffice.events.models import OutboxEvent
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.users import identities
from backoffice.users.models import Customer
from integrations.channels.wechat.crypto import sign
from integrations.channels.wechat.simulator import Fault, Phone, Tencent
from integrations.channels.wechat.simulator.phone import sealed
from integrations.channels.wechat.simulator.tencent import SEND, TOKEN
from tests.conftest import REDIS, reachable
from tests.integrations.conftest import BotServer, Served
from tests.integrations.wechat.conftest import ACCOUNTS, BOTH, MINI, PLAIN, SAFE

AGENT = 1


async def deliveries(database: Database) -> list[tuple[str, str, str]]:
    """(author, state, reason) of each, in order."""
    async with database.read() as session:
        rows = await session.execute(
            select(Delivery.author, Delivery.state, Delivery.reason).order_by(Delivery.id)
        )
        return [(author, state, reason) for author, state, reason in rows]


async def lines(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        rows = await session.execute(
            select(Message.author, Message.text).order_by(Message.conversation_id, Message.event)
        )
        return [(author, text) for author, text in rows]


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await done():
            await asyncio.sleep(0.02)


async def settled(database: Database, count: int) -> list[tuple[str, str, str]]:
    """The deliveries, once there are so many and none is on its way."""

    async def done() -> bool:
        found = await deliveries(database)
        return len(found) >= count and not {state for _, state, _ in found} & {"queued", "sending"}

    await until(done)
    return await deliveries(database)


async def agent_says(database: Database, text: str, attachment: str | None = None) -> int:
    """An agent answers in the only conversation there is."""
    async with database.write() as session:
        if await session.get(StaffMember, AGENT) is None:
            session.add(StaffMember(id=AGENT, login="a", name="甲", role="agent", password_hash="x"))
            await session.flush()
        conversation_id = await session.scalar(select(Conversation.id))
        assert conversation_id
        return await desk.answer(session, conversation_id, AGENT, text, attachment)


def slow(bot: BotServer, settings: Settings, within: float = 0.2) -> None:
    """Answers come after the request that asked for them."""
    settings.wechat_answer_within = within
    bot.may_answer.clear()


@pytest.fixture
def phone(tencent: Tencent, shop: Served) -> Phone:
    return tencent.phone("o1")


@pytest.mark.parametrize("account", [SAFE, PLAIN, BOTH], ids=lambda account: account.mode)
async def test_an_answer_in_time_goes_with_the_reply_and_nowhere_else(
    tencent: Tencent, shop: Served, database: Database, account: Any
) -> None:
    phone = tencent.phone("o1", account.app_id)
    exchange = await phone.say("你好")
    assert exchange.attempts == [200]
    assert [(seen.how, seen.text) for seen in phone.seen] == [("passive", "heard 你好")]
    assert await settled(database, 1) == [("bot", "sent", "")]
    assert tencent.sent() == []


async def slow_shop_answers(phone: Phone, bot: BotServer) -> None:
    exchange = await phone.say("在吗")
    assert (exchange.attempts, exchange.reply, phone.seen) == ([200], None, [])
    bot.may_answer.set()
    await phone.until(lambda seen: len(seen) == 1)


class TestSlowBot:
    @pytest.fixture
    def wechat_settings(self, wechat_settings: Settings, bot: BotServer, tencent: Tencent) -> Settings:
        slow(bot, wechat_settings)
        tencent.answer_within = 60
        return wechat_settings

    async def test_an_answer_that_is_late_is_pushed_once(
        self, phone: Phone, bot: BotServer, tencent: Tencent, database: Database
    ) -> None:
        await slow_shop_answers(phone, bot)
        assert [(seen.how, seen.text) for seen in phone.seen] == [("push", "heard 在吗")]
        assert await settled(database, 1) == [("bot", "sent", "")]
        assert len(tencent.sent("/cgi-bin/message/custom/typing")) == 1

    async def test_a_mini_program_is_always_answered_by_a_push(
        self, tencent: Tencent, shop: Served, bot: BotServer, database: Database
    ) -> None:
        bot.may_answer.set()
        phone = tencent.phone("o1", MINI.app_id)
        exchange = await phone.say("在吗")
        assert exchange.reply is None
        await phone.until(lambda seen: len(seen) == 1)
        assert [(seen.how, seen.text) for seen in phone.seen] == [("push", "heard 在吗")]
        assert await settled(database, 1) == [("bot", "sent", "")]

    async def test_bubbles_and_buttons_are_one_menu(
        self, phone: Phone, bot: BotServer, tencent: Tencent
    ) -> None:
        bot.answer = several_bubbles
        await slow_shop_answers(phone, bot)
        (seen,) = phone.seen
        assert seen.kind == "msgmenu"
        assert seen.text == "一\n二\n退货 已退\n还有吗\n去退货\n转人工"
        bot.answer = lambda text: [{"text": f"heard {text}"}]
        await phone.tap(2)
        await phone.until(lambda seen: len(seen) == 2)
        assert bot.heard[-1]["message"] == "/human_handoff"

    async def test_who_unsubscribed_gets_nothing_more(
        self, phone: Phone, bot: BotServer, tencent: Tencent, database: Database
    ) -> None:
        await phone.say("在吗")
        await phone.unfollow()
        bot.may_answer.set()

        async def bot_is_done() -> bool:
            return ("bot", "heard 在吗") in await lines(database)

        await until(bot_is_done)
        await asyncio.sleep(0.2)
        assert {state for _, state, _ in await deliveries(database)} <= {"failed"}
        assert (phone.seen, tencent.sent()) == ([], [])
        async with database.read() as session:
            erasures = select(OutboxEvent.payload).where(OutboxEvent.topic == service.ERASURE)
            assert list(await session.scalars(erasures)) == [
                {"channel": "wechat", "sender": f"{SAFE.app_id}:o1"}
            ]
            assert await identities.is_gone(session, "wechat", f"{SAFE.app_id}:o1")
        await phone.follow()
        await phone.until(lambda seen: len(seen) == 1)
        assert phone.texts == ["heard /greet"]
        async with database.read() as session:
            assert not await identities.is_gone(session, "wechat", f"{SAFE.app_id}:o1")

    async def test_repeats_join_the_turn_and_one_is_answered(
        self, phone: Phone, bot: BotServer, tencent: Tencent
    ) -> None:
        tencent.hang_up = lambda attempt: 0.05 if attempt < 2 else 5
        saying = asyncio.create_task(phone.say("在吗"))
        while len(bot.heard) < 1 or tencent.phones[SAFE.app_id, "o1"].active_at is None:
            await asyncio.sleep(0.01)
        await saying
        bot.may_answer.set()
        await phone.until(lambda seen: len(seen) == 1)
        await asyncio.sleep(0.3)
        assert phone.texts == ["heard 在吗"]
        assert len(bot.heard) == 1

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (Fault(cut=True, done=True), ("unknown", "cut_off")),
            (Fault(cut=True), ("unknown", "cut_off")),
            (Fault(errcode=45015), ("failed", "window_closed")),
            (Fault(errcode=45047), ("failed", "quota_used")),
            (Fault(errcode=48001), ("failed", "forbidden")),
        ],
    )
    async def test_what_became_of_a_push_is_told(
        self,
        phone: Phone,
        bot: BotServer,
        tencent: Tencent,
        database: Database,
        fault: Fault,
        expected: tuple[str, str],
    ) -> None:
        tencent.fail(SEND, fault)
        await phone.say("在吗")
        bot.may_answer.set()
        assert await settled(database, 1) == [("bot", *expected)]
        await asyncio.sleep(1.2)
        assert len(phone.seen) == int(fault.done)
        assert len(tencent.faults[SEND]) == 0

    async def test_a_busy_tencent_is_tried_again(
        self, phone: Phone, bot: BotServer, tencent: Tencent, database: Database
    ) -> None:
        tencent.fail(SEND, Fault(errcode=-1))
        await phone.say("在吗")
        bot.may_answer.set()
        assert await settled(database, 1) == [("bot", "sent", "")]
        assert phone.texts == ["heard 在吗"]


def several_bubbles(_: str) -> list[dict[str, Any]]:
    return [
        {"text": "一"},
        {"text": "二", "buttons": [{"title": "去退货", "payload": "/return_request"}]},
        {"custom": {"type": "return", "item": "退货", "state_label": "已退", "progress": [], "next": ""}},
        {"text": "", "custom": {"type": "unheard of"}},
        {"text": "还有吗", "buttons": [{"title": "转人工", "payload": "/human_handoff"}]},
    ]


async def test_whoever_asks_around_the_deadline_is_answered_exactly_once(
    tencent: Tencent, wechat_settings: Settings, bot: BotServer
) -> None:
    """Twenty shoppers whose answers land from long before to long after the deadline."""
    random, within = Random(4), 3.0
    wechat_settings.wechat_answer_within, tencent.answer_within = within, 60
    delays = {f"在吗{number}": within * random.uniform(0, 2) for number in range(20)}
    bot.app.router.routes.clear()

    @bot.app.post("/webhooks/rest/webhook")
    async def webhook(said: dict[str, Any]) -> list[dict[str, str]]:
        await asyncio.sleep(delays[said["message"]])
        return [{"text": f"heard {said['message']}"}]

    async with Served(create_app(wechat_settings, consoles=False)) as served:
        tencent.shop_url = served.url
        phones = [tencent.phone(f"o{number}") for number in range(20)]
        await asyncio.gather(*(phone.say(f"在吗{number}") for number, phone in enumerate(phones)))
        for phone in phones:
            await phone.until(lambda seen: len(seen) >= 1)
        await asyncio.sleep(1)
    assert [phone.texts for phone in phones] == [[f"heard 在吗{number}"] for number in range(20)]
    assert len({seen.how for phone in phones for seen in phone.seen}) == 2


async def test_an_answer_to_who_hung_up_comes_once_by_the_repeat_or_a_push(
    tencent: Tencent, phone: Phone, bot: BotServer, database: Database
) -> None:
    tencent.hang_up = lambda attempt: 0.3 if attempt == 0 else 60
    bot.may_answer.clear()
    saying = asyncio.create_task(phone.say("在吗"))
    async with asyncio.timeout(20):
        while not bot.heard:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.35)
    bot.may_answer.set()
    assert (await saying).attempts == ["TimeoutError", 200]
    await phone.until(lambda seen: len(seen) >= 1)
    assert await settled(database, 1) == [("bot", "sent", "")]
    assert (len(bot.heard), phone.texts) == (1, ["heard 在吗"])


async def test_an_answer_that_no_request_waits_for_is_pushed(
    tencent: Tencent, phone: Phone, bot: BotServer, database: Database
) -> None:
    tencent.attempts, tencent.hang_up = 1, lambda _: 0.3
    bot.may_answer.clear()
    await phone.say("在吗")
    bot.may_answer.set()
    await phone.until(lambda seen: len(seen) == 2)
    assert [seen.how for seen in phone.seen] == ["broken", "push"]
    assert await settled(database, 1) == [("bot", "sent", "")]


class TwoShops(Tencent):
    """Reaches one app, then the other."""

    urls: tuple[str, ...] = ("",)
    turn = 0

    @property
    def shop_url(self) -> str:
        self.turn += 1
        return self.urls[self.turn % len(self.urls)]

    @shop_url.setter
    def shop_url(self, _: str) -> None:
        return


@pytest.mark.skipif(not reachable(REDIS), reason="no Redis")
async def test_two_processes_answer_once_with_one_token(
    wechat_settings: Settings, bot: BotServer, database: Database
) -> None:
    """Every message is first cut off at one process and then repeated at the other."""
    tencent = TwoShops(ACCOUNTS, answer_within=60, repeat_after=0.1)
    tencent.hang_up = lambda attempt: 0.3 if attempt == 0 else 60
    redis = Redis.from_url(REDIS, db=6)
    await redis.flushdb()
    wechat_settings.redis_url = f"{REDIS.rpartition('/')[0]}/6"
    bot.answer = lambda text: [{"text": f"heard {text}"}]
    async with Served(tencent.app) as there:
        wechat_settings.wechat_api = there.url
        bare = wechat_settings.model_copy(update={"worker": "apart"})
        apps = [create_app(each, consoles=False) for each in (wechat_settings, bare)]
        async with Served(apps[0]) as one, Served(apps[1]) as other:
            tencent.urls = (one.url, other.url)
            bot.may_answer.clear()
            phones = [tencent.phone(f"o{number}") for number in range(8)]
            saying = [asyncio.create_task(phone.say(phone.openid)) for phone in phones]
            async with asyncio.timeout(30):
                while len(bot.heard) < len(phones):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            bot.may_answer.set()
            await asyncio.gather(*saying)
            for phone in phones:
                await phone.until(lambda seen: len(seen) >= 1)
            await settled(database, len(phones))
    await tencent.close()
    await redis.flushdb()
    await redis.aclose()
    assert [phone.texts for phone in phones] == [[f"heard {phone.openid}"] for phone in phones]
    assert sorted(said["message"] for said in bot.heard) == sorted(phone.openid for phone in phones)
    assert len(tencent.sent(TOKEN)) <= 1


async def test_one_message_delivered_many_times_at_once_is_heard_once(
    tencent: Tencent, phone: Phone, bot: BotServer, http: httpx.AsyncClient, wechat_settings: Settings
) -> None:
    wechat_settings.wechat_answer_within = 60
    fields = {
        "ToUserName": "gh_x",
        "FromUserName": "o1",
        "CreateTime": int(now().timestamp()),
        "MsgType": "text",
        "Content": "在吗",
        "MsgId": 77,
    }

    async def post(number: int) -> httpx.Response:
        query, body = sealed(SAFE, fields, str(int(now().timestamp())), f"nonce{number}")
        return await http.post(f"/wechat/{SAFE.app_id}", params=query, content=body)

    answers = await asyncio.gather(*(post(number) for number in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(bot.heard) == 1
    assert [answer.text for answer in answers].count("success") == 0
    assert tencent.sent() == []


async def test_buttons_are_chosen_by_their_number(phone: Phone, bot: BotServer) -> None:
    bot.answer = several_bubbles
    await phone.say("退货")
    assert phone.texts == ["一\n二\n退货 已退\n还有吗\n回复数字选择：\n1. 去退货\n2. 转人工"]
    bot.answer = lambda text: [{"text": f"heard {text}"}]
    for said in ("２", "2", " 3 "):
        await phone.say(said)
    assert phone.texts[1:] == ["heard /human_handoff", "heard 2", "heard 3"]


async def test_a_number_after_something_else_is_a_number(phone: Phone, bot: BotServer) -> None:
    bot.answer = several_bubbles
    await phone.say("退货")
    bot.answer = lambda text: [{"text": f"heard {text}"}]
    await phone.say("算了")
    await phone.say("1")
    assert phone.texts[1:] == ["heard 算了", "heard 1"]


async def test_a_forged_tap_is_a_text(phone: Phone, bot: BotServer) -> None:
    bot.answer = several_bubbles
    await phone.say("退货")
    bot.answer = lambda text: [{"text": f"heard {text}"}]
    for menu_id in ("301", "300", "9" * 11, "9" * 40, "x", "-1"):
        await phone.say("转人工吧", menu_id)
    assert phone.texts[1:] == ["heard 转人工吧"] * 6


async def test_everything_else_becomes_words(phone: Phone, bot: BotServer, database: Database) -> None:
    await phone.send_voice("我要退款")
    await phone.send_voice()
    await phone.send_location(30.2, 120.1, "杭州市西湖区")
    await phone.send_link("标题", "http://u")
    await phone.send_page("页", "p")
    await phone.click("return_request")
    await phone.follow()
    assert [said["message"] for said in bot.heard] == [
        "我要退款",
        "[语音]",
        "我的位置:杭州市西湖区",
        "[链接] 标题 http://u",
        "[小程序] 页",
        "/return_request",
        "/greet",
    ]
    count = len(bot.heard)
    for quiet in (
        phone.send_kind("hologram"),
        phone.click("nobody knows"),
        phone.view("http://u"),
        phone.report_location(30.2, 120.1),
        phone.scan("poster-7"),
        phone.say("\x07"),
    ):
        assert (await quiet).attempts == [200]
    assert len(bot.heard) == count
    assert {seen.how for seen in phone.seen} == {"passive"}


def a_picture(colour: str = "red") -> bytes:
    content = BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, "JPEG")
    return content.getvalue()


async def test_pictures_come_and_go(phone: Phone, tencent: Tencent, database: Database) -> None:
    await phone.send_image(a_picture())
    async with database.read() as session:
        picture = await session.scalar(
            select(Message.attachment_id).where(Message.attachment_id.is_not(None))
        )
    assert picture
    await agent_says(database, "", picture)
    await phone.until(lambda seen: seen[-1].how == "push")
    assert phone.seen[-1].kind == "image"


async def test_what_is_no_picture_is_a_word(phone: Phone, bot: BotServer) -> None:
    await phone.send_image(b"MZ\x90", "application/octet-stream")
    assert bot.heard[-1]["message"] == "[图片]"


async def test_one_push_is_kept_for_a_person(phone: Phone, tencent: Tencent, database: Database) -> None:
    await phone.say("在吗")
    async with database.write() as session:
        conversation_id = await session.scalar(select(Conversation.id))
        assert conversation_id
        for number in range(6):
            await service.append(session, conversation_id, "system", service.Bubble(text=f"{number} " * 600))
    await settled(database, 7)
    for number in range(2):
        await agent_says(database, f"人工{number}")
        await settled(database, 8 + number)
    assert await deliveries(database) == [
        ("bot", "sent", ""),
        *[("system", "sent", "")] * 4,
        *[("system", "failed", "quota_kept")] * 2,
        ("agent", "sent", ""),
        ("agent", "failed", "quota_used"),
    ]
    assert phone.texts[-1] == "人工0"
    assert phone.quota.left() == 0


async def test_after_two_days_the_window_is_closed(
    phone: Phone, tencent: Tencent, database: Database
) -> None:
    await phone.say("在吗")
    tencent.clock.advance(timedelta(hours=48))
    tencent.expire_tokens()
    await agent_says(database, "人工")
    assert (await settled(database, 2))[-1] == ("agent", "failed", "window_closed")


async def test_a_person_hears_when_a_line_is_too_long(phone: Phone, database: Database) -> None:
    await phone.say("在吗")
    await agent_says(database, "一" * 700)
    assert (await settled(database, 2))[-1] == ("agent", "failed", "too_long")
    assert len(phone.seen) == 1


async def test_a_person_who_writes_is_shown_once_for_all_keys(
    wechat_settings: Settings, tencent: Tencent, database: Database
) -> None:
    app = create_app(wechat_settings, consoles=False)
    async with Served(app) as served:
        tencent.shop_url = served.url
        phone = tencent.phone("o1")
        await phone.say("在吗")
        async with database.read() as session:
            conversation_id = await session.scalar(select(Conversation.id))
        for on in (False, True, True, True):
            app.state.reception._bus.signal("typing", conversation_id, {"who": "agent", "on": on})
            app.state.reception._bus.signal("typing", "nobody", {"who": "agent", "on": on})

        async def shown() -> bool:
            return phone.typing_until is not None

        await until(shown)
    assert len(tencent.sent("/cgi-bin/message/custom/typing")) == 1


async def test_a_shopper_is_asked_to_slow_down(
    tencent: Tencent, wechat_settings: Settings, database: Database
) -> None:
    wechat_settings.wechat_answer_within, tencent.answer_within = 0.0, 60
    async with Served(create_app(wechat_settings, consoles=False)) as served:
        tencent.shop_url = served.url
        phone = tencent.phone("o1")
        await asyncio.gather(*(phone.say(f"第{number}句") for number in range(23)))
    assert phone.texts.count("发得有点快，请稍等几秒再发。") == 3
    assert [author for author, _ in await lines(database)].count("shopper") == 20


class TestBinding:
    @pytest.fixture
    async def code(self, database: Database) -> str:
        async with database.write() as session:
            session.add(Customer(id=1, phone="15400000001", name="林晓"))
            await session.flush()
            return (await identities.binding_code(session, 1)).code

    @pytest.mark.parametrize("way", ["scan", "follow", "say"])
    async def test_a_code_binds(
        self, phone: Phone, code: str, way: str, database: Database, bot: BotServer
    ) -> None:
        if way == "say":
            await phone.say(f"绑定 {code[:4]} {code[4:]}")
        else:
            await (phone.scan if way == "scan" else phone.follow)(f"bind-{code}")
        assert phone.texts == ["已经和您的账号绑定好了，现在可以直接查您的订单。"]
        async with database.read() as session:
            assert await identities.customer_of(session, "wechat", f"{SAFE.app_id}:o1") == 1
        assert bot.heard == []
        await phone.say("查订单")
        assert bot.heard[-1]["metadata"]["signed_in"] is True

    async def test_a_repeat_is_told_the_same(
        self, phone: Phone, code: str, tencent: Tencent, database: Database
    ) -> None:
        fields: dict[str, str | int | float] = {
            "MsgType": "event", "Event": "SCAN", "EventKey": f"bind-{code}", "CreateTime": 1,
        }  # fmt: skip
        for _ in range(3):
            await phone.deliver(fields, "action")
        told = "已经和您的账号绑定好了，现在可以直接查您的订单。"
        assert set(phone.texts) == {told}
        assert [text for _, text in await lines(database)] == [told]

    async def test_a_wrong_code_is_told_and_five_are_the_limit(
        self, phone: Phone, database: Database, code: str
    ) -> None:
        wrong = f"{(int(code) + 1) % 10**8:08d}"
        for _ in range(6):
            await phone.say(f"绑定{wrong}")
        assert [text[:4] for text in phone.texts] == ["绑定码不"] * 5 + ["绑定码试"]
        async with database.read() as session:
            assert await identities.customer_of(session, "wechat", f"{SAFE.app_id}:o1") is None


async def test_an_address_is_verified_for_every_account(tencent: Tencent, shop: Served) -> None:
    assert [await tencent.verify(account) for account in ACCOUNTS] == [True] * 4
    assert not await tencent.verify(SAFE.model_copy(update={"token": "guess"}))


async def test_strangers_are_refused(http: httpx.AsyncClient, bot: BotServer, tencent: Tencent) -> None:
    stamp = str(int(now().timestamp()))
    fields: dict[str, Any] = {"ToUserName": "gh", "FromUserName": "o1", "CreateTime": 1}
    fields |= {"MsgType": "text", "Content": "x", "MsgId": 1}
    query, body = sealed(SAFE, fields, stamp, "n1")

    async def post(app_id: str, query: dict[str, str], body: bytes = body) -> tuple[int, str, int]:
        answer = await http.post(f"/wechat/{app_id}", params=query, content=body)
        said = answer.json() if answer.status_code != 200 else {"code": answer.text}
        return answer.status_code, said["code"], said.get("errcode", 0)

    assert await post("wx_nobody", query) == (404, "no_such_account", 0)
    assert await post(SAFE.app_id, query | {"msg_signature": "0" * 40}) == (403, "wechat_refused", -40001)
    assert await post(SAFE.app_id, query | {"nonce": "n2"}) == (403, "wechat_refused", -40001)
    assert await post(SAFE.app_id, query | {"encrypt_type": "raw"}) == (422, "wechat_refused", -40004)
    assert await post(SAFE.app_id, query, b"<xml>") == (422, "wechat_refused", -40002)
    assert await post(SAFE.app_id, query, b"\xff" * 1000) == (422, "wechat_refused", -40002)
    late = str(int(stamp) - 400)
    assert await post(SAFE.app_id, *sealed(SAFE, fields, late, "n1")) == (403, "wechat_refused", -40001)
    assert (await post(SAFE.app_id, {}))[:2] == (422, "invalid_request")
    assert bot.heard == []
    assert (await post(SAFE.app_id, query))[0] == 200
    assert await post(SAFE.app_id, query) == (403, "wechat_refused", -40001)
    again = sealed(SAFE, fields, stamp, "n9")
    assert (await post(SAFE.app_id, *again))[0] == 200
    assert len(bot.heard) == 1
    plain = {"signature": sign(PLAIN.token, stamp, "n1"), "timestamp": stamp, "nonce": "n1"}
    assert (await post(PLAIN.app_id, plain, b"<!DOCTYPE x><xml/>"))[2] == -40002
