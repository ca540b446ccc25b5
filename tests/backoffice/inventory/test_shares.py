import asyncio
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.events import audit
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import PlanLine, PlanRequest
from backoffice.inventory import holds, service, shares
from backoffice.inventory.domain import may_take
from backoffice.inventory.schemas import LevelKey, NewShares, Share
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from tests.backoffice.inventory.test_audit import audited
from tests.backoffice.inventory.test_holds import PAST, SOON, counters
from tests.backoffice.stock import COAT_L, COAT_M, KETTLE_STEEL, NORTH, SHOP_HANGZHOU, SOUTH, fill

MARKET = "marketplace"
Picks = Sequence[tuple[int, int, int]]


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def share(database: Database, location_id: int, sku_id: int, *told: Share) -> None:
    async with database.write() as session:
        key = LevelKey(location_id=location_id, sku_id=sku_id)
        await shares.set_shares(session, NewShares(levels=[key], shares=list(told)))


async def take(
    session: WriteSession, holder: str, *picks: tuple[int, int, int], channel: str = MARKET
) -> int:
    """-1 when it was promised, else how many there are of the first that is short."""
    try:
        await holds.hold(session, holder, picks, now() + SOON, channel)
    except Conflict as refused:
        return int(refused.extra["lines"][0]["available"])
    return -1


async def order(database: Database, holder: str, *picks: tuple[int, int, int], channel: str = MARKET) -> int:
    async with database.write() as session:
        return await take(session, holder, *picks, channel=channel)


async def available(database: Database, channel: str) -> tuple[int, dict[int, int]]:
    async with database.read() as session:
        (found,) = await service.available(session, channel, [COAT_M])
        return found.online, found.stores


@given(
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 100),
    st.none() | st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_a_share_is_never_more_than_its_bounds(
    there: int, safety: int, percent: int, pieces: int | None, promised: int
) -> None:
    room = may_take(there, safety, percent, pieces, promised)
    assert room >= 0
    if room:
        assert 100 * (room + promised) <= percent * (there - safety)
        assert pieces is None or room + promised <= pieces


async def test_a_channel_takes_its_share_and_others_all_that_is_free(database: Database) -> None:
    await share(database, SOUTH, COAT_M, Share(channel=MARKET, percent=30))
    assert await available(database, MARKET) == (35, {SHOP_HANGZHOU: 2})
    assert await order(database, "order:1", (SOUTH, COAT_M, 20)) == -1
    assert await order(database, "order:2", (SOUTH, COAT_M, 11), (NORTH, COAT_M, 1)) == 10
    assert await available(database, MARKET) == (15, {SHOP_HANGZHOU: 2})
    assert await available(database, "web") == (85, {SHOP_HANGZHOU: 2})
    assert await order(database, "order:3", (SOUTH, COAT_M, 75), channel="web") == -1
    assert await available(database, MARKET) == (10, {SHOP_HANGZHOU: 2})
    async with database.write() as session:
        await holds.confirm(session, "order:1")
        await holds.ship(session, "order:1", [(SOUTH, COAT_M, 20)])
    assert await order(database, "order:4", (SOUTH, COAT_M, 5)) == -1
    assert await counters(database, SOUTH, COAT_M) == (80, 0, 80)
    assert await audited(database) == []


async def test_what_is_let_go_or_over_counts_no_more(database: Database) -> None:
    await share(database, SOUTH, COAT_M, Share(channel=MARKET, pieces=10))
    async with database.write() as session:
        await holds.hold(session, "order:1", [(SOUTH, COAT_M, 10)], now() + PAST, MARKET)
    assert await available(database, MARKET) == (15, {SHOP_HANGZHOU: 2})
    assert await order(database, "order:2", (SOUTH, COAT_M, 10)) == -1
    assert await order(database, "order:3", (SOUTH, COAT_M, 1)) == 0
    async with database.write() as session:
        await holds.let_go(session, "order:2", [(SOUTH, COAT_M, 4)])
    assert await order(database, "order:3", (SOUTH, COAT_M, 5)) == 4
    await share(database, SOUTH, COAT_M)
    assert await order(database, "order:3", (SOUTH, COAT_M, 5)) == -1


async def test_rivals_of_a_channel_share_what_it_may_take(database: Database) -> None:
    await share(database, SOUTH, COAT_M, Share(channel=MARKET, pieces=7), Share(channel="web", percent=4))
    channels = [MARKET, "web", "app"] * 10
    outcomes = await asyncio.gather(
        *(
            order(database, f"order:{number}", (SOUTH, COAT_M, 1), channel=channel)
            for number, channel in enumerate(channels)
        )
    )
    won = [channel for channel, outcome in zip(channels, outcomes, strict=True) if outcome == -1]
    assert {name: won.count(name) for name in set(channels)} == {MARKET: 7, "web": 4, "app": 10}
    assert await counters(database, SOUTH, COAT_M) == (100, 0, 21)


