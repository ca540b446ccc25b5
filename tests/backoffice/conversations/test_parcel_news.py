"""One line in the conversation for each piece of news of a shopper's goods."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backoffice.conversations.parcel_news import parcel_news
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.events.service import publish
from backoffice.fulfillment import fulfilments, pickups
from backoffice.fulfillment.fulfilment_schemas import Part, Piece
from backoffice.inventory.models import Location
from backoffice.kit.database import Database
from backoffice.trade.models import Order
from tests.backoffice.conversations.at_desk import lines, opened
from tests.backoffice.factories import COAT, OWNER, Shop

STORE = 5
Pass = Callable[[], Awaitable[None]]


@pytest.fixture
async def order_id(shop: Shop) -> int:
    number = await shop.order(number="2611270000001234")
    return int(await shop.value(Order.id, Order.number == number))


@pytest.fixture
def pass_on(database: Database) -> Pass:
    relay = Relay(database)
    parcel_news(database).subscribe(relay)

    async def all_of_it() -> None:
        while await relay.pass_on():
            pass

    return all_of_it


async def happens(database: Database, topic: str, order_id: int, **payload: Any) -> None:
    async with database.write() as session:
        await publish(session, topic, f"order:{order_id}", {"order_id": order_id} | payload)


PARCEL = {"carrier": "sf", "number": "SF1"}


@pytest.mark.parametrize(
    ("topic", "payload", "text"),
    [
        ("parcel.shipped", PARCEL, "您尾号 1234 的订单有一个包裹已由顺丰速运发出，运单号 SF1。"),
        ("parcel.out_for_delivery", PARCEL, "正在派送"),
        ("parcel.lost", PARCEL, "可能丢失"),
        ("fulfilment.late", {"stage": "leave"}, "没能按约定时间"),
        ("pickup.expired", {}, "没有取货"),
    ],
)
async def test_news_are_told_where_the_shopper_wrote(
    database: Database, order_id: int, pass_on: Pass, topic: str, payload: dict[str, Any], text: str
) -> None:
    conversation = await opened(database, customer=OWNER)
    await happens(database, topic, order_id, **payload)
    await pass_on()
    author, said = (await lines(database, conversation))[-1]
    assert author == "system"
    assert text in said


async def test_an_event_that_comes_again_is_told_once(database: Database, order_id: int) -> None:
    conversation = await opened(database, customer=OWNER)
    event = Event(77, "parcel.shipped", f"order:{order_id}", {"order_id": order_id} | PARCEL)
    news = parcel_news(database)
    await asyncio.gather(*(news.take(event) for _ in range(4)))
    assert [author for author, _ in await lines(database, conversation)].count("system") == 1


async def test_a_pickup_is_told_with_its_code(
    database: Database, shop: Shop, order_id: int, pass_on: Pass
) -> None:
    place = {"province": "浙江省", "city": "杭州市", "district": "上城区", "address": "湖滨路1号"}
    point = {"latitude": 30.2, "longitude": 120.1, "hours": "10:00-22:00", "phone": ""}
    await shop.add(Location, {"id": STORE, "kind": "store", "name": "湖滨店", **place, **point})
    conversation = await opened(database, customer=OWNER)
    part = Part(key="1", location_id=STORE, kind="store_pickup", pieces=[Piece(sku_id=COAT, quantity=1)])
    async with database.write() as session:
        (made,) = await fulfilments.create(session, order_id, [part])
        await fulfilments.accept(session, made)
        await pickups.ready(session, made)
        (pickup,) = (await pickups.waiting(session, [order_id]))[order_id]
    await pass_on()
    said = (await lines(database, conversation))[-1][1]
    assert f"提货码 {pickup.code}" in said
    assert "湖滨店（杭州市上城区湖滨路1号，10:00-22:00）" in said


async def test_who_never_wrote_and_what_is_over_is_not_told(
    database: Database, order_id: int, pass_on: Pass
) -> None:
    await happens(database, "parcel.shipped", order_id, **PARCEL)
    await pass_on()
    conversation = await opened(database, customer=OWNER)
    await happens(database, "parcel.shipped", 999, **PARCEL)
    await happens(database, "fulfilment.late", order_id, stage="accept")
    await happens(database, "fulfilment.ready_for_pickup", order_id, fulfilment_id=9)
    await pass_on()
    assert [author for author, _ in await lines(database, conversation)] == ["shopper"]
