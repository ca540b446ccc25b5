"""Errands that people do for shoppers: within limits, once, on record, and never after they lost it."""

import asyncio

import pytest
from sqlalchemy import select

from backoffice.conversations.desk import errands, thread
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.errands import Confirmed, refund_limit
from backoffice.conversations.models import Message
from backoffice.events import audit
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound, StaleTurn
from backoffice.settings import Settings
from backoffice.staff import service as staff
from backoffice.staff.models import StaffMember
from backoffice.trade.models import Refund
from backoffice.trade.schemas import NewAddress
from tests.backoffice.conversations.at_desk import ANNA, BEN, BOSS, queued
from tests.backoffice.factories import OWNER, STRANGER, Shop

LIMIT = 20_000


@pytest.fixture
async def shop(database: Database) -> Shop:
    shop = Shop(database)
    await shop.open()
    async with database.write() as session:
        session.add_all(
            StaffMember(id=id, login=f"staff{id}", name=name, role=role, password_hash="")
            for id, name, role in (
                (ANNA, "安娜", "agent"),
                (BEN, "小本", "agent"),
                (BOSS, "老王", "supervisor"),
            )
        )
    return shop


async def taken(database: Database, by: int = ANNA, customer: int = OWNER) -> str:
    conversation = await queued(database, customer=customer)
    async with database.write() as session:
        await desk.claim(session, conversation, by)
    return conversation


async def confirmed(database: Database, conversation: str, by: int = ANNA, key: str = "k1") -> Confirmed:
    async with database.read() as session:
        seen = await thread.read(session, conversation, ())
        member = await staff.member(session, by)
    return Confirmed(member, conversation, seen.epoch, key, "顾客要求")


async def said(database: Database, conversation: str) -> list[str]:
    async with database.read() as session:
        found = select(Message.text).where(
            Message.conversation_id == conversation, Message.author == "system"
        )
        return [text for text in await session.scalars(found) if text.startswith("客服已为您")]


async def test_an_agent_cancels_an_order_the_shopper_is_told_and_it_is_on_record(
    database: Database, shop: Shop
) -> None:
    number = await shop.order("paid")
    conversation = await taken(database)
    by = await confirmed(database, conversation)
    async with database.write() as session:
        view = await errands.cancel_order(session, by, number)
    assert view.state == "cancelled"
    assert len(await said(database, conversation)) == 1
    async with database.read() as session:
        [entry] = await audit.entries(session, f"order:{number}")
    assert (entry.action, entry.staff_id, entry.reason) == ("order_cancelled", ANNA, "顾客要求")


async def test_confirmed_twice_it_is_done_once(database: Database, shop: Shop) -> None:
    number = await shop.order("delivered")
    conversation = await taken(database)
    by = await confirmed(database, conversation)

    async def give() -> str:
        async with database.write() as session:
            return (await errands.refund(session, by, number, 1000, LIMIT)).number

    numbers = await asyncio.gather(*(give() for _ in range(4)))
    assert len(set(numbers)) == 1
    assert len(await shop.rows(Refund)) == 1
    assert len(await said(database, conversation)) == 1


async def test_who_lost_the_conversation_meanwhile_does_nothing(database: Database, shop: Shop) -> None:
    number = await shop.order("paid")
    conversation = await taken(database)
    by = await confirmed(database, conversation)
    async with database.write() as session:
        await desk.take_over(session, conversation, BEN)
    with pytest.raises(StaleTurn):
        async with database.write() as session:
            await errands.cancel_order(session, by, number)
    with pytest.raises(Conflict, match="take_it_first"):
        async with database.write() as session:
            await errands.cancel_order(session, await confirmed(database, conversation), number)
    assert await said(database, conversation) == []


async def test_anothers_order_is_not_there(database: Database, shop: Shop) -> None:
    number = await shop.order("paid", customer=STRANGER)
    conversation = await taken(database)
    by = await confirmed(database, conversation)
    with pytest.raises(NotFound, match="order_not_found"):
        async with database.write() as session:
            await errands.cancel_order(session, by, number)


async def test_goodwill_of_an_order_stays_within_the_limit_however_many_ask_at_once(
    database: Database, shop: Shop
) -> None:
    number = await shop.order("delivered")
    conversation = await taken(database)

    async def give(key: str) -> None:
        by = await confirmed(database, conversation, key=key)
        async with database.write() as session:
            await errands.refund(session, by, number, 8_000, LIMIT)

    given = await asyncio.gather(*(give(f"k{n}") for n in range(5)), return_exceptions=True)
    assert given.count(None) == 2
    assert {each.code for each in given if isinstance(each, Conflict)} == {"over_limit"}
    assert sum(refund.amount_fen for refund in await shop.rows(Refund)) == 16_000


async def test_more_than_was_paid_cannot_be_given(database: Database, shop: Shop) -> None:
    number = await shop.order("delivered")
    by = await confirmed(database, await taken(database))
    with pytest.raises(Conflict, match="refund_not_covered"):
        async with database.write() as session:
            await errands.refund(session, by, number, 30_001, 200_000)
    with pytest.raises(Invalid, match="bad_amount"):
        async with database.write() as session:
            await errands.refund(session, by, number, 0, LIMIT)


async def test_an_address_is_changed_in_the_parts_that_are_said(database: Database, shop: Shop) -> None:
    number = await shop.order("paid")
    by = await confirmed(database, await taken(database))
    wanted = NewAddress(receiver="王小明")
    async with database.write() as session:
        view = await errands.change_address(session, by, number, wanted)
    assert view.receiver == "王**"
    assert view.city == "杭州市"


async def test_limits_follow_the_role(database: Database, shop: Shop) -> None:
    settings = Settings(secret="x" * 40)
    async with database.read() as session:
        agent, boss = await staff.member(session, ANNA), await staff.member(session, BOSS)
    assert refund_limit(settings, agent) == 20_000
    assert refund_limit(settings, boss) == 200_000
