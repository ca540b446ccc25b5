"""A thousand buyers at once for a hundred pieces."""

import asyncio

import pytest

from backoffice.inventory import holds, service
from backoffice.kit.database import Database
from tests.backoffice.inventory.test_holds import counters, hold
from tests.backoffice.stock import COAT_M, SOUTH, fill
from tests.processes import rivals


async def buy(database: Database, first: int, buyers: int) -> int:
    """How many of so many buyers at once got a piece, each with two lines that share a SKU for two others."""
    gate = asyncio.Semaphore(10)

    async def one(number: int) -> bool:
        async with gate:
            return await hold(database, f"order:{number}", (SOUTH, COAT_M, 1), (SOUTH, COAT_M, 1))

    return sum(await asyncio.gather(*(one(number) for number in range(first, first + buyers))))


def buy_apart(database_url: str, first: int, buyers: int) -> int:
    return asyncio.run(buy(Database(database_url), first, buyers))


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    """200 pieces: a basket takes two of them, in two lines."""
    await fill(database)
    async with database.write() as session:
        await service.receive(session, [(SOUTH, COAT_M, 100)])


async def test_a_thousand_buyers_at_once_get_what_there_is(database: Database) -> None:
    assert await buy(database, 1, 1000) == 100
    assert await counters(database, SOUTH, COAT_M) == (200, 0, 200)


async def test_three_processes_sell_what_there_is(database: Database) -> None:
    parts = [(database.url, part * 400, 334) for part in range(3)]
    assert sum(await asyncio.to_thread(rivals, buy_apart, parts)) == 100
    async with database.read() as session:
        promises = await holds.promised(session, [f"order:{number}" for number in range(1200)])
    assert sum(each.quantity for each in promises) == 200
    assert await counters(database, SOUTH, COAT_M) == (200, 0, 200)
