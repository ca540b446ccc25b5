"""Jobs: in line, one at a time, alive as long as their worker, ended once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.repeating import background
from backoffice.kit.time import now
from backoffice.training.models import service
from backoffice.training.models import trainer as training
from backoffice.training.models.domain import Share
from backoffice.training.models.models import TrainingJob
from backoffice.training.models.ports import Failure
from backoffice.training.models.trainer import Progress, Trainer
from tests.backoffice.training.models.conftest import Bench, asked, seen


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(training, "LOOK_SECONDS", 0.05)


async def ended(database: Database, id: int) -> str:
    async with asyncio.timeout(20):
        while not (job := await seen(database, id)).over:
            await asyncio.sleep(0.02)
    return job.state


async def worker_dies(database: Database) -> None:
    """Its lease is over."""
    async with database.write() as session:
        past = now() - timedelta(seconds=1)
        await session.execute(
            update(TrainingJob).where(TrainingJob.state == "running").values(lease_until=past)
        )


async def test_a_job_makes_a_model_and_judges_it_beside_the_newest(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    first, _ = await asked(database, why="because"), await trainer.work()
    second, _ = await asked(database), await trainer.work()
    one, other = await seen(database, first.id), await seen(database, second.id)
    assert (one.state, one.progress, one.why, one.tries) == ("done", 1.0, "because", 1)
    assert one.began_at
    assert one.ended_at
    assert not one.error
    assert one.log == "the last line"
    async with database.read() as session:
        found = (await service.models(session, Page())).models
        comparison = await service.compare(session, other.model, one.model)
        assert await service.rivals(session, [one.model, other.model]) == {other.model: one.model}
        with pytest.raises(NotFound, match="not_compared"):
            await service.compare(session, one.model, "another")
    assert [each.name for each in found] == [other.model, one.model]
    assert found[0].sha256 == service.digest(bench.path(other.model))
    assert (found[0].fingerprint, found[0].bytes) == ("0a1b2c3d", len(other.model))
    assert comparison.after.model == other.model
    assert comparison.sets["fixed"].after.lenient == Share(1, 2)
    assert bench.judged == [one.model, other.model, one.model]


async def test_the_same_job_waits_once_another_beside_it(database: Database) -> None:
    one, again, other = await asked(database), await asked(database), await asked(database, dataset=1)
    assert one.id == again.id != other.id
    async with database.read() as session:
        jobs = await service.jobs(session, Page())
    assert ([each.id for each in jobs.jobs], jobs.total) == ([other.id, one.id], 2)


async def test_rivals_run_one_job_at_a_time_and_each_once(
    database: Database, bench: Bench, trainer: Trainer, examined: object
) -> None:
    jobs = [await asked(database, number) for number in range(3)]
    others = [Trainer(database, bench, trainer._examined) for _ in range(3)]
    async with background(*(each.run() for each in (trainer, *others))):
        assert [await ended(database, job.id) for job in jobs] == ["done"] * 3
    assert len(bench.trained_from) == 3
    assert bench.most_at_work == 1


async def test_one_that_waits_is_cancelled_at_once(database: Database, trainer: Trainer) -> None:
    job = await asked(database)
    async with database.write() as session:
        assert (await service.cancel(session, job.id, None)).state == "cancelled"
    assert not await trainer.work()


async def test_one_that_runs_is_cancelled_within_a_beat(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    bench.ready.clear()
    job = await asked(database)
    async with background(trainer.run()):
        await bench.begun.wait()
        async with database.write() as session:
            assert (await service.cancel(session, job.id, None)).cancelled
        assert await ended(database, job.id) == "cancelled"
        assert bench.at_work == 0
    async with database.write() as session:
        assert (await service.cancel(session, job.id, None)).state == "cancelled"
        assert (await service.models(session, Page())).total == 0


async def test_what_fails_says_why_and_the_next_job_runs(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    bench.failure = Failure("bad_data", "two rules\n   contradict each other")
    failed, _ = await asked(database), await trainer.work()
    job = await seen(database, failed.id)
    assert (job.state, job.error) == ("failed", "bad_data")
    assert job.detail == "two rules contradict each other"
    bench.failure = None
    good, _ = await asked(database), await trainer.work()
    assert (await seen(database, good.id)).state == "done"


async def test_a_job_is_begun_anew_when_its_worker_died_and_the_dead_one_changes_nothing(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    job = await asked(database)
    async with database.write() as session:
        dead = await service.claim(session, "dead")
        assert dead is not None
        assert await service.keep(session, dead, step="train")
        assert await service.claim(session, "too early") is None
    await worker_dies(database)
    assert await trainer.work()
    found = await seen(database, job.id)
    assert (found.state, found.tries) == ("done", 2)
    async with database.write() as session:
        assert not await service.keep(session, dead, step="late")
        await service.finish(session, dead, "", Failure("late", "late"))
    assert await seen(database, job.id) == found


async def test_a_job_whose_workers_die_three_times_fails(database: Database, trainer: Trainer) -> None:
    job = await asked(database)
    for number in range(service.MOST_TRIES):
        async with database.write() as session:
            assert await service.claim(session, f"w{number}")
        await worker_dies(database)
    assert not await trainer.work()
    found = await seen(database, job.id)
    assert (found.state, found.error) == ("failed", "worker_died")
    assert "3 times" in found.detail


async def test_a_job_to_be_cancelled_whose_worker_died_is_cancelled(
    database: Database, trainer: Trainer
) -> None:
    job = await asked(database)
    async with database.write() as session:
        await service.claim(session, "dead")
        await service.cancel(session, job.id, None)
    await worker_dies(database)
    assert not await trainer.work()
    assert (await seen(database, job.id)).state == "cancelled"


async def test_a_worker_that_is_stopped_gives_its_job_back(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    bench.ready.clear()
    job = await asked(database)
    async with background(trainer.run()):
        await bench.begun.wait()
    assert bench.at_work == 0
    bench.ready.set()
    assert await trainer.work()
    found = await seen(database, job.id)
    assert (found.state, found.tries) == ("done", 1)


async def test_only_a_known_model_is_judged_again(database: Database, trainer: Trainer) -> None:
    async with database.write() as session:
        with pytest.raises(NotFound, match="model_not_found"):
            await service.ask(session, "evaluate", None, "", 0, "xiaoer-1.tar.gz")
    job, _ = await asked(database), await trainer.work()
    model = (await seen(database, job.id)).model
    async with database.write() as session:
        again = await service.ask(session, "evaluate", None, "", 0, model)
    assert await trainer.work()
    assert (await seen(database, again.id)).state == "done"


async def test_a_live_model_that_does_not_load_leaves_the_candidate_judged(
    database: Database, trainer: Trainer, bench: Bench
) -> None:
    first, _ = await asked(database), await trainer.work()
    bench.path((await seen(database, first.id)).model).unlink()
    second, _ = await asked(database), await trainer.work()
    found = await seen(database, second.id)
    assert (found.state, found.error) == ("done", "")
    assert "does not load" in found.detail


async def test_a_model_made_elsewhere_is_registered_once(database: Database, bench: Bench) -> None:
    path = bench.model("xiaoer-20260101T000000Z-00ff00ff.tar.gz")
    async with database.write() as session:
        one = await service.register(session, path, 0)
        assert await service.register(session, path, 5, 12.0) == one
        assert await service.newest(session) == path.name


def test_progress_is_told_or_guessed_and_stays_below_the_end_of_a_guess() -> None:
    progress = Progress()
    progress.begin("judge", 0.8, 0.2)
    progress.tell("judge", 0.5)
    assert progress.share == pytest.approx(0.9)
    progress.begin("train", 0.0, 0.8, seconds=1e-9)
    assert progress.share == pytest.approx(0.8 * 0.95)
