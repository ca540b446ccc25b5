import asyncio

import pytest

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.inventory import feed, holds, moving, service, shares
from backoffice.inventory.feed import Follower
from backoffice.inventory.schemas import LevelKey, NewShares, Share
from backoffice.inventory.stock_schemas import FeedEntry, Line, NewSale
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.backoffice.inventory.test_holds import PAST, SOON, hold
from tests.backoffice.stock import COAT_L, COAT_M, NORTH, SHOP_HANGZHOU, SOUTH, fill


@pytest.fixture(autouse=True)
async def start(database: Database) -> int:
    """Where the feed is when the shop has just been filled."""
    await fill(database)
    await Follower(database).follow_all()
    entries = await read(database, 0)
    assert len(entries) == 6
    return entries[-1].position


async def read(database: Database, after: int) -> list[FeedEntry]:
    async with database.read() as session:
        return (await feed.page(session, after, 100)).changes


async def sell(database: Database, receipt: str, location_id: int = NORTH, sku_id: int = COAT_M) -> None:
    lines = [Line(sku_id=sku_id, quantity=1)]
    async with database.write() as session:
        await moving.sell(session, NewSale(receipt=receipt, location_id=location_id, lines=lines))


async def test_changes_are_told_once_with_what_each_channel_may_sell_now(
    database: Database, start: int
) -> None:
    key = LevelKey(location_id=SOUTH, sku_id=COAT_M)
    async with database.write() as session:
        await shares.set_shares(
            session, NewShares(levels=[key], shares=[Share(channel="marketplace", percent=30)])
        )
    for number in range(3):
        await sell(database, f"p{number}")
    assert await hold(database, "order:1", (SOUTH, COAT_M, 2))
    assert await read(database, start) == []
    await Follower(database).follow_all()
    north, south = await read(database, start)
    assert (north.location_id, north.available["web"], north.available["marketplace"]) == (NORTH, 2, 2)
    assert (south.location_id, south.available["web"], south.available["marketplace"]) == (SOUTH, 98, 30)
    assert (south.online["web"], south.online["marketplace"]) == (100, 32)
    await sell(database, "p4", SHOP_HANGZHOU)
    await Follower(database).follow_all()
    (store,) = await read(database, south.position)
    assert (store.available["web"], store.online["web"]) == (1, 100)
    assert await Follower(database).follow() == 0


async def test_a_hold_that_ends_is_told(database: Database, start: int) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 5), lasts=PAST)
    await holds.Sweeper(database).sweep_all()
    await Follower(database).follow_all()
    assert [each.available["app"] for each in await read(database, start)] == [5]


async def test_a_movement_that_commits_late_is_not_passed_over(database: Database, start: int) -> None:
    if database.url.startswith("sqlite"):
        pytest.skip("there one writes after the other")
    async with database.write() as session:
        await holds.hold(session, "order:1", [(NORTH, COAT_M, 1)], now() + SOON)
        await sell(database, "p1", SOUTH, COAT_L)
        await Follower(database).follow_all()
        (early,) = await read(database, start)
    await Follower(database).follow_all()
    (late,) = await read(database, early.position)
    assert (early.location_id, late.location_id, late.available["web"]) == (SOUTH, NORTH, 4)


async def test_followers_at_once_lose_and_double_nothing(database: Database, start: int) -> None:
    told: list[Event] = []

    async def take(event: Event) -> None:
        told.append(event)

    relay = Relay(database)
    relay.subscribe(feed.CHANGED, take)
    await relay.pass_on()
    told.clear()

    async def live(number: int) -> None:
        await hold(database, f"order:{number}", (SOUTH, COAT_M, 1), (NORTH, COAT_M, 1))
        await asyncio.gather(*(Follower(database).follow() for _ in range(2)))

    await asyncio.gather(*(live(number) for number in range(10)))
    entries = await read(database, start)
    assert sorted(each.location_id for each in entries) == [NORTH, SOUTH]
    async with database.read() as session:
        (left,) = await service.available(session, "web", [COAT_M])
    assert entries[-1].online["web"] == left.online == 95
    while await relay.pass_on():
        pass
    assert 1 <= len(told) <= 10
    assert {event.key for event in told} == {f"sku:{COAT_M}"}
    async with database.read() as session:
        notices = await feed.notices(session, told[-1])
    assert {notice.topic for notice in notices} == {"stock.changed"}
    assert notices[0].data["online"]["marketplace"] == 95
