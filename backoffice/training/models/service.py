"""Jobs that train and judge models, the models there are, and how two of them compare."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.training.models import repository, sets
from backoffice.training.models.domain import Comparison, Judgement, Objection, compared, gate
from backoffice.training.models.figures import Judged
from backoffice.training.models.labelled import Labelled
from backoffice.training.models.models import Evaluation, TrainingJob
from backoffice.training.models.ports import Failure, Findings
from backoffice.training.models.schemas import Jobs, JobView, Kind, Models, ModelView

LEASE = timedelta(seconds=30)
MOST_TRIES = 3
LONGEST_DETAIL = 500
WORN = {"error": "worker_died", "detail": f"the worker died {MOST_TRIES} times over this job"}
FINGERPRINT = re.compile(r"-([0-9a-f]{8,64})\.tar\.gz$")


async def ask(
    session: WriteSession, kind: Kind, staff_id: int | None, why: str, dataset: int = 0, model: str = ""
) -> JobView:
    """Put a job in the queue; the one that waits there if it is the same.

    `dataset` is the revision to train from, `model` what is to be judged. Raises `NotFound`
    (`model_not_found`).
    """
    if model:
        await known_model(session, model)
    added = await repository.add(
        session, kind=kind, dataset=dataset, model=model, staff_id=staff_id, why=why, asked_at=now()
    )
    found = await repository.waiting(session, kind, dataset, model)
    if found is None:
        raise Conflict("begun_already", "the same job began in this moment")
    if added and staff_id:
        await audit.record(session, staff_id, f"{kind}_asked", subject(found.id), why, model=model)
    return JobView.model_validate(found)


async def cancel(session: WriteSession, id: int, staff_id: int | None) -> JobView:
    """End a job, at once or as soon as its worker hears of it; one that is over stays as it is.

    Raises `NotFound` (`job_not_found`).
    """
    cancelled = await repository.cancel(session, id, now())
    found = await job(session, id)
    if cancelled and staff_id:
        await audit.record(session, staff_id, f"{found.kind}_cancelled", subject(id))
    return found


def subject(id: int) -> str:
    return f"training_job:{id}"


async def job(session: ReadSession, id: int) -> JobView:
    """Raises `NotFound` (`job_not_found`)."""
    found = await repository.job(session, id)
    if found is None:
        raise NotFound("job_not_found")
    return JobView.model_validate(found)


async def jobs(session: ReadSession, page: Page) -> Jobs:
    """A page of them, the newest first."""
    found, total = await repository.jobs(session, page.limit, page.offset)
    return Jobs(jobs=[JobView.model_validate(each) for each in found], total=total)


async def models(session: ReadSession, page: Page) -> Models:
    """A page of those whose file is there, the newest first."""
    found, total = await repository.models(session, page.limit, page.offset)
    return Models(models=[ModelView.model_validate(each) for each in found], total=total)


async def newest(session: ReadSession) -> str | None:
    """The name of the model that was registered last."""
    found = (await models(session, Page(limit=1))).models
    return found[0].name if found else None


async def known_model(session: ReadSession, name: str) -> ModelView:
    """Raises `NotFound` (`model_not_found`), also when its file is gone."""
    found = await repository.model(session, name)
    if found is None or found.removed_at:
        raise NotFound("model_not_found")
    return ModelView.model_validate(found)


async def register(session: WriteSession, path: Path, dataset: int, seconds: float = 0.0) -> ModelView:
    """Know a model by its file, whose name ends with the fingerprint of what it was made of; once."""
    found = FINGERPRINT.search(path.name)
    await repository.register(
        session,
        name=path.name,
        dataset=dataset,
        fingerprint=found[1] if found else "",
        sha256=digest(path),
        bytes=path.stat().st_size,
        seconds=seconds,
        at=now(),
    )
    return await known_model(session, path.name)


def digest(path: Path) -> str:
    """The SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def keep_evaluation(
    session: WriteSession, job_id: int, path: Path, exam: Mapping[str, Sequence[Labelled]], found: Findings
) -> None:
    """Keep what a model was found to make of all sentences of these sets and of the test conversations.

    A model that is not known is registered first.
    """
    if await repository.model(session, path.name) is None:
        await register(session, path, 0)
    readings = dict(zip(sets.texts(exam), found.sentences, strict=True))
    judged = {
        name: [asdict(each) | dict(readings[each.text]) for each in messages]
        for name, messages in exam.items()
    }
    await repository.add_evaluation(
        session,
        job_id=job_id,
        model=path.name,
        sets=judged,
        stories=list(found.stories),
        bytes=path.stat().st_size,
        load_seconds=found.load_seconds,
        memory_bytes=found.memory_bytes,
        at=now(),
    )


