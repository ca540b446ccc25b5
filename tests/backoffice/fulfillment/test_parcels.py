"""What carriers tell of parcels, in any order and however often."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from backoffice.fulfillment import parcels, service
from backoffice.fulfillment.fulfilment_schemas import NewParcel, Piece
from backoffice.fulfillment.models import Shipment, TrackingEvent
from backoffice.fulfillment.ports import RANK, ParcelState, Tracked
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.backoffice.fulfillment.order import ORDER, shown, told, topics
from tests.backoffice.stock import COAT_L, COAT_M, SOUTH

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
NUMBERS = count(1000)


def step(number: str, state: ParcelState, hour: int, id: str = "") -> Tracked:
    at = now() + timedelta(hours=hour)
    return Tracked(number, id or f"{number}-{state}-{hour}", state, at, "杭州", state)


async def take(database: Database, number: str, *steps: Tracked) -> bool:
    async with database.write() as session:
        return await parcels.take(session, "sf", number, steps)


async def state_of(database: Database, number: str) -> str:
    async with database.read() as session:
        found = await session.scalar(select(Shipment.state).where(Shipment.tracking_number == number))
    assert found
    return found


@pytest.fixture
async def sent(database: Database, packed: int) -> int:
    """The fulfilment in two parcels, SF1 and SF2."""
    for number, sku, quantity in (("SF1", COAT_M, 2), ("SF2", COAT_L, 1)):
        parcel = NewParcel(key=number, carrier="sf", pieces=[Piece(sku_id=sku, quantity=quantity)])
        async with database.write() as session:
            await parcels.ship(session, packed, parcel, number)
    return packed


async def test_a_fulfilment_arrives_with_its_last_parcel(database: Database, sent: int) -> None:
    await take(database, "SF1", step("SF1", "out_for_delivery", 1), step("SF1", "delivered", 2))
    assert (await shown(database, sent)).state == "shipped"
    for _ in range(2):
        await take(database, "SF2", step("SF2", "delivered", 2, id="last"))
    assert (await shown(database, sent)).state == "delivered"
    heard = (await topics(database))[-4:]
    assert heard == [
        "parcel.out_for_delivery",
        "parcel.delivered",
        "parcel.delivered",
        "fulfilment.delivered",
    ]
    payload = (await told(database))[-2][1]
    assert payload == {
        "order_id": ORDER,
        "fulfilment_id": sent,
        "carrier": "sf",
        "number": "SF2",
        "state": "delivered",
        "pieces": [{"sku_id": COAT_L, "quantity": 1}],
    }
    async with database.read() as session:
        first, second = (await service.shipments_of(session, [ORDER]))[ORDER]
    assert (first.state_label, second.state_label) == ("已签收", "已签收")
    assert first.fulfilment_id == sent
    assert [piece.model_dump() for piece in first.pieces] == [{"sku_id": COAT_M, "quantity": 2}]


async def test_the_same_push_by_rivals_is_told_once(database: Database, sent: int) -> None:
    steps = [step("SF1", "in_transit", 1), step("SF1", "out_for_delivery", 2), step("SF1", "delivered", 3)]
    await asyncio.gather(*(take(database, "SF1", *steps[::way]) for way in (1, -1) * 3))
    assert await state_of(database, "SF1") == "delivered"
    assert (await topics(database)).count("parcel.delivered") == 1


async def test_rivals_that_bring_the_last_parcels_end_it_once(database: Database, sent: int) -> None:
    await asyncio.gather(
        take(database, "SF1", step("SF1", "delivered", 1)), take(database, "SF2", step("SF2", "lost", 1))
    )
    assert (await shown(database, sent)).state == "lost"
    assert (await topics(database)).count("fulfilment.lost") == 1


async def test_a_late_push_does_not_turn_the_clock_back(database: Database, sent: int) -> None:
    await take(database, "SF1", step("SF1", "out_for_delivery", 3))
    await take(database, "SF1", step("SF1", "in_transit", 1))
    assert await state_of(database, "SF1") == "out_for_delivery"
    await take(database, "SF1", step("SF1", "delivered", 2))
    await take(database, "SF1", step("SF1", "in_transit", 9))
    assert await state_of(database, "SF1") == "delivered"
    assert "parcel.in_transit" not in await topics(database)


async def test_another_carrier_or_number_is_unknown(database: Database, sent: int) -> None:
    assert not await take(database, "SF9", step("SF9", "delivered", 1))
    async with database.write() as session:
        assert not await parcels.take(session, "jd", "SF1", [step("SF1", "delivered", 1)])


async def test_a_silent_parcel_is_lost_once_and_may_be_found(database: Database, sent: int) -> None:
    async def give_up(before: datetime) -> bool:
        async with database.write() as session:
            return await parcels.give_up(session, "sf", "SF1", before)

    assert not await give_up(now() - timedelta(days=7))
    async with database.write() as session:
        await session.execute(update(Shipment).values(heard_at=now() - timedelta(days=8)))
    before = now() - timedelta(days=7)
    assert sorted(await asyncio.gather(*(give_up(before) for _ in range(4)))) == [False] * 3 + [True]
    assert (await topics(database)).count("parcel.lost") == 1
    async with database.read() as session:
        lost = (await service.shipments_of(session, [ORDER]))[ORDER][0]
    assert (lost.state_label, lost.events[0].text) == ("疑似丢件", "包裹长时间没有物流更新，已按丢件处理")
    await take(database, "SF2", step("SF2", "delivered", 1))
    assert (await shown(database, sent)).state == "lost"
    await take(database, "SF1", step("SF1", "delivered", 2))
    assert (await shown(database, sent)).state == "delivered"


async def test_a_parcel_that_is_stopped_says_so_until_it_ends(database: Database, sent: int) -> None:
    async with database.write() as session:
        await service.ask_intercept(session, ORDER)
    await take(database, "SF1", step("SF1", "in_transit", 1))
    await take(database, "SF2", step("SF2", "returned", 1))
    async with database.read() as session:
        found = (await service.shipments_of(session, [ORDER]))[ORDER]
    assert [each.state for each in found] == ["intercepting", "returned"]


STEPS = st.lists(
    st.tuples(st.sampled_from(get_args(ParcelState)), st.integers(0, 5)), min_size=1, max_size=6, unique=True
)


@given(st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
async def test_pushes_in_any_order_end_alike(database: Database, stock: None, data: st.DataObject) -> None:
    steps = [(state, START + timedelta(hours=hour)) for state, hour in data.draw(STEPS)]
    repeated = steps + data.draw(st.lists(st.sampled_from(steps), max_size=3))
    number = f"SF{next(NUMBERS)}"
    async with database.write() as session:
        session.add(
            Shipment(
                order_id=1,
                location_id=SOUTH,
                carrier="sf",
                tracking_number=number,
                state="in_transit",
                state_at=START - timedelta(days=1),
                shipped_at=START - timedelta(days=1),
                due=START.date(),
            )
        )
    for state, at in data.draw(st.permutations(repeated)):
        id = f"{number}-{state}-{at:%H}"
        await take(database, number, Tracked(number, id, state, at, "", ""))
    last, at = max(steps, key=lambda each: (RANK[each[0]][0], each[1], RANK[each[0]][1]))
    async with database.read() as session:
        found = await session.scalar(select(Shipment).where(Shipment.tracking_number == number))
        assert found is not None
        written = await session.scalars(
            select(TrackingEvent.event_id).where(TrackingEvent.shipment_id == found.id)
        )
        assert len(written.all()) == len(steps)
    assert (found.state, found.state_at) == (last, at)
    assert found.delivered_at == (at if last == "delivered" else None)
