"""Fences, idempotency keys and counted attempts under rivals."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from backoffice.kit import fencing, idempotency
from backoffice.kit.attempts import Attempts, allow_attempt
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Invalid, StaleTurn
from backoffice.kit.time import now


async def test_a_raised_fence_stops_earlier_holders(database: Database) -> None:
    async with database.write() as session:
        held = await fencing.open_fence(session, "conversation:1")
        assert await fencing.open_fence(session, "conversation:1") == held
    async with database.write() as session:
        taken = await fencing.raise_fence(session, "conversation:1")
        await fencing.require(session, taken)
    with pytest.raises(StaleTurn):
        async with database.write() as session:
            await fencing.require(session, held)


async def test_a_write_in_progress_ends_before_the_fence_is_raised(database: Database) -> None:
    """Whatever the order, a stale holder's write is never committed after the raise."""
    async with database.write() as session:
        held = await fencing.open_fence(session, "conversation:1")
    order: list[str] = []
    writing = asyncio.Event()

    async def write() -> None:
        async with database.write() as session:
            await fencing.require(session, held)
            writing.set()
            order.append("write")

    async def take_over() -> None:
        await writing.wait()
        async with database.write() as session:
            await fencing.raise_fence(session, "conversation:1")
            order.append("raise")

    await asyncio.gather(write(), take_over())
    assert order == ["write", "raise"]
    with pytest.raises(StaleTurn):
        await write()


async def test_a_fence_nobody_opened_cannot_be_raised(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.write() as session:
            await fencing.raise_fence(session, "nowhere")


async def test_rivals_with_one_key_act_once(database: Database) -> None:
    async with database.write() as session:
        session.add(Attempts(scope="s", subject="s", count=0, since=now()))

    async def act() -> object:
        async with database.write() as session:

            async def verb() -> dict[str, int]:
                statement = update(Attempts).values(count=Attempts.count + 1).returning(Attempts.count)
                return {"count": await session.scalar(statement) or 0}

            return await idempotency.once(session, "customer:1", "key", "print", verb)

    assert await asyncio.gather(*(act() for _ in range(10))) == [{"count": 1}] * 10
    async with database.read() as session:
        assert await session.scalar(select(Attempts.count)) == 1


async def test_a_failed_verb_may_be_tried_again(database: Database) -> None:
    async def act(session: WriteSession, fail: bool) -> object:
        async def verb() -> str:
            if fail:
                raise RuntimeError
            return "done"

        return await idempotency.once(session, "customer:1", "key", "print", verb)

    with pytest.raises(RuntimeError):
        async with database.write() as session:
            await act(session, fail=True)
    async with database.write() as session:
        assert await act(session, fail=False) == "done"


async def test_a_key_cannot_stand_for_another_request(database: Database) -> None:
    async def verb() -> str:
        return "done"

    async with database.write() as session:
        await idempotency.once(session, "customer:1", "key", "print", verb)
        assert await idempotency.once(session, "customer:2", "key", "other", verb) == "done"
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            await idempotency.once(session, "customer:1", "key", "other", verb)


async def test_rivals_cannot_share_the_last_attempt(database: Database) -> None:
    async def attempt() -> bool:
        async with database.write() as session:
            return await allow_attempt(session, "guess", "conversation:1", limit=5)

    assert sorted(await asyncio.gather(*(attempt() for _ in range(20)))) == [False] * 15 + [True] * 5


async def test_attempts_come_back_after_the_window(database: Database) -> None:
    async with database.write() as session:
        assert await allow_attempt(session, "guess", "a", limit=1)
        assert not await allow_attempt(session, "guess", "a", limit=1)
        assert await allow_attempt(session, "guess", "b", limit=1)
        await session.execute(update(Attempts).values(since=now() - timedelta(hours=1, seconds=1)))
        assert await allow_attempt(session, "guess", "a", limit=1)
        assert await session.scalar(select(func.count()).select_from(Attempts)) == 2
