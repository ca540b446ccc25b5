"""Orders planned together: from what is stored, in a thread, told line by line."""

import json
from collections import Counter
from contextlib import aclosing
from threading import Event
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from backoffice.fulfillment.batches import service as batches
from backoffice.fulfillment.batches.batching import Told
from backoffice.fulfillment.batches.deciding import Surroundings, settle
from backoffice.fulfillment.batches.schemas import BatchPlan, NewBatch
from backoffice.fulfillment.batches.service import Batches, gather
from backoffice.fulfillment.planning.deciding import decide, hour_of, needs_of
from backoffice.fulfillment.planning.models import LocationHour, LocationTermsRow
from backoffice.fulfillment.planning.schemas import Barred, Destination, PlanRequest
from backoffice.kit.database import Database
from backoffice.kit.errors import TooMany
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from tests.backoffice.fulfillment.planned import TUESDAY_NOON, profile, request, site
from tests.backoffice.stock import COAT_L, COAT_M, KETTLE_STEEL, NORTH, SHOE_42, SOUTH, fill

BEIJING = Destination(latitude=39.9, longitude=116.4, province="北京市", city="北京市")


def settled(orders: list[PlanRequest], *sites: Any, **changes: Any) -> BatchPlan:
    how = (profile(strategy="cost", **changes), list(sites))
    return settle(Surroundings(orders, {("standard", "web"): how}, TUESDAY_NOON), 5)


lines = st.dictionaries(st.integers(1, 3), st.integers(1, 3), min_size=1)
shelves = st.dictionaries(st.integers(1, 3), st.integers(1, 5), min_size=1)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(lines, min_size=1, max_size=6),
    st.lists(shelves, min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(0, 4),
)
def test_each_order_of_a_batch_is_sent_whole_or_told_why_not(
    wanted: list[dict[int, int]], stock: list[dict[int, int]], limit: int, most: int
) -> None:
    sites = [
        site(id, free, (31 + id, 121.0), most=most if id == 1 else None) for id, free in enumerate(stock, 1)
    ]
    orders = [request(each) for each in wanted]
    made = settled(orders, *sites, split_limit=limit)
    taken, senders = Counter[tuple[int, int]](), Counter[int]()
    for order, plan in zip(orders, made.plans, strict=True):
        by_itself = decide(sites, order, profile(split_limit=limit), TUESDAY_NOON).refusal
        if plan.refusal:
            assert plan.refusal.code == (by_itself.code if by_itself else "waits")
            continue
        assert by_itself is None
        got = Counter[int]()
        for pick in plan.picks:
            got[pick.sku_id] += pick.quantity
            taken[pick.location_id, pick.sku_id] += pick.quantity
        senders.update(parcel.location_id for parcel in plan.parcels)
        assert dict(got) == needs_of(order)
        assert len(plan.parcels) <= limit
    assert all(count <= stock[place - 1].get(sku, 0) for (place, sku), count in taken.items())
    assert senders[1] <= most
    assert made.sent + made.waiting + made.refused == len(orders)


def test_the_last_pieces_go_where_they_save_most() -> None:
    """One at a time both would take the near piece; together only the one whom another place is far from."""
    near, far = site(1, {1: 1}, (31.2, 121.4)), site(2, {1: 5}, (39.9, 116.4))
    orders = [request({1: 1}, destination=BEIJING.model_copy(update={"latitude": 36.0})), request({1: 1})]
    made = settled(orders, near, far, costs={"stock_fen": 0})
    assert [plan.parcels[0].location_id for plan in made.plans] == [2, 1]
    assert made.gap == 0
    assert made.plans[1].decision.strategy == "batch"
    assert made.cost_fen == sum(plan.decision.cost_fen or 0 for plan in made.plans)


def test_an_order_that_waits_says_what_others_leave() -> None:
    made = settled([request({1: 2}), request({1: 2}), request({2: 1})], site(1, {1: 3}))
    assert (made.sent, made.waiting, made.refused) == (1, 1, 1)
    codes = [plan.refusal.code if plan.refusal else "" for plan in made.plans]
    assert sorted(codes) == ["", "out_of_stock", "waits"]
    (waits,) = [plan.refusal for plan in made.plans if plan.refusal and plan.refusal.code == "waits"]
    assert [(line.sku_id, line.wanted, line.available) for line in waits.short] == [(1, 2, 1)]


