"""Runs jobs: trains a model of the shop's data in the bot's environment, judges it beside the live one."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import Problem
from backoffice.kit.paging import Page
from backoffice.kit.repeating import again
from backoffice.kit.time import now
from backoffice.training.datasets import service as datasets
from backoffice.training.datasets.domain import Dataset
from backoffice.training.datasets.folders import materialise
from backoffice.training.models import repository, service, sets
from backoffice.training.models.domain import FIXED, REVIEWED
from backoffice.training.models.figures import OUTSIDE
from backoffice.training.models.labelled import Labelled, read
from backoffice.training.models.models import TrainingJob
from backoffice.training.models.ports import Failure, Findings, Workshop
from backoffice.training.projects import views
from backoffice.training.projects.yaml_text import Unreadable
from backoffice.training.review import service as review

log = structlog.get_logger()

LOOK_SECONDS = 1.0
BEAT_SECONDS = 1.0
REVIEWED_FOR = timedelta(days=7)
TRAINING = 0.8
"""The share of it in a job that trains and judges."""
SURE = 0.95
"""As far as a guess goes."""
USUAL_SECONDS = 90.0
STORIES = "tests/stories"

Live = Callable[[ReadSession], Awaitable[str | None]]
"""The model that answers shoppers now."""


class Stopped(Exception):
    """The job was cancelled, or is another worker's now."""


@dataclass
class Progress:
    """How far a job is. A part is told in shares of its own, or guessed from how long it took before."""

    step: str = "data"
    _start: float = 0.0
    _width: float = 0.0
    _share: float = 0.0
    _began: float = 0.0
    _seconds: float = 0.0

    @property
    def share(self) -> float:
        guessed = (time.monotonic() - self._began) / self._seconds if self._seconds else 0.0
        return self._start + self._width * min(max(self._share, min(guessed, SURE)), 1.0)

    def begin(self, step: str, start: float, width: float, seconds: float = 0.0) -> None:
        """A part of that width; `seconds`: how long it is thought to take, 0 if it tells itself."""
        self.step, self._start, self._width, self._share = step, start, width, 0.0
        self._began, self._seconds = time.monotonic(), seconds

    def tell(self, step: str, share: float = 0.0) -> None:
        self.step, self._share = step[:80], share


