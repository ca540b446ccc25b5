import asyncio

import httpx
import pytest
from sqlalchemy import select

from backoffice.events.models import OutboxEvent
from backoffice.inventory import counting, moving
from backoffice.inventory.models import StockMovement
from backoffice.inventory.stock_schemas import Counted, CountLineView, Line, NewCount, NewSale
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, NotFound
from tests.backoffice.inventory.test_audit import audited
from tests.backoffice.inventory.test_holds import PAST, confirm, counters, hold
from tests.backoffice.stock import COAT_L, COAT_M, KETTLE_STEEL, NORTH, SHOE_42, SOUTH, fill

ONE = NewSale(receipt="p", location_id=NORTH, lines=[Line(sku_id=COAT_M, quantity=1)])


@pytest.fixture(autouse=True)
async def count(database: Database) -> int:
    """Of the coat and the kettle, which never was there, in the north."""
    await fill(database)
    async with database.write() as session:
        wanted = NewCount(location_id=NORTH, sku_ids=[KETTLE_STEEL, COAT_M])
        return (await counting.open_count(session, wanted, by=1)).id


async def enter(
    database: Database, count: int, counted: int, round: int = 1, sku_id: int = COAT_M
) -> CountLineView:
    async with database.write() as session:
        return await counting.enter(session, count, sku_id, Counted(counted=counted, round=round), by=1)


async def sell(database: Database) -> None:
    async with database.write() as session:
        await moving.sell(session, ONE)


async def test_differences_are_booked_with_their_reason(database: Database, count: int) -> None:
    line = await enter(database, count, 3)
    assert (line.expected, line.difference, line.short) == (5, -2, 0)
    assert (await enter(database, count, 2, sku_id=KETTLE_STEEL)).difference == 2
    assert await counters(database, NORTH, COAT_M) == (3, 0, 0)
    assert await counters(database, NORTH, KETTLE_STEEL) == (2, 0, 0)
    async with database.read() as session:
        booked = select(StockMovement).where(StockMovement.holder == f"count:{count}")
        moves = (await session.scalars(booked.order_by(StockMovement.id))).all()
    assert [(each.kind, each.reason, each.on_hand) for each in moves] == [
        ("adjusted", "count", -2),
        ("adjusted", "count", 2),
    ]
    assert await audited(database) == []


async def test_a_figure_counts_for_the_moment_when_it_is_entered(database: Database, count: int) -> None:
    await sell(database)
    assert (await enter(database, count, 4)).difference == 0
    await sell(database)
    assert (await enter(database, count, 4)).difference == 0
    assert await counters(database, NORTH, COAT_M) == (3, 0, 0)
    with pytest.raises(Conflict, match="already_counted") as refused:
        await enter(database, count, 3)
    assert refused.value.extra["round"] == 1
    assert (await enter(database, count, 4, round=2)).difference == 1
    assert await counters(database, NORTH, COAT_M) == (4, 0, 0)


@pytest.mark.parametrize("first", ["sale", "count"])
async def test_a_count_and_a_sale_respect_each_other(database: Database, count: int, first: str) -> None:
    """The second comes when the first has changed the level and has not committed."""
    async with database.write() as session:
        if first == "sale":
            await moving.sell(session, ONE)
            rival = asyncio.ensure_future(enter(database, count, 4))
        else:
            await counting.enter(session, count, COAT_M, Counted(counted=3), by=1)
            rival = asyncio.ensure_future(sell(database))
        await asyncio.wait({rival}, timeout=0.1)
        assert not rival.done()
    await rival
    assert await counters(database, NORTH, COAT_M) == ((4, 0, 0) if first == "sale" else (2, 0, 0))
    assert await audited(database) == []


async def test_a_round_entered_at_once_by_several_is_booked_once(database: Database, count: int) -> None:
    lines = await asyncio.gather(*(enter(database, count, 7) for _ in range(8)))
    assert {line.difference for line in lines} == {2}
    assert await counters(database, NORTH, COAT_M) == (7, 0, 0)


async def test_what_is_promised_and_not_found_is_told(database: Database, count: int) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 3))
    assert await confirm(database, "order:1")
    assert await hold(database, "order:2", (NORTH, COAT_M, 1), lasts=PAST)
    line = await enter(database, count, 2)
    assert (line.difference, line.short) == (-3, 1)
    assert await counters(database, NORTH, COAT_M) == (3, 3, 0)
    async with database.read() as session:
        told = await session.scalars(select(OutboxEvent).where(OutboxEvent.topic == counting.SHORT))
        assert [each.payload for each in told] == [{"location_id": NORTH, "sku_id": COAT_M, "missing": 1}]
    assert await audited(database) == []


async def test_only_an_open_count_takes_figures_of_its_own(database: Database, count: int) -> None:
    with pytest.raises(NotFound, match="not_to_be_counted"):
        await enter(database, count, 1, sku_id=COAT_L)
    with pytest.raises(NotFound, match="count_not_found"):
        await enter(database, 999, 1)
    async with database.write() as session:
        assert (await counting.close(session, count)).state == "closed"
    with pytest.raises(Conflict, match="count_closed"):
        await enter(database, count, 1)
    async with database.write() as session:
        with pytest.raises(Conflict, match="count_closed"):
            await counting.close(session, count)


async def test_staff_count_a_whole_location(
    client: httpx.AsyncClient, database: Database, as_supervisor: dict[str, str], as_agent: dict[str, str]
) -> None:
    path, key = "/api/staff/inventory/counts", {"Idempotency-Key": "k"}
    made = await client.post(path, json={"location_id": SOUTH}, headers=as_supervisor | key)
    again = await client.post(path, json={"location_id": SOUTH}, headers=as_supervisor | key)
    assert (made.status_code, made.json()) == (201, again.json())
    here = f"{path}/{made.json()['id']}"
    assert (
        await client.put(f"{here}/lines/{COAT_M}", json={"counted": 99}, headers=as_agent)
    ).status_code == 403
    entered = await client.put(f"{here}/lines/{COAT_M}", json={"counted": 99}, headers=as_supervisor)
    assert (entered.json()["difference"], entered.json()["round"]) == (-1, 1)
    assert (await client.post(f"{here}/close", headers=as_supervisor)).json()["counted"] == 1
    shown = (await client.get(here, headers=as_agent)).json()
    assert [(line["sku_id"], line["counted"]) for line in shown["lines"]] == [(COAT_M, 99), (COAT_L, None)]
    listed = (await client.get(path, params={"state": "open"}, headers=as_agent)).json()
    assert [each["location_id"] for each in listed["counts"]] == [NORTH]
    for nowhere in ({"location_id": 999}, {"location_id": SOUTH, "sku_ids": [SHOE_42, 999]}):
        refused = await client.post(
            path, json=nowhere, headers=as_supervisor | {"Idempotency-Key": str(nowhere)}
        )
        assert refused.status_code == 404