def test_what_is_barred_from_an_order_goes_to_others() -> None:
    barring = request({1: 1}, barred=[Barred(location_id=1, sku_id=1)])
    made = settled([barring, request({1: 1})], site(1, {1: 1}), site(2, {1: 1}, (36, 117)))
    assert [plan.parcels[0].location_id for plan in made.plans] == [2, 1]


@pytest.fixture
async def shop(database: Database) -> None:
    await fill(database)


async def signed_in(database: Database, role: str) -> dict[str, str]:
    async with database.write() as session:
        member = StaffMember(login=role, name=role, role=role, password_hash="")
        session.add(member)
        await session.flush()
        return {"Authorization": f"Bearer {await sessions.open_session(session, member)}"}


async def test_what_is_stored_is_shared(database: Database, shop: None) -> None:
    """The north has an hour for one more order."""
    usual = {"priority": 1, "ships": True, "pickup": True, "instant": False, "prepare_minutes": 15}
    async with database.write() as session:
        await session.execute(
            insert(LocationTermsRow).values(location_id=NORTH, hourly_orders=2, calendar="daily", **usual)
        )
        session.add(LocationHour(location_id=NORTH, hour=hour_of(TUESDAY_NOON), taken=1))
    orders = [request({COAT_M: 1}, destination=Destination(city="北京市")) for _ in range(3)]
    orders += [request({COAT_L: 1, SHOE_42: 1}), request({KETTLE_STEEL: 1})]
    async with database.read() as session:
        made = settle(await gather(session, orders, TUESDAY_NOON), 5)
    senders = [[parcel.location_id for parcel in plan.parcels] for plan in made.plans]
    assert sum(each.count(NORTH) for each in senders) == 1
    assert sum(each.count(SOUTH) for each in senders) == 3 if senders[3] == [] else 4
    codes = {plan.refusal.code for plan in made.plans if plan.refusal}
    assert codes == ({"waits", "out_of_stock"} if senders[3] == [] else {"out_of_stock"})


async def test_a_batch_is_told_line_by_line(
    client: httpx.AsyncClient, database: Database, shop: None
) -> None:
    asked = {"orders": [{"lines": [{"sku_id": COAT_M, "quantity": 1}]}] * 3, "seconds": 2}
    assert (await client.post("/api/plans/batch", json=asked)).status_code == 401
    agent = await signed_in(database, "agent")
    assert (await client.post("/api/plans/batch", json=asked, headers=agent)).status_code == 403
    boss = await signed_in(database, "supervisor")
    answer = await client.post("/api/plans/batch", json=asked, headers=boss)
    assert answer.headers["content-type"] == "application/x-ndjson"
    first, *_, last = map(json.loads, answer.text.splitlines())
    assert first == {"progress": {"stage": "reading", "share": 0}}
    assert (last["plan"]["sent"], last["plan"]["waiting"], last["plan"]["parcels"]) == (3, 0, 3)
    nothing = await client.post("/api/plans/batch", json={"orders": []}, headers=boss)
    assert nothing.status_code == 422


async def test_one_batch_at_a_time_and_none_for_nobody(
    database: Database, shop: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = Event(), Event()

    def endless(_: object, __: float, told: Told) -> None:
        try:
            while not ended.wait(0.01):
                began.set()
                told("pricing", 0.5)
        finally:
            ended.set()

    monkeypatch.setattr(batches, "settle", endless)
    planner, asked = Batches(database), NewBatch(orders=[request({COAT_M: 1})])
    async with aclosing(planner.run(asked)) as news:
        await anext(news)
        await anext(news)
        assert began.is_set()
        with pytest.raises(TooMany, match="batch_running"):
            await anext(planner.run(asked))
    assert ended.is_set()
    monkeypatch.undo()
    assert [each.plan async for each in planner.run(asked)][-1]
