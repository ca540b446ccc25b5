import asyncio
from datetime import UTC, datetime, timedelta, timezone
from traceback import format_exception

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from backoffice.kit.attempts import Attempts
from backoffice.kit.database import Database, insert_once


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    woken = []

    async def fail() -> None:
        async with database.write() as session:
            session.after_commit(lambda: woken.append(1))
            await insert_once(session, Attempts, scope="a", subject="b", count=1, since=datetime.now(UTC))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert (await session.scalars(select(Attempts))).all() == []
    assert woken == []


async def test_listeners_wake_after_the_commit(database: Database) -> None:
    woken = []
    async with database.write() as session:
        session.after_commit(lambda: woken.append(1))
        assert woken == []
    assert woken == [1]


async def test_a_read_session_cannot_write(database: Database) -> None:
    async with database.read() as session:
        session.add(Attempts(scope="a", subject="b", count=1, since=datetime.now(UTC)))
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await session.flush()
    async with database.read() as session:
        assert (await session.scalars(select(Attempts))).all() == []


async def test_times_come_back_in_utc(database: Database) -> None:
    shanghai = datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    async with database.write() as session:
        session.add(Attempts(scope="a", subject="b", count=1, since=shanghai))
    async with database.read() as session:
        found = await session.scalar(select(Attempts.since))
    assert found == shanghai
    assert found.utcoffset() == timedelta(0)


async def test_a_naive_time_is_refused(database: Database) -> None:
    async with database.write() as session:
        session.add(Attempts(scope="a", subject="b", count=1, since=datetime(2026, 11, 20)))
        with pytest.raises(StatementError, match="naive"):
            await session.flush()
        await session.rollback()


async def test_many_writers_read_then_write_without_an_error(database: Database) -> None:
    async with database.write() as session:
        session.add(Attempts(scope="a", subject="b", count=0, since=datetime.now(UTC)))

    async def increment() -> None:
        async with database.write() as session:
            row = await session.scalar(select(Attempts).with_for_update())
            assert row is not None
            row.count += 1

    await asyncio.gather(*(increment() for _ in range(40)))
    async with database.read() as session:
        assert await session.scalar(select(Attempts.count)) == 40


async def test_an_error_does_not_tell_the_data(database: Database) -> None:
    row = {"scope": "sign_in", "subject": "15400001234", "count": 1, "since": datetime.now(UTC)}
    async with database.write() as session:
        await insert_once(session, Attempts, **row)
    with pytest.raises(DBAPIError) as refused:
        async with database.write() as session:
            session.add(Attempts(**row | {"count": None}))
    logged = "".join(format_exception(refused.value))
    assert "INSERT INTO attempts" in logged
    assert "15400001234" not in logged


async def test_connections_that_the_server_closed_are_not_used(database: Database) -> None:
    if not database.url.startswith("postgresql"):
        pytest.skip("SQLite has no server")
    for opened in (database.read, database.write):
        async with opened() as session:
            assert await session.scalar(text("SELECT 1")) == 1
    ours = "datname = current_database() AND pid <> pg_backend_pid()"
    async with database.write() as session:
        await session.execute(
            text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {ours}")
        )
    async with database.read() as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def test_a_snapshot_sees_one_moment(database: Database) -> None:
    async with database.snapshot() as session:
        assert (await session.scalars(select(Attempts))).all() == []
        async with database.write() as rival:
            await insert_once(rival, Attempts, scope="a", subject="b", count=1, since=datetime.now(UTC))
        assert (await session.scalars(select(Attempts))).all() == []


async def test_a_write_that_is_cancelled_anywhere_locks_nobody_out(database: Database) -> None:
    """Also while somebody still holds on to the error, and with it to what was being done."""

    async def write_on() -> None:
        while True:
            async with database.write() as session:
                await insert_once(session, Attempts, scope="a", subject="b", count=1, since=datetime.now(UTC))
                await session.execute(select(Attempts))

    kept = []
    for attempt in range(20):
        rivals = [asyncio.create_task(write_on()) for _ in range(6)]
        await asyncio.sleep(attempt / 500)
        for rival in rivals:
            rival.cancel()
        kept.append(await asyncio.gather(*rivals, return_exceptions=True))
        async with asyncio.timeout(10), database.write() as session:
            await session.execute(select(Attempts))
    assert len(kept) == 20