@pytest.mark.parametrize("first", ["order", "share"])
async def test_who_comes_while_the_other_has_not_committed_counts_it(database: Database, first: str) -> None:
    """A share that is set waits for the order and bounds the next one; an order waits for the share."""
    told = NewShares(
        levels=[LevelKey(location_id=SOUTH, sku_id=COAT_M)], shares=[Share(channel=MARKET, pieces=3)]
    )
    async with database.write() as session:
        if first == "order":
            assert await take(session, "order:1", (SOUTH, COAT_M, 3)) == -1
            rival = asyncio.create_task(share(database, SOUTH, COAT_M, *told.shares))
        else:
            await shares.set_shares(session, told)
            rival = asyncio.create_task(order(database, "order:1", (SOUTH, COAT_M, 4)))
        await asyncio.wait({rival}, timeout=0.1)
        assert not rival.done()
    assert await rival == (None if first == "order" else 3)
    assert await order(database, "order:2", (SOUTH, COAT_M, 1)) == (0 if first == "order" else -1)


async def test_a_rival_waits_at_the_share_for_who_takes_the_last_of_it(database: Database) -> None:
    await share(database, SOUTH, COAT_M, Share(channel=MARKET, pieces=3))
    async with database.write() as session:
        assert await take(session, "order:1", (SOUTH, COAT_M, 3)) == -1
        rival = asyncio.create_task(order(database, "order:2", (SOUTH, COAT_M, 1)))
        await asyncio.wait({rival}, timeout=0.1)
    assert await rival == 0


async def test_a_refused_order_can_be_planned_elsewhere(database: Database) -> None:
    """Nothing is left of what a share refused, in the same transaction."""
    await share(database, SOUTH, COAT_M, Share(channel=MARKET, percent=0))
    async with database.write() as session:
        assert await take(session, "order:1", (SOUTH, COAT_M, 1)) == 0
        wanted = PlanRequest(lines=[PlanLine(sku_id=COAT_M, quantity=2)], channel=MARKET)
        plan = await planning.plan(session, wanted)
        assert [pick.location_id for pick in plan.picks] == [NORTH]
        assert await take(session, "order:1", *plan.picks) == -1
    assert await counters(database, SOUTH, COAT_M) == (100, 0, 0)


async def test_shares_need_a_level_and_one_bound_for_a_channel(database: Database) -> None:
    with pytest.raises(NotFound, match="level_not_found"):
        await share(database, SOUTH, KETTLE_STEEL, Share(channel=MARKET, percent=1))
    with pytest.raises(Invalid, match="channel_twice"):
        await share(database, SOUTH, COAT_L, Share(channel="web"), Share(channel="web", pieces=1))


async def test_staff_set_shares_and_safety_on_record(
    client: httpx.AsyncClient,
    database: Database,
    as_supervisor: dict[str, str],
    as_agent: dict[str, str],
    as_service: dict[str, str],
) -> None:
    body = {
        "levels": [{"location_id": SOUTH, "sku_id": COAT_M}],
        "shares": [{"channel": MARKET, "pieces": 9}],
    }
    path = "/api/staff/inventory"
    assert (await client.put(f"{path}/shares", json=body, headers=as_agent)).status_code == 403
    assert (await client.put(f"{path}/shares", json=body, headers=as_supervisor)).status_code == 204
    safety = f"{path}/levels/{NORTH}/{COAT_M}/safety"
    assert (await client.put(safety, json={"pieces": 4}, headers=as_supervisor)).status_code == 204
    missing = f"{path}/levels/{NORTH}/{KETTLE_STEEL}/safety"
    assert (await client.put(missing, json={"pieces": 4}, headers=as_supervisor)).status_code == 404
    asked = {"channel": MARKET, "sku_id": [COAT_M, KETTLE_STEEL]}
    told = await client.get("/api/inventory/available", params=asked, headers=as_service)
    assert told.json()["available"] == [
        {"sku_id": COAT_M, "online": 10, "stores": {str(SHOP_HANGZHOU): 2}},
        {"sku_id": KETTLE_STEEL, "online": 0, "stores": {}},
    ]
    assert (await client.get("/api/inventory/available", params=asked)).status_code == 401
    async with database.read() as session:
        (entry,) = await audit.entries(session, f"stock:{SOUTH}:{COAT_M}")
    assert (entry.action, entry.detail["shares"][0]["pieces"]) == ("shares_set", 9)
    assert await audited(database) == []
