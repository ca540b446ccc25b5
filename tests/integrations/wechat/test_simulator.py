"""That the simulator is as strict as Tencent: what it accepts and shows proves something."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi import FastAPI, Request, Response

from backoffice.kit.time import now
from integrations.channels.wechat.envelope import NOTHING, Envelopes, Opened, Signed, text_reply
from integrations.channels.wechat.messages import read
from integrations.channels.wechat.simulator import Tencent
from integrations.channels.wechat.xml import render
from tests.integrations.conftest import Served
from tests.integrations.wechat.conftest import ACCOUNTS, BOTH, MINI, PLAIN, SAFE

OFFICIAL = [SAFE, PLAIN, BOTH]


class Shop:
    """A shop that opens what comes and answers what `answer` makes of it."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.nonces: list[str] = []
        self.answer: Callable[[Opened], str] = lambda opened: text_reply(
            opened.fields["FromUserName"], opened.fields["ToUserName"], "您好", now()
        )
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.app = FastAPI()
        self.app.post("/wechat/{app_id}")(self.callback)

    async def callback(self, app_id: str, request: Request) -> Response:
        envelopes = Envelopes(next(account for account in ACCOUNTS if account.app_id == app_id))
        query = request.query_params
        signed = Signed(
            query["timestamp"],
            query["nonce"],
            query["signature"],
            query.get("msg_signature", ""),
            query.get("encrypt_type", ""),
        )
        opened = envelopes.open(signed, await request.body(), now())
        self.heard.append(opened.fields)
        self.nonces.append(signed.nonce)
        await self.may_answer.wait()
        return Response(envelopes.seal(self.answer(opened), opened.cipher, signed.timestamp, "n"))


@pytest.fixture
async def fake_shop(tencent: Tencent) -> AsyncIterator[Shop]:
    shop = Shop()
    async with Served(shop.app) as served:
        tencent.shop_url = served.url
        yield shop
        shop.may_answer.set()


@pytest.mark.parametrize("account", OFFICIAL, ids=lambda account: account.mode)
async def test_a_reply_is_seen_in_every_mode(tencent: Tencent, fake_shop: Shop, account: object) -> None:
    phone = tencent.phone("o1", account.app_id)  # type: ignore[attr-defined]
    exchange = await phone.say("我想退货 ]]> 😀")
    assert (fake_shop.heard[0]["Content"], fake_shop.heard[0]["MsgId"]) == ("我想退货 ]]> 😀", exchange.key)
    assert exchange.attempts == [200]
    assert [(seen.how, seen.text, seen.answers) for seen in phone.seen] == [("passive", "您好", exchange.key)]


async def test_everything_a_shopper_can_do_is_a_message_we_can_read(
    tencent: Tencent, fake_shop: Shop
) -> None:
    fake_shop.answer = lambda _: NOTHING
    for app_id in (SAFE.app_id, MINI.app_id):
        phone = tencent.phone("o1", app_id)
        await phone.say("你好")
        await phone.send_image(b"jpeg")
        await phone.send_voice("退款")
        await phone.send_location(30.2, 120.1, "西湖")
        await phone.send_link("标题", "http://u")
        await phone.send_page("页", "p/q")
        await phone.send_kind("hologram")
        await phone.enter("order")
        await phone.follow("b-1")
        await phone.scan("b-1")
        await phone.click("orders")
        await phone.view("http://u")
        await phone.report_location(30.2, 120.1)
        await phone.unfollow()
        assert phone.seen == []
    kinds = [type(read(fields)).__name__ for fields in fake_shop.heard]
    once = ["Text", "Image", "Voice", "Location", "Link", "MiniProgramPage", "Unknown", *["Event"] * 7]
    assert kinds == once * 2
    assert len({read(fields).key for fields in fake_shop.heard if fields["MsgType"] != "event"}) == 14


async def test_it_repeats_with_a_new_nonce_until_it_is_answered_in_time(
    tencent: Tencent, fake_shop: Shop
) -> None:
    tencent.hang_up = lambda attempt: 0.1 if attempt < 2 else 5
    fake_shop.may_answer.clear()
    phone = tencent.phone("o1")
    saying = asyncio.create_task(phone.say("在吗"))
    while len(fake_shop.heard) < 3:
        await asyncio.sleep(0.01)
    fake_shop.may_answer.set()
    exchange = await saying
    assert exchange.attempts == ["TimeoutError", "TimeoutError", 200]
    assert len({fields["MsgId"] for fields in fake_shop.heard}) == 1
    assert len(set(fake_shop.nonces)) == 3
    assert phone.texts == ["您好"]


async def test_after_three_times_the_shopper_hears_that_nobody_answers(
    tencent: Tencent, fake_shop: Shop
) -> None:
    tencent.hang_up = lambda _: 0.05
    fake_shop.may_answer.clear()
    phone = tencent.phone("o1")
    assert (await phone.say("在吗")).attempts == ["TimeoutError"] * 3
    assert [seen.how for seen in phone.seen] == ["broken"]


BAD_REPLIES = {
    "to somebody else": lambda f: text_reply("o2", f["ToUserName"], "您好", now()),
    "not swapped": lambda f: text_reply(f["ToUserName"], f["FromUserName"], "您好", now()),
    "empty": lambda f: text_reply(f["FromUserName"], f["ToUserName"], "", now()),
    "too long": lambda f: text_reply(f["FromUserName"], f["ToUserName"], "一" * 683, now()),
    "json": lambda _: '{"errcode": 0}',
    "another kind": lambda f: render(
        {"ToUserName": f["FromUserName"], "FromUserName": f["ToUserName"], "CreateTime": 1, "MsgType": "x"}
    ),
}


@pytest.mark.parametrize("case", BAD_REPLIES)
async def test_bad_replies_are_not_shown(tencent: Tencent, fake_shop: Shop, case: str) -> None:
    fake_shop.answer = lambda opened: BAD_REPLIES[case](opened.fields)
    phone = tencent.phone("o1")
    exchange = await phone.say("在吗")
    assert len(exchange.attempts) == 3
    assert [seen.how for seen in phone.seen] == ["broken"]


async def test_a_safe_account_takes_no_plain_reply(tencent: Tencent, fake_shop: Shop) -> None:
    fake_shop.answer = lambda _: NOTHING + " "
    phone = tencent.phone("o1")
    await phone.say("在吗")
    assert [seen.how for seen in phone.seen] == ["broken"]


async def test_a_mini_program_has_no_replies(tencent: Tencent, fake_shop: Shop) -> None:
    phone = tencent.phone("o1", MINI.app_id)
    await phone.say("在吗")
    assert [seen.how for seen in phone.seen] == ["broken"]
