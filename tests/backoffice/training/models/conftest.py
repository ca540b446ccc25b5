"""A bench on which a test says when a model is ready, in place of the bot's environment."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from backoffice.kit.database import Database
from backoffice.training.models import service
from backoffice.training.models.ports import Failure, Findings, Step
from backoffice.training.models.schemas import JobView
from backoffice.training.models.trainer import Trainer
from tests.backoffice.training.models import tiny

SENTENCES = '{"text": "在吗", "intent": "greet"}\n{"text": "开票", "intent": "invoice_request"}\n'


class Bench:
    """Makes models at once, or when `ready` is set; reads every sentence as a greeting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun, self.ready = asyncio.Event(), asyncio.Event()
        self.ready.set()
        self.trained_from: list[Path] = []
        self.judged: list[str] = []
        self.at_work = self.most_at_work = 0
        self.failure: Failure | None = None

    def path(self, model: str) -> Path:
        return self.folder / model

    def said(self) -> str:
        return "the last line"

    async def train(self, data: Path, step: Step) -> Path:
        self.trained_from.append(data)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            step("train ShopIntentClassifier", 0.0)
            self.begun.set()
            await self.ready.wait()
        finally:
            self.at_work -= 1
        if self.failure:
            raise self.failure
        return self.model(f"xiaoer-20261128T00{len(self.trained_from):04d}Z-0a1b2c3d.tar.gz")

    def model(self, name: str) -> Path:
        self.path(name).write_bytes(name.encode())
        return self.path(name)

    async def judge(self, model: str, texts: Sequence[str], stories: Path, step: Step) -> Findings:
        self.judged.append(model)
        if not self.path(model).exists():
            raise Failure("judging_failed", f"{model} does not load")
        step("judge", 1.0)
        reading = {"served": "greet", "ranked": "greet", "confidence": 0.9, "seconds": 0.01}
        return Findings(0.5, 10**8, [reading] * len(texts), [{"story": "a", "passed": True, "fault": ""}])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def examined(tmp_path: Path) -> Path:
    path = tmp_path / "sentences.jsonl"
    path.write_text(SENTENCES, encoding="utf8")
    return path


@pytest.fixture
async def trainer(database: Database, bench: Bench, examined: Path) -> Trainer:
    """Of a shop whose data are few."""
    for number in range(3):
        await tiny.store(database, number)
    return Trainer(database, bench, examined)


async def asked(database: Database, dataset: int = 0, why: str = "") -> JobView:
    async with database.write() as session:
        return await service.ask(session, "train", None, why, dataset)


async def seen(database: Database, id: int) -> JobView:
    async with database.read() as session:
        return await service.job(session, id)
