"""Shoppers hear that money goes back by itself, and that it has arrived."""

import asyncio

import pytest

from backoffice.conversations.payment_news import payment_news
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.settings import Settings
from backoffice.trade import service
from backoffice.trade.payments import refunding
from tests.backoffice.conversations.at_desk import lines, opened
from tests.backoffice.factories import OWNER, STRANGER, Shop
from tests.backoffice.trade.till import WHO, Till


async def said_to(shop: Shop, conversation: str) -> list[str]:
    relay = Relay(shop.database)
    payment_news(shop.database).subscribe(relay)
    while await relay.pass_on():
        pass
    return [text for author, text in await lines(shop.database, conversation) if author == "system"]


async def test_a_shopper_hears_of_money_that_goes_back(shop: Shop, settings: Settings) -> None:
    till = Till(shop, settings)
    mine = await opened(shop.database, customer=OWNER)
    anothers = await opened(shop.database, "s2", STRANGER)
    number = await till.order()
    reference = await till.begin(number)
    till.simulators["wechat"].pay(reference)
    async with shop.database.write() as session:
        await service.cancel(session, WHO, number, "")
    await till.tell(reference)
    [returned] = await said_to(shop, mine)
    assert all(part in returned for part in (number[-4:], "¥300", "微信支付", "已经取消"))
    await till.repaying.round()
    _, settled = await said_to(shop, mine)
    assert all(part in settled for part in (number[-4:], "¥300", "已经到账微信支付"))
    assert await said_to(shop, anothers) == []


@pytest.mark.parametrize(
    "reason",
    [refunding.ORDER_DEAD, refunding.PAID_TWICE, refunding.WRONG_AMOUNT, refunding.NO_STOCK],
)
async def test_each_reason_is_told_once(shop: Shop, reason: str) -> None:
    conversation = await opened(shop.database, customer=OWNER)
    told = {"customer_id": OWNER, "order_number": "2611270000001234", "number": "F1", "amount_fen": 12950}
    event = Event(1, "payment.returned", "order:1", told | {"method": "alipay", "reason": reason})
    await asyncio.gather(*(payment_news(shop.database).take(event) for _ in range(4)))
    [text] = await said_to(shop, conversation)
    assert all(part in text for part in ("1234", "¥129.50", "支付宝"))
