"""Orders as durable workflows: each is followed from its placing to its locations, once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from dbos import DBOS
from sqlalchemy import delete, func

from backoffice import worker
from backoffice.events.models import OutboxEvent
from backoffice.events.relay import Relay
from backoffice.inventory import holds
from backoffice.inventory.models import StockLevel
from backoffice.kit.database import Database
from backoffice.kit.repeating import background
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade import service
from backoffice.trade.lifecycle import cancelling, workflows
from backoffice.trade.lifecycle.fulfilling import Fulfilling
from backoffice.trade.lifecycle.workflows import Workflows
from backoffice.trade.models import Order
from backoffice.trade.payments.ports import PaymentAway
from backoffice.worker import Engine
from tests.backoffice.factories import COAT, WAREHOUSE, Shop
from tests.backoffice.trade.following import (
    SECOND,
    SHOPPER,
    add_place,
    balanced,
    level,
    parts,
    pay,
    place,
    send,
    standing,
    topics,
    track,
)

QUICK = timedelta(seconds=0.5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LISTEN_SECONDS", 0.05)


async def nothing(order_id: int) -> None:
    """There is no lost money."""


@asynccontextmanager
async def at_work(settings: Settings, database: Database, find_lost: Any = nothing) -> AsyncIterator[Engine]:
    """What the worker does for orders."""

    async def lapse(order_id: int) -> None:
        await find_lost(order_id)
        async with database.write() as session:
            await cancelling.lapse(session, order_id)

    workflows.use(database, lapse)
    relay = Relay(database)
    for consumer in (Workflows(database), Fulfilling(database)):
        consumer.subscribe(relay)
    async with Engine(settings, database) as engine, background(relay.run()):
        yield engine


async def outcome(id: str) -> str:
    """How a workflow ended."""
    async with asyncio.timeout(20):
        while await DBOS.get_workflow_status_async(id) is None:
            await asyncio.sleep(0.02)
        return str(await (await DBOS.retrieve_workflow_async(id)).get_result(polling_interval_sec=0.05))


async def becomes(database: Database, order_id: int, state: str) -> Order:
    async with asyncio.timeout(20):
        while (order := await standing(database, order_id)).state != state:
            await asyncio.sleep(0.02)
    return order


async def test_an_order_goes_all_the_way(settings: Settings, shop: Shop) -> None:
    database = shop.database
    async with at_work(settings, database):
        order_id = await place(database, {COAT: 2})
        number = (await standing(database, order_id)).number
        await pay(database, order_id)
        assert await outcome(number) == "paid"
        (part,) = await parts(database, order_id)
        parcel = await send(database, part)
        await becomes(database, order_id, "shipped")
        await track(database, parcel, "delivered")
        await becomes(database, order_id, "delivered")
    assert await level(database, WAREHOUSE, COAT) == (48, 0)
    await balanced(database)


async def test_what_is_not_paid_in_time_is_cancelled_after_a_look_for_lost_money(
    settings: Settings, shop: Shop
) -> None:
    database, asked = shop.database, list[int]()

    async def find_lost(order_id: int) -> None:
        asked.append(order_id)
        if order_id == lost:
            await pay(database, order_id)

    late, lost = await place(database, {COAT: 1}, pay_within=QUICK), 0
    lost = await place(database, {COAT: 1}, pay_within=QUICK)
    async with at_work(settings, database, find_lost):
        ended = [await outcome((await standing(database, each)).number) for each in (late, lost)]
    assert ended == ["cancelled", "paid"]
    assert sorted(asked) == [late, lost]
    assert (await standing(database, late)).cancel_reason == "unpaid"
    assert (await shop.held(), await shop.allocated()) == (0, 1)
    await balanced(database)


async def test_nobody_knows_whether_it_was_paid(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "FIRST_WAIT", 0.05)
    answers = iter([PaymentAway("away"), PaymentAway("away"), None])

    async def find_lost(order_id: int) -> None:
        if error := next(answers):
            raise error

    order_id = await place(shop.database, {COAT: 1}, pay_within=QUICK)
    async with at_work(settings, shop.database, find_lost):
        assert await outcome((await standing(shop.database, order_id)).number) == "cancelled"
    assert next(answers, "asked three times") == "asked three times"


async def test_a_cancelled_order_ends_and_a_restored_one_is_followed_again(
    settings: Settings, shop: Shop
) -> None:
    database = shop.database
    async with at_work(settings, database):
        order_id = await place(database, {COAT: 1})
        number = (await standing(database, order_id)).number
        async with database.write() as session:
            await service.cancel(session, SHOPPER, number, "")
        assert await outcome(number) == "cancelled"
        async with database.write() as session:
            await service.undo_cancel(session, SHOPPER, number)
        await pay(database, order_id)
        assert await outcome(f"{number}-1") == "paid"
    assert [part.state for part in await parts(database, order_id)] == ["planned"]


async def test_an_order_without_a_workflow_ends_with_its_hold(settings: Settings, shop: Shop) -> None:
    database = shop.database
    order_id = await place(database, {COAT: 1}, pay_within=timedelta(0))
    async with database.write() as session:
        await session.execute(delete(OutboxEvent))
    assert await holds.Sweeper(database).sweep() == 1
    async with at_work(settings, database):
        assert await outcome((await standing(database, order_id)).number) == "cancelled"


async def test_a_step_that_cannot_be_done_for_long_leaves_no_order_alone(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = count(1)
    often = partial(DBOS.step, retries_allowed=True, interval_seconds=0.01, max_attempts=2)

    @often(name="source")
    async def source(order_id: int) -> str:
        if next(tries) <= 3:
            raise OSError("the database is away")
        return await place_to_send(order_id)

    place_to_send = workflows.source
    monkeypatch.setattr(workflows, "source", source)
    monkeypatch.setattr(workflows, "LONGEST_WAIT", 0.1)
    order_id = await place(shop.database, {COAT: 1})
    async with at_work(settings, shop.database):
        await pay(shop.database, order_id)
        assert await outcome((await standing(shop.database, order_id)).number) == "paid"
    assert next(tries) == 5
    assert [part.state for part in await parts(shop.database, order_id)] == ["planned"]


async def test_an_order_from_before_there_were_workflows_is_followed_once_it_is_paid(
    settings: Settings, shop: Shop
) -> None:
    number = await shop.order("unpaid")
    async with shop.database.write() as session:
        order_id = await service.order_id(session, SHOPPER, number)
        await holds.hold(
            session, holds.order_holder(order_id), [(WAREHOUSE, COAT, 1)], now() + timedelta(minutes=1)
        )
    async with at_work(settings, shop.database):
        await pay(shop.database, order_id)
        assert await outcome(number) == "paid"
    assert len(await parts(shop.database, order_id)) == 1


async def test_an_upgrade_with_orders_under_way(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next edition greets each order before it waits; those under way are past that."""
    database, greeted = shop.database, set[int]()
    await add_place(shop, SECOND, {COAT: 50})
    before = [await place(database, {COAT: 1}) for _ in range(50)]
    async with at_work(settings, database) as engine:
        numbers = [(await standing(database, each)).number for each in before]
        async with asyncio.timeout(20):
            while len(engine._dbos._workflow_tasks) < len(before):
                await asyncio.sleep(0.02)
        registry = engine._dbos._registry.workflow_info_map
        monkeypatch.delitem(registry, "order")

    @DBOS.step()
    async def greet(order_id: int) -> None:
        greeted.add(order_id)

    @DBOS.workflow(name="order", max_recovery_attempts=None)
    async def next_edition(order_id: int) -> str:
        if await DBOS.patch_async("greeting"):
            await greet(order_id)
        seconds = await workflows.payable_for(order_id)
        while seconds is not None:
            await DBOS.recv_async(workflows.NEWS, timeout_seconds=seconds)
            seconds = await workflows.payable_for(order_id)
        return await workflows.source(order_id)

    monkeypatch.setattr(workflows, "order", next_edition)
    async with at_work(settings, database):
        after = [await place(database, {COAT: 1}) for _ in range(2)]
        await asyncio.gather(*(pay(database, each) for each in before + after))
        assert {await outcome(number) for number in numbers} == {"paid"}
        for each in after:
            assert await outcome((await standing(database, each)).number) == "paid"
    assert greeted == set(after)
    for each in before + after:
        assert [part.state for part in await parts(database, each)] == ["planned"]
    assert (await topics(database)).count("fulfilment.planned") == 52
    assert await shop.value(func.sum(StockLevel.allocated)) == 52
    await balanced(database)
