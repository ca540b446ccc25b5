import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from backoffice.events.models import OutboxEvent
from backoffice.inventory import holds, holds_repository, service
from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from tests.backoffice.stock import COAT_L, COAT_M, NORTH, SOUTH, fill

SOON, PAST = timedelta(minutes=10), timedelta(seconds=-1)


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def hold(
    database: Database, holder: str, *picks: tuple[int, int, int], lasts: timedelta = SOON
) -> bool:
    """False: too few pieces."""
    try:
        async with database.write() as session:
            await holds.hold(session, holder, picks, now() + lasts)
    except Conflict as refused:
        if refused.code != "out_of_stock":
            raise
        return False
    return True


async def counters(database: Database, location_id: int, sku_id: int) -> tuple[int, int, int]:
    async with database.read() as session:
        level = await session.get_one(StockLevel, (location_id, sku_id))
        return level.on_hand, level.allocated, level.reserved


async def confirm(database: Database, holder: str) -> bool:
    async with database.write() as session:
        return await holds.confirm(session, holder)


async def let_go(database: Database, holder: str) -> None:
    async with database.write() as session:
        await holds.let_go(session, holder)


async def expired(database: Database) -> list[str]:
    async with database.read() as session:
        found = select(OutboxEvent.key).where(OutboxEvent.topic == holds.EXPIRED).order_by(OutboxEvent.id)
        return list(await session.scalars(found))


async def test_a_hold_becomes_an_allocation_and_leaves_in_parts(database: Database) -> None:
    assert await hold(database, "order:1", (SOUTH, COAT_M, 2), (SOUTH, COAT_L, 1), (SOUTH, COAT_M, 1))
    assert await counters(database, SOUTH, COAT_M) == (100, 0, 3)
    assert await confirm(database, "order:1")
    assert await confirm(database, "order:1")
    assert await counters(database, SOUTH, COAT_M) == (100, 3, 0)
    async with database.write() as session:
        await holds.ship(session, "order:1", [(SOUTH, COAT_M, 2)])
        left = await holds.promised(session, ["order:1"])
    assert [(each.sku_id, each.quantity, each.state) for each in left] == [
        (COAT_M, 1, "allocated"),
        (COAT_L, 1, "allocated"),
    ]
    for _ in range(2):
        await let_go(database, "order:1")
    assert await counters(database, SOUTH, COAT_M) == (98, 0, 0)
    assert await counters(database, SOUTH, COAT_L) == (3, 0, 0)


async def test_a_refused_hold_says_what_is_short_and_changes_nothing(database: Database) -> None:
    async with database.write() as session:
        with pytest.raises(Conflict) as refused:
            await holds.hold(session, "order:1", [(SOUTH, COAT_M, 1), (SOUTH, COAT_L, 4)], now() + SOON)
    assert refused.value.extra["lines"] == [
        {"sku_id": COAT_L, "location_id": SOUTH, "wanted": 4, "available": 3}
    ]
    assert await counters(database, SOUTH, COAT_M) == (100, 0, 0)
    async with database.read() as session:
        assert await holds.promised(session, ["order:1"]) == []


async def test_what_is_held_is_not_confirmed_after_its_time(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 5), lasts=PAST)
    assert not await confirm(database, "order:1")
    assert not await confirm(database, "nobody")
    assert await counters(database, NORTH, COAT_M) == (5, 0, 5)


async def test_a_hold_that_is_over_is_free_before_it_is_swept(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 5), (SOUTH, COAT_L, 1), lasts=PAST)
    async with database.read() as session:
        assert await service.warehouses_with(session, {COAT_M: 5}) == [NORTH, SOUTH]
        assert await holds.promised(session, ["order:1"]) == []
    assert await hold(database, "order:2", (NORTH, COAT_M, 5))
    assert await counters(database, NORTH, COAT_M) == (5, 0, 5)
    assert await expired(database) == ["order:1"]
    assert not await confirm(database, "order:1")
    assert await holds.Sweeper(database).sweep() == 1
    assert await counters(database, SOUTH, COAT_L) == (3, 0, 0)
    assert await holds.Sweeper(database).sweep() == 0
    assert await confirm(database, "order:2")


