"""What people talked about while they had a conversation, the bot knows when it has it again."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from backoffice.client import Conversation
from backoffice.conversations.ports import Heard, Utterance
from backoffice.kit.database import Database
from backoffice.trade.models import Order
from backoffice.users.models import Customer
from integrations.bot import RasaBot
from tests.live import LiveShop


@pytest.fixture
async def bot(live_shop: LiveShop) -> AsyncIterator[RasaBot]:
    """The connection that the app has to the bot."""
    bot = RasaBot(live_shop.settings.bot_url, live_shop.settings.bot_token)
    yield bot
    await bot.close()


async def two_orders(shop: LiveShop) -> tuple[str, str, str]:
    """Phone of a customer nobody else in the tests speaks for, number of a paid order, that of another."""
    database = Database(shop.settings.database_url)
    other = aliased(Order)
    both = (
        select(Customer.phone, Order.number, other.number)
        .join(Order, Order.customer_id == Customer.id)
        .join(other, (other.customer_id == Customer.id) & (other.id != Order.id))
        .where(Order.state == "paid", other.state.in_(("shipped", "delivered")), Customer.demo.is_(None))
        .order_by(Order.id)
    )
    async with database.read() as session:
        found = (await session.execute(both)).first()
    await database.close()
    assert found
    return found[0], found[1], found[2]


def said(shop: LiveShop, talk: Conversation, text: str) -> str:
    replies: Iterator[dict[str, Any]] = iter(shop.client.answer(talk, shop.client.send(talk, text)))
    return "\n".join(f"{reply['text']} {reply['card'] or ''}" for reply in replies)


async def test_that_order_is_the_one_people_spoke_of_and_the_open_question_is_gone(
    live_shop: LiveShop, bot: RasaBot
) -> None:
    phone, first, second = await two_orders(live_shop)
    talk = live_shop.client.open(customer=phone)
    assert "确认取消" in said(live_shop, talk, f"取消订单{first}")
    meanwhile = [
        Heard("shopper", "先不取消 另一单催一下"),
        Heard("agent", f"好的，订单 {second} 已经帮您催了"),
        Heard("shopper", "好"),
    ]
    await bot.tell(talk.id, meanwhile)

    agreed = said(live_shop, talk, "好的")
    assert "已取消" not in agreed
    assert "取消吗" not in agreed
    told = said(live_shop, talk, "那个订单现在什么情况")
    assert second in told
    assert first not in told


async def test_a_conversation_the_bot_never_had_can_be_told_of(live_shop: LiveShop, bot: RasaBot) -> None:
    phone, first, _ = await two_orders(live_shop)
    talk = live_shop.client.open("app", customer=phone)
    await bot.tell(talk.id, [Heard("agent", f"您的订单 {first} 今天会发出")] * 30)
    assert first in said(live_shop, talk, "那个订单现在什么情况")


async def test_the_real_bot_tells_how_it_read_a_message(bot: RasaBot) -> None:
    answer = await bot.reply(Utterance("reading", "你是机器人吗", {"turn": "", "turn_id": "1"}))
    assert answer.replies
    reading = answer.reading
    assert reading
    assert reading.intent == "bot_challenge"
    assert reading.actions == ["action_bot_challenge"]
    assert len(reading.ranking) == 3
    assert reading.ranking[0] == ("bot_challenge", reading.confidence)
    assert reading.confidence > 0.5
