"""Orders are what their events have led to."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import lists, sampled_from
from sqlalchemy import select

from backoffice.catalog.models import Product
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Problem
from backoffice.kit.time import now
from backoffice.tables import metadata
from backoffice.trade import invoicing, service
from backoffice.trade.history import Event, Standing, differences, replay
from backoffice.trade.lifecycle import line_cancelling, protecting
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import CancelledLine, CancelLines, InvoiceRequest, NewAddress
from backoffice.users.identity import Shopper
from tests.backoffice.factories import COAT, CUP, OWNER, PRICES, Shop

PLACED = Event(1, "placed", now(), "customer:1", {"state": "unpaid", "urges": 0}, {7: {"returned": 0}})


def event(sequence: int, kind: str, order: dict[str, Any] | None = None, **more: Any) -> Event:
    return Event(sequence, kind, now() + timedelta(seconds=sequence), "system", order or {}, **more)


def test_events_are_folded_in_their_order() -> None:
    told = [
        PLACED,
        event(2, "paid", {"state": "paid"}),
        event(3, "urged", {"urges": 1}),
        event(4, "shipped", {"state": "shipped"}),
        event(5, "delivered", {"state": "delivered"}),
        event(6, "returned", lines={7: {"returned": 1}}),
    ]
    assert replay(told) == Standing({"state": "delivered", "urges": 1}, {7: {"returned": 1}})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "no events"),
        ([event(1, "paid", {"state": "paid"})], "cannot be here"),
        ([PLACED, event(3, "paid", {"state": "paid"})], "event 2 is missing"),
        ([PLACED, event(2, "shipped", {"state": "shipped"})], "no order that is unpaid"),
        ([PLACED, event(2, "paid")], "leads to paid"),
        ([PLACED, event(2, "placed")], "cannot be here"),
        ([PLACED, event(2, "blessed")], "cannot be here"),
        ([PLACED, event(2, "line_cancelled", lines={8: {"cancelled": 1}})], "no line 8"),
    ],
)
def test_what_cannot_follow_is_refused(told: list[Event], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replay(told)


def test_differences_name_the_column_and_both_sides() -> None:
    stored = Standing({"state": "paid", "urges": 0}, {7: {"returned": 1}})
    rebuilt = Standing({"state": "unpaid", "urges": 0}, {})
    assert differences(stored, rebuilt) == [("state", "paid", "unpaid"), ("line 7 returned", 1, None)]


VERBS: dict[str, Callable[[WriteSession, Shopper, str], Awaitable[object]]] = {
    "urge": service.urge,
    "cancel": lambda session, who, number: service.cancel(session, who, number, "不想要了"),
    "cancel_piece": lambda session, who, number: cancel_piece(session, who, number),
    "undo": service.undo_cancel,
    "intercept": service.intercept,
    "address": lambda session, who, number: service.change_address(
        session, who, number, NewAddress(receiver="张三")
    ),
    "invoice": lambda session, who, number: invoicing.put_invoice(
        session, who, number, InvoiceRequest(kind="personal", title="个人")
    ),
    "protect": protecting.protect,
    "goodwill": lambda session, who, number: refunding.compensate(session, who, number, 100, 10_000),
    "return": lambda session, who, number: send_back(session, who, number),
    "keep": lambda session, who, number: keep(session, who, number),
}


async def cancel_piece(session: WriteSession, who: Shopper, number: str) -> None:
    line = (await service.order(session, who, number)).lines[0]
    asked = CancelLines(lines=[CancelledLine(line_id=line.id, quantity=1)])
    await line_cancelling.cancel_lines(session, who, number, asked)


async def send_back(session: WriteSession, who: Shopper, number: str) -> None:
    line = (await service.bought_lines(session, who, number))[0]
    if await service.take_back(session, line, 1, who.scope) is None:
        raise Conflict("nothing_left")


async def keep(session: WriteSession, who: Shopper, number: str) -> None:
    line = (await service.bought_lines(session, who, number))[0]
    if not line.returned:
        raise Conflict("nothing_returned")
    await service.leave_with_shopper(session, line.id, 1, who.scope)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    state=sampled_from(["unpaid", "paid", "shipped", "delivered", "completed", "cancelled"]),
    verbs=lists(sampled_from(sorted(VERBS)), min_size=4, max_size=12),
)
def test_whatever_is_done_to_an_order_it_is_what_its_events_led_to(
    database_url: str, state: str, verbs: list[str]
) -> None:
    async def live() -> None:
        database = Database(database_url)
        async with database.connect() as connection:
            await connection.run_sync(metadata.create_all)
        shop, who = Shop(database), Shopper(OWNER)
        async with database.read() as session:
            opened = await session.scalar(select(Product.id))
        if opened is None:
            await shop.open(1000)
            await shop.lower_price(COAT, PRICES[COAT] - 100)
        number = await shop.order(state, {COAT: 2, CUP: 1}, days_ago=0.1)
        for verb in verbs:
            with suppress(Problem):
                async with database.write() as session:
                    await VERBS[verb](session, who, number)
        async with database.read() as session:
            told, standing = await service.past(session, number)
        assert replay(told) == standing
        await database.close()

    asyncio.run(live())
