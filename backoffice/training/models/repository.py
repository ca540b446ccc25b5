"""All SQL of models and jobs. A job is changed by conditional UPDATEs: who comes late changes nothing."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.training.models.models import Evaluation, TrainedModel, TrainingJob


async def add(session: WriteSession, **values: Any) -> bool:
    """Whether it was put in the queue; not if the same waits there already."""
    return await insert_once(session, TrainingJob, state="queued", **values)


async def waiting(session: ReadSession, kind: str, dataset: int, model: str) -> TrainingJob | None:
    found = select(TrainingJob).where(TrainingJob.kind == kind, TrainingJob.state == "queued")
    return await session.scalar(found.where(TrainingJob.dataset == dataset, TrainingJob.model == model))


async def job(session: ReadSession, id: int) -> TrainingJob | None:
    return await session.scalar(select(TrainingJob).where(TrainingJob.id == id))


async def jobs(session: ReadSession, limit: int, offset: int) -> tuple[Sequence[TrainingJob], int]:
    """A page of them, the newest first, and how many there are."""
    total = await session.scalar(select(func.count()).select_from(TrainingJob)) or 0
    found = select(TrainingJob).order_by(TrainingJob.id.desc()).limit(limit).offset(offset)
    return (await session.scalars(found)).all(), total


async def under_way(session: ReadSession) -> Sequence[TrainingJob]:
    """The job that runs and those that wait, the first to be done first."""
    found = select(TrainingJob).where(TrainingJob.state.in_(("running", "queued")))
    return (await session.scalars(found.order_by(TrainingJob.state.desc(), TrainingJob.id))).all()


async def to_do(session: ReadSession, moment: datetime) -> bool:
    """Whether a job waits, or one whose worker died."""
    dead = (TrainingJob.state == "running") & (TrainingJob.lease_until < moment)
    return bool(await session.scalar(select(exists().where((TrainingJob.state == "queued") | dead))))


async def cancel(session: WriteSession, id: int, moment: datetime) -> bool:
    """End one that waits; ask one that runs to end. Whether there was anything to cancel."""
    waits = update(TrainingJob).where(TrainingJob.id == id, TrainingJob.state == "queued")
    ended = waits.values(state="cancelled", cancelled=True, ended_at=moment).returning(TrainingJob.id)
    if (await session.execute(ended)).first():
        return True
    runs = update(TrainingJob).where(TrainingJob.id == id, TrainingJob.state == "running")
    return (await session.execute(runs.values(cancelled=True).returning(TrainingJob.id))).first() is not None


async def bury(session: WriteSession, moment: datetime, most_tries: int, **failed: Any) -> None:
    """End jobs whose worker died: those that were to be cancelled, and those tried too often."""
    dead = update(TrainingJob).where(TrainingJob.state == "running", TrainingJob.lease_until < moment)
    await session.execute(dead.where(TrainingJob.cancelled).values(state="cancelled", ended_at=moment))
    worn = dead.where(TrainingJob.tries >= most_tries)
    await session.execute(worn.values(state="failed", ended_at=moment, **failed))


async def claim(session: WriteSession, worker: str, moment: datetime, until: datetime) -> int | None:
    """Take the job whose worker died or, when none runs, the first that waits; its id."""
    fresh = {
        "worker": worker,
        "lease_until": until,
        "tries": TrainingJob.tries + 1,
        "step": "",
        "progress": 0.0,
    }
    begun = {"began_at": moment, "state": "running", "log": "", **fresh}
    dead = update(TrainingJob).where(TrainingJob.state == "running", TrainingJob.lease_until < moment)
    taken = (await session.execute(dead.values(begun).returning(TrainingJob.id))).scalar()
    if taken is not None:
        return taken
    other = aliased(TrainingJob)
    first = select(func.min(other.id)).where(other.state == "queued").scalar_subquery()
    busy = exists(select(other.id).where(other.state == "running"))
    waits = update(TrainingJob).where(TrainingJob.id == first, TrainingJob.state == "queued", ~busy)
    try:
        async with session.begin_nested():
            return (await session.execute(waits.values(begun).returning(TrainingJob.id))).scalar()
    except IntegrityError:  # a rival began another in this moment
        return None


async def keep(session: WriteSession, taken: TrainingJob, values: dict[str, Any]) -> bool | None:
    """Change a job while who took it runs it; whether it is to be cancelled, None when it is another's."""
    mine = update(TrainingJob).where(
        TrainingJob.id == taken.id,
        TrainingJob.state == "running",
        TrainingJob.worker == taken.worker,
        TrainingJob.tries == taken.tries,
    )
    return (await session.execute(mine.values(values).returning(TrainingJob.cancelled))).scalar()