class Trainer:
    """Takes one job after the other, one at a time in the whole shop. Any number of processes may run one."""

    def __init__(
        self,
        database: Database,
        workshop: Workshop,
        examined: Path,
        live: Live = service.newest,
    ) -> None:
        """`examined`: JSON lines of the fixed test set."""
        self._database, self._workshop, self._examined = database, workshop, examined
        self._live = live
        self._name = uuid4().hex

    async def run(self) -> None:
        """Whenever a job waits, until cancelled."""
        await again(self.work_all, LOOK_SECONDS, "training_failed")

    async def work_all(self) -> None:
        while await self.work():
            pass

    async def work(self) -> bool:
        """The next job, to its end; whether there was one."""
        async with self._database.read() as session:
            if not await repository.to_do(session, now()):
                return False
        async with self._database.write() as session:
            mine = await service.claim(session, self._name)
        if mine is None:
            return False
        log.info("training_began", job=mine.id, kind=mine.kind, tries=mine.tries)
        try:
            await self._guarded(mine)
        except asyncio.CancelledError:
            async with self._database.write() as session:
                await service.give_back(session, mine)
            raise
        return True

    async def _guarded(self, mine: TrainingJob) -> None:
        progress, failure = Progress(), None
        doing = asyncio.create_task(self._do(mine, progress))
        try:
            await self._beside(mine, progress, doing)
            await doing
        except Stopped:
            await self._stop(doing)
            async with self._database.write() as session:
                await service.stop(session, mine, self._workshop.said())
            log.info("training_stopped", job=mine.id)
            return
        except Failure as known:
            failure = known
        except Exception as error:
            log.error("training_broke", job=mine.id, error=repr(error))
            failure = Failure("unexpected", f"{type(error).__name__}: {error}")
        finally:
            await self._stop(doing)
        async with self._database.write() as session:
            await service.finish(session, mine, self._workshop.said(), failure)
        log.info("training_ended", job=mine.id, error=failure.code if failure else "")

    async def _stop(self, doing: asyncio.Task[None]) -> None:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)

    async def _beside(self, mine: TrainingJob, progress: Progress, doing: asyncio.Task[None]) -> None:
        """Keeps the lease and tells how far it is until the job is done. Raises `Stopped`.

        A beat that fails is made up for by the next.
        """
        while not doing.done():
            try:
                async with self._database.write() as session:
                    on = await service.keep(
                        session, mine, step=progress.step, progress=progress.share, log=self._workshop.said()
                    )
            except SQLAlchemyError as error:
                log.error("training_beat_failed", job=mine.id, error=repr(error))
                on = True
            if not on:
                raise Stopped
            await asyncio.wait({doing}, timeout=BEAT_SECONDS)

    async def _do(self, mine: TrainingJob, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(prefix="xiaoer-training-") as folder:
            data = Path(folder)
            async with self._database.read() as session:
                live = await self._live(session)
            dataset = await self._dataset(mine.dataset, data)
            model, start = mine.model, 0.0
            if mine.kind == "train":
                model, start = await self._train(mine, data, progress), TRAINING
            progress.begin("judge", start, 1 - start)
            async with self._database.read() as session:
                exam = await self._exam(session, dataset)
            models = [model, live] if live and live != model else [model]
            await self._judge(mine, models, exam, data / STORIES, progress)

    async def _dataset(self, number: int, folder: Path) -> Dataset:
        """A revision, also as files in the folder. Raises `Failure` (`bad_data`)."""
        async with self._database.read() as session:
            try:
                dataset = await datasets.at(session, number)
            except (Unreadable, Problem) as wrong:
                raise Failure("bad_data", str(wrong)) from wrong
        if troubles := sorted(dataset.troubles):
            raise Failure("bad_data", str(troubles[0]))
        await asyncio.to_thread(materialise, dataset, folder)
        return dataset

    async def _train(self, mine: TrainingJob, data: Path, progress: Progress) -> str:
        async with self._database.read() as session:
            before = await service.models(session, Page(limit=1))
        usual = before.models[0].seconds if before.models else 0.0
        progress.begin("train", 0.0, TRAINING, usual or USUAL_SECONDS)
        began = time.monotonic()
        path = await self._workshop.train(data, progress.tell)
        try:
            async with self._database.write() as session:
                if not await service.keep(session, mine, model=path.name):
                    raise Stopped
                await service.register(session, path, mine.dataset, time.monotonic() - began)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path.name

    async def _exam(self, session: ReadSession, dataset: Dataset) -> dict[str, list[Labelled]]:
        """The sets of sentences, under the intents that a revision knows."""
        decided = await review.decided(session, now() - REVIEWED_FOR, now())
        said = {
            FIXED: read(self._examined),
            REVIEWED: [
                Labelled(each.text, each.intent, (each.also,) if each.also else ()) for each in decided
            ],
        }
        shipped = await datasets.at(session, 0)
        moved = sets.moved(shipped.project, dataset.project)
        known = {OUTSIDE, *views.intent_names(dataset.project)}
        return {name: sets.relabelled(messages, moved, known) for name, messages in said.items()}

    async def _judge(
        self,
        mine: TrainingJob,
        models: list[str],
        exam: dict[str, list[Labelled]],
        stories: Path,
        told: Progress,
    ) -> None:
        """The first model, and beside it the one that is live, as far as that one still loads."""
        texts, shares = sets.texts(exam), dict.fromkeys(models, 0.0)

        async def judged(model: str) -> Findings | Failure:
            def step(doing: str, share: float) -> None:
                shares[model] = share
                told.tell(doing, sum(shares.values()) / len(shares))

            try:
                return await self._workshop.judge(model, texts, stories, step)
            except Failure as failure:
                log.warning("model_not_judged", model=model, error=str(failure))
                return failure

        found = await asyncio.gather(*map(judged, models))
        if isinstance(found[0], Failure):
            raise found[0]
        async with self._database.write() as session:
            for model, findings in zip(models, found, strict=True):
                if isinstance(findings, Findings):
                    path = self._workshop.path(model)
                    await service.keep_evaluation(session, mine.id, path, exam, findings)
                else:
                    await service.keep(session, mine, detail=findings.detail)
