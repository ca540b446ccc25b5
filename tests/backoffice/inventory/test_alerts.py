import asyncio
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from backoffice.events.models import OutboxEvent
from backoffice.inventory import alerts, moving, service
from backoffice.inventory.alerts import Cover, Watch
from backoffice.inventory.domain import cover_days, is_low
from backoffice.inventory.stock_schemas import Line, NewSale
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.backoffice.inventory.test_holds import SOON, hold
from tests.backoffice.stock import COAT_M, NORTH, SHOE_42, fill

COVER = Cover(low_days=7, enough_days=10, window_days=28)


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    """28 shoes in the north: four weeks at one a day."""
    await fill(database)
    await receive(database, 20)


async def receive(database: Database, pieces: int) -> None:
    async with database.write() as session:
        await service.receive(session, [(NORTH, SHOE_42, pieces)])


async def sell(database: Database, pieces: int) -> None:
    async with database.write() as session:
        lines = [Line(sku_id=SHOE_42, quantity=pieces)]
        await moving.sell(session, NewSale(receipt="r", location_id=NORTH, lines=lines))


async def told(database: Database) -> list[tuple[str, int]]:
    async with database.read() as session:
        found = select(OutboxEvent).where(OutboxEvent.topic.in_((alerts.LOW, alerts.RECOVERED)))
        rows = await session.scalars(found.order_by(OutboxEvent.id))
        return [(row.topic, row.payload["free"]) for row in rows]


@given(st.lists(st.integers(0, 300)), st.integers(1, 300))
def test_in_between_nothing_changes(free: list[int], sold: int) -> None:
    low = False
    for pieces in free:
        days = cover_days(pieces, sold, 28)
        assert days is not None
        before, low = low, is_low(days, pieces, low, 7, 10)
        assert low is before if 7 <= days <= 10 else low is (days < 7)


def test_what_nobody_can_buy_stays_low_and_what_nobody_buys_is_not() -> None:
    assert cover_days(5, 0, 28) is None
    assert not is_low(None, 0, False, 7, 10)
    assert is_low(None, 0, True, 7, 10)
    assert not is_low(None, 1, True, 7, 10)


async def test_an_alert_is_raised_once_and_ends_when_there_is_enough(database: Database) -> None:
    watch = Watch(database, COVER)
    await sell(database, 14)
    await watch.check()
    assert await told(database) == []
    await sell(database, 10)
    for _ in range(2):
        await watch.check()
    assert await told(database) == [("stock.low", 4)]
    await receive(database, 4)
    await watch.check()
    assert await told(database) == [("stock.low", 4)]
    await receive(database, 2)
    assert await hold(database, "order:1", (NORTH, COAT_M, 5), lasts=SOON)
    await watch.check()
    await watch.check()
    assert await told(database) == [("stock.low", 4), ("stock.recovered", 10)]
    await sell(database, 8)
    await watch.check()
    assert (await told(database))[2:] == [("stock.low", 2)]


async def test_what_was_sold_long_ago_does_not_count(database: Database) -> None:
    await sell(database, 24)
    await Watch(database, COVER).check(now() + timedelta(days=29))
    assert await told(database) == []


async def test_watches_at_once_raise_it_once(database: Database) -> None:
    await sell(database, 24)
    await asyncio.gather(*(Watch(database, COVER).check() for _ in range(6)))
    assert await told(database) == [("stock.low", 4)]


async def test_staff_see_what_is_low(
    client: httpx.AsyncClient, database: Database, as_agent: dict[str, str]
) -> None:
    await sell(database, 24)
    await Watch(database, COVER).check()
    path = "/api/staff/inventory/alerts"
    (seen,) = (await client.get(path, headers=as_agent)).json()["alerts"]
    assert (seen["sku_id"], seen["free"], seen["sold"]) == (SHOE_42, 4, 24)
    assert seen["days"] == pytest.approx(4 * 28 / 24)
    await receive(database, 20)
    await Watch(database, COVER).check()
    assert (await client.get(path, headers=as_agent)).json()["total"] == 0
    all_of_them = await client.get(path, params={"recovered_too": True}, headers=as_agent)
    assert all_of_them.json()["alerts"][0]["recovered_at"]
    assert (await client.get(path)).status_code == 401