async def test_a_holder_holds_once(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 1))
    with pytest.raises(Conflict, match="already_promised"):
        async with database.write() as session:
            await holds.hold(session, "order:1", [(NORTH, COAT_M, 1)], now() + SOON)
    assert await counters(database, NORTH, COAT_M) == (5, 0, 1)
    async with database.write() as session:
        await holds.let_go(session, "order:1")
        await holds.hold(session, "order:1", [(NORTH, COAT_M, 2)], now() + SOON)
    assert await counters(database, NORTH, COAT_M) == (5, 0, 2)


async def test_half_a_hold_is_not_confirmed(database: Database) -> None:
    """Another process, whose clock is ahead, has ended a part of it."""
    assert await hold(database, "order:1", (NORTH, COAT_M, 1), (SOUTH, COAT_M, 1))
    async with database.write() as session:
        over = await holds_repository.end_holds_at(session, now() + 2 * SOON, [(NORTH, COAT_M)], 10)
        await holds.expire(session, over)
    assert not await confirm(database, "order:1")
    assert await counters(database, SOUTH, COAT_M) == (100, 0, 1)


@pytest.mark.parametrize("first", ["confirm", "expire"])
async def test_confirming_and_expiring_do_not_both_win(database: Database, first: str) -> None:
    """The second acts when the first has changed the promise and has not committed."""
    assert await hold(database, "order:1", (NORTH, COAT_M, 2), (SOUTH, COAT_M, 1))
    later = now() + 2 * SOON

    async def end() -> bool:
        async with database.write() as session:
            return bool(
                await holds.expire(session, await holds_repository.end_hold(session, later, "order:1"))
            )

    async with database.write() as session:
        if first == "confirm":
            won = await holds.confirm(session, "order:1")
            rival = asyncio.create_task(end())
        else:
            won = bool(
                await holds.expire(session, await holds_repository.end_hold(session, later, "order:1"))
            )
            rival = asyncio.create_task(confirm(database, "order:1"))
        await asyncio.wait({rival}, timeout=0.1)
    assert (won, await rival) == (True, False)
    assert await counters(database, NORTH, COAT_M) == ((5, 2, 0) if first == "confirm" else (5, 0, 0))


async def test_pieces_that_are_just_let_go_can_be_held(database: Database) -> None:
    """The hold begins while they are still taken, and waits for the level's lock."""
    assert await hold(database, "order:1", (NORTH, COAT_M, 5))
    async with database.write() as session:
        await holds.let_go(session, "order:1")
        rival = asyncio.create_task(hold(database, "order:2", (NORTH, COAT_M, 4)))
        await asyncio.wait({rival}, timeout=0.2)
    assert await rival
    assert await counters(database, NORTH, COAT_M) == (5, 0, 4)


async def test_everything_at_once_leaves_levels_that_the_ledger_explains(database: Database) -> None:
    async def life(number: int) -> None:
        holder = f"order:{number}"
        lasts = PAST if number % 4 == 0 else SOON
        if await hold(database, holder, (SOUTH, COAT_M, 2), (NORTH, COAT_M, 1), lasts=lasts):
            await asyncio.gather(
                confirm(database, holder),
                holds.Sweeper(database).sweep(),
                *([let_go(database, holder)] if number % 3 == 0 else []),
            )

    await asyncio.gather(*(life(number) for number in range(24)))
    for location in (NORTH, SOUTH):
        on_hand, allocated, reserved = await counters(database, location, COAT_M)
        assert 0 <= allocated + reserved <= on_hand
        async with database.read() as session:
            moves = await session.scalars(
                select(StockMovement).where(
                    StockMovement.location_id == location, StockMovement.sku_id == COAT_M
                )
            )
            sums = [(move.on_hand, move.allocated, move.reserved) for move in moves]
        assert tuple(map(sum, zip(*sums, strict=True))) == (on_hand, allocated, reserved)
