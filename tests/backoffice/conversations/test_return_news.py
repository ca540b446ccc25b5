"""One line in the conversation for each step of what a shopper sends back."""

import asyncio

import pytest
from sqlalchemy import select

from backoffice.conversations.return_news import return_news
from backoffice.events.models import OutboxEvent
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.kit.database import Database
from backoffice.returns import handling
from backoffice.returns.schemas import Arrival, ArrivedLine, AskReturn, Inspection, Verdict
from backoffice.returns.service import ask
from backoffice.trade.domain import line_id
from backoffice.trade.models import Order
from backoffice.users.identity import Shopper
from tests.backoffice.conversations.at_desk import lines, opened
from tests.backoffice.factories import OWNER, WAREHOUSE, Shop


@pytest.fixture
async def asked(database: Database, shop: Shop) -> tuple[str, int]:
    """A return of one piece: its number and line."""
    number = await shop.order("delivered", number="2611270000001234")
    line = line_id(int(await shop.value(Order.id)), 1)
    async with database.write() as session:
        wanted = AskReturn(kind="return", line_id=line, reason="unwanted")
        return (await ask(session, Shopper(OWNER), number, wanted)).number, line


async def pass_on(database: Database) -> None:
    relay = Relay(database)
    return_news(database).subscribe(relay)
    while await relay.pass_on():
        pass


async def test_every_step_is_told_where_the_shopper_wrote(database: Database, asked: tuple[str, int]) -> None:
    number, line = asked
    conversation = await opened(database, customer=OWNER)
    for verb in ("hand_over", "receive", "inspect"):
        async with database.write() as session:
            if verb == "hand_over":
                await handling.hand_over(session, number)
            elif verb == "receive":
                arrived = [ArrivedLine(line_id=line, quantity=1)]
                await handling.receive(session, number, Arrival(location_id=WAREHOUSE, lines=arrived))
            else:
                found = Inspection(lines=[Verdict(line_id=line, restocked=1)])
                await handling.inspect(session, number, found, "staff:1")
        await pass_on(database)
    said = [text for author, text in await lines(database, conversation) if author == "system"]
    assert [any(word in text for word in ("已取件", "验货中", "已退款")) for text in said] == [True] * 3
    assert all(number in text and "1234" in text for text in said)
    assert "¥292" in said[-1]


async def test_a_step_is_told_once_and_to_nobody_else(database: Database, asked: tuple[str, int]) -> None:
    mine = await opened(database, customer=OWNER)
    async with database.write() as session:
        await handling.hand_over(session, asked[0])
    async with database.read() as session:
        happened = await session.scalar(select(OutboxEvent).where(OutboxEvent.topic == "return.picked_up"))
    assert happened is not None
    event = Event(happened.id, happened.topic, happened.key, happened.payload)
    await asyncio.gather(*(return_news(database).take(event) for _ in range(4)))
    assert [author for author, _ in await lines(database, mine)].count("system") == 1
