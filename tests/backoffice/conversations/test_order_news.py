"""What shoppers read when their goods come from elsewhere, or not at all."""

from typing import Any

import pytest

from backoffice.conversations.order_news import TOPICS, order_news
from backoffice.events.relay import Relay
from backoffice.events.service import publish
from backoffice.kit.database import Database
from backoffice.trade.lifecycle import cancelling
from tests.backoffice.conversations.at_desk import lines, opened
from tests.backoffice.factories import OWNER, Shop

MOVED, PIECES, GIVEN_UP = TOPICS


@pytest.mark.parametrize(
    ("topic", "payload", "text"),
    [
        (MOVED, {}, "您尾号 1234 的订单换了一处发货"),
        (PIECES, {"reason": cancelling.OUT_OF_STOCK, "amount_fen": 30050}, "300.50"),
        (PIECES, {"reason": cancelling.NOT_COLLECTED, "amount_fen": 100}, "没有取"),
        (GIVEN_UP, {"reason": cancelling.OUT_OF_STOCK, "amount_fen": 100}, "订单已取消"),
        (GIVEN_UP, {"reason": cancelling.NOT_COLLECTED, "amount_fen": 100}, "没有取货"),
        (GIVEN_UP, {"reason": cancelling.TURNED_BACK, "amount_fen": 100}, "已经退回"),
    ],
)
async def test_news_are_told_where_the_shopper_wrote(
    database: Database, shop: Shop, topic: str, payload: dict[str, Any], text: str
) -> None:
    conversation = await opened(database, customer=OWNER)
    about = {"order_id": 1, "number": "2611270000001234", "customer_id": OWNER}
    async with database.write() as session:
        await publish(session, topic, "order:1", about | payload)
    relay = Relay(database)
    order_news(database).subscribe(relay)
    while await relay.pass_on():
        pass
    author, said = (await lines(database, conversation))[-1]
    assert author == "system"
    assert text in said
