"""What has served is removed, and nothing else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from backoffice.kit import trimming
from backoffice.kit.database import Database
from backoffice.kit.idempotency import IdempotencyKey
from backoffice.kit.time import now
from backoffice.kit.trimming import Kept, Trimming

MONTH = Kept(IdempotencyKey, IdempotencyKey.at, timedelta(days=30))


async def fill(database: Database, days: list[int]) -> None:
    """A key of so many days each."""
    rows = [
        {
            "scope": "s",
            "key": str(number),
            "fingerprint": "f",
            "answer": {},
            "at": now() - timedelta(days=age),
        }
        for number, age in enumerate(days)
    ]
    async with database.write() as session:
        await session.execute(insert(IdempotencyKey), rows)


async def left(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(IdempotencyKey.key).order_by(IdempotencyKey.key)))


async def test_only_old_rows_are_removed(database: Database) -> None:
    await fill(database, [0, 29, 31, 400])
    assert await Trimming(database, [MONTH]).sweep() == 2
    assert await left(database) == ["0", "1"]
    assert await Trimming(database, [MONTH]).sweep() == 0


async def test_many_are_removed_a_few_at_a_time_by_several(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trimming, "AT_ONCE", 7)
    await fill(database, [0] + [40] * 100)
    removed = await asyncio.gather(*(Trimming(database, [MONTH]).sweep() for _ in range(4)))
    assert sum(removed) == 100
    assert await left(database) == ["0"]