async def compare(session: ReadSession, candidate: str, against: str) -> Comparison:
    """Both models by what the last job made of them that judged both. Raises `NotFound` (`not_compared`)."""
    found = await repository.pair(session, candidate, against)
    if found is None:
        raise NotFound("not_compared", "no job has judged both models")
    return compared(*map(judgement, found))


async def objections(session: ReadSession, candidate: str, live: str) -> list[Objection]:
    """What speaks against promoting a candidate; also that nobody compared it (`not_compared`)."""
    try:
        return gate(await compare(session, candidate, live))
    except NotFound:
        return [Objection("not_compared", candidate, 0.0, 0.0, live)]


async def rivals(session: ReadSession, names: list[str]) -> dict[str, str]:
    """Against which model each of these was judged last; those that never were are left out."""
    return await repository.rivals(session, names)


def judgement(found: Evaluation) -> Judgement:
    """What is kept of a model's reading, as the rules of the room take it."""
    return Judgement(
        model=found.model,
        sets={name: tuple(map(judged, rows)) for name, rows in found.sets.items()},
        stories={each["story"]: each["fault"] if not each["passed"] else "" for each in found.stories},
        bytes=found.bytes,
        load_seconds=found.load_seconds,
        memory_bytes=found.memory_bytes,
    )


def judged(row: dict[str, Any]) -> Judged:
    message = Labelled(row["text"], row["intent"], tuple(row["also"]))
    return Judged(message, row["served"], row["ranked"], row["confidence"], row["seconds"])


async def claim(session: WriteSession, worker: str) -> TrainingJob | None:
    """The next job for this worker, if one waits and none runs: the worker's while it keeps its lease."""
    moment = now()
    await repository.bury(session, moment, MOST_TRIES, **WORN)
    id = await repository.claim(session, worker, moment, moment + LEASE)
    return None if id is None else await repository.job(session, id)


async def keep(session: WriteSession, mine: TrainingJob, **told: Any) -> bool:
    """Renew the lease and tell how far it is; whether to go on: nobody cancelled it, nobody else took it."""
    return await repository.keep(session, mine, {"lease_until": now() + LEASE, **told}) is False


async def finish(session: WriteSession, mine: TrainingJob, log: str, failure: Failure | None = None) -> None:
    """Of a job that is done or failed; nothing if it is another worker's now."""
    values: dict[str, Any] = {"state": "done", "progress": 1.0}
    if failure:
        detail = " ".join(failure.detail.split())[:LONGEST_DETAIL]
        values = {"state": "failed", "error": failure.code, "detail": detail}
    await repository.keep(session, mine, {"ended_at": now(), "log": log, **values})


async def stop(session: WriteSession, mine: TrainingJob, log: str) -> None:
    """Of a job that was cancelled while it ran, that it has ended."""
    await repository.keep(session, mine, {"state": "cancelled", "ended_at": now(), "log": log})


async def give_back(session: WriteSession, mine: TrainingJob) -> None:
    """Let another worker begin it anew at once, as this one must end."""
    await repository.keep(session, mine, {"lease_until": now() - LEASE, "tries": mine.tries - 1})


async def put_away(
    session: WriteSession, needed: Collection[str], newest: int, oldest: datetime, at: datetime
) -> None:
    """Let nobody choose models any more that are not among the newest or are older; never those needed."""
    await repository.put_away(session, needed, newest, oldest, at)


async def put_away_before(session: ReadSession, moment: datetime) -> list[str]:
    """The names of those that nobody could choose since."""
    return await repository.put_away_before(session, moment)


async def bring_back(session: WriteSession, name: str) -> None:
    """Let one be chosen again."""
    await repository.bring_back(session, name)
