"""Who runs workflows, and who does so no more."""

from datetime import timedelta
from pathlib import Path

from backoffice.kit import executors
from backoffice.kit.database import Database
from backoffice.kit.time import now


def test_a_place_is_one_processs_alone_and_then_the_next_ones(tmp_path: Path) -> None:
    with executors.place(tmp_path) as first, executors.place(tmp_path) as second:
        assert first != second
        with executors.place(tmp_path / "elsewhere") as third:
            assert third not in (first, second)
    with executors.place(tmp_path) as again:
        assert again == first


async def test_who_is_not_seen_is_dead_until_it_is_seen_again(database: Database) -> None:
    moment = now()
    before = moment - timedelta(seconds=30)
    async with database.write() as session:
        await executors.beat(session, "lives", moment)
        await executors.beat(session, "died", before - timedelta(seconds=1))
        await executors.beat(session, "came back", before - timedelta(seconds=1))
    async with database.read() as session:
        assert set(await executors.dead(session, before)) == {"died", "came back"}
    async with database.write() as session:
        await executors.beat(session, "came back", moment)
        for id in ("died", "came back"):
            await executors.bury(session, id, before)
    async with database.read() as session:
        left = await executors.dead(session, moment + timedelta(seconds=1))
        assert set(left) == {"came back", "lives"}
        assert await executors.alive(session, moment)
        assert not await executors.alive(session, moment + timedelta(seconds=1))