async def register(session: WriteSession, **values: Any) -> bool:
    """Whether it was not known before."""
    return await insert_once(session, TrainedModel, **values)


async def model(session: ReadSession, name: str) -> TrainedModel | None:
    return await session.scalar(select(TrainedModel).where(TrainedModel.name == name))


async def models(session: ReadSession, limit: int, offset: int) -> tuple[Sequence[TrainedModel], int]:
    """A page of those whose file is there, the newest first, and how many there are."""
    kept = TrainedModel.removed_at.is_(None)
    total = await session.scalar(select(func.count()).select_from(TrainedModel).where(kept)) or 0
    found = select(TrainedModel).where(kept).order_by(TrainedModel.at.desc(), TrainedModel.name.desc())
    return (await session.scalars(found.limit(limit).offset(offset))).all(), total


async def add_evaluation(session: WriteSession, **values: Any) -> None:
    await session.execute(insert(Evaluation).values(values))


async def pair(session: ReadSession, candidate: str, against: str) -> tuple[Evaluation, Evaluation] | None:
    """The evaluations of two models by the last job that judged both."""
    one, other = aliased(Evaluation), aliased(Evaluation)
    both = select(one, other).join(other, other.job_id == one.job_id)
    wanted = both.where(one.model == candidate, other.model == against).order_by(one.job_id.desc()).limit(1)
    found = (await session.execute(wanted)).first()
    return (found[0], found[1]) if found else None


async def rivals(session: ReadSession, models: Sequence[str]) -> dict[str, str]:
    """Beside which model each of these was judged by the last job that was about it."""
    one, other = aliased(Evaluation), aliased(Evaluation)
    about = (TrainingJob.id == one.job_id) & (TrainingJob.model == one.model)
    both = select(one.model, other.model).join(TrainingJob, about).join(other, other.job_id == one.job_id)
    wanted = both.where(one.model.in_(models), other.model != one.model).order_by(one.job_id)
    return {candidate: against for candidate, against in (await session.execute(wanted)).all()}


async def put_away(
    session: WriteSession, needed: Collection[str], newest: int, oldest: datetime, at: datetime
) -> None:
    """Those beyond so many of the newest, or made before `oldest`, but for those needed."""
    there = TrainedModel.removed_at.is_(None)
    ranked = select(TrainedModel.name).where(there).order_by(TrainedModel.at.desc(), TrainedModel.name.desc())
    recent = list(await session.scalars(ranked.limit(newest)))
    old = TrainedModel.name.not_in(recent) | (TrainedModel.at < oldest)
    gone = update(TrainedModel).where(there, old, TrainedModel.name.not_in(list(needed)))
    await session.execute(gone.values(removed_at=at).execution_options(synchronize_session=False))


async def put_away_before(session: ReadSession, moment: datetime) -> list[str]:
    found = select(TrainedModel.name).where(TrainedModel.removed_at < moment).order_by(TrainedModel.name)
    return list(await session.scalars(found))


async def bring_back(session: WriteSession, name: str) -> None:
    await session.execute(update(TrainedModel).where(TrainedModel.name == name).values(removed_at=None))
