"""Jobs in the bot's real environment, with little data, and everything that can go wrong there."""

import asyncio
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backoffice.kit.database import Database
from backoffice.kit.repeating import background
from backoffice.settings import Settings
from backoffice.trainer import BOT_PYTHON, verify
from backoffice.training.models import service
from backoffice.training.models.domain import gate
from backoffice.training.models.schemas import JobView
from backoffice.training.models.trainer import Trainer
from backoffice.workshop import BotWorkshop, fault
from tests.backoffice.training.models import tiny
from tests.backoffice.training.models.conftest import asked, seen
from tests.backoffice.training.models.test_jobs import ended, worker_dies

pytestmark = pytest.mark.skipif(not BOT_PYTHON.exists(), reason="no bot environment: make env")
TRAINING, JUDGING = "bot.lean train", "bot.judging"
CONFLICT = "- rule: greet otherwise\n  steps: [{intent: greet}, {action: utter_invoice}]\n"
WORKER = """
import asyncio, sys
from pathlib import Path
import backoffice.tables
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.training.models.trainer import Trainer
from backoffice.workshop import BotWorkshop
database, examined = Database(sys.argv[1]), Path(sys.argv[2])
asyncio.run(Trainer(database, BotWorkshop(Settings()), examined).run())
"""


@pytest.fixture
def database_url(tmp_path: Path, templates: dict[str, str]) -> str:
    """On one engine: what the database does is told elsewhere."""
    shutil.copyfile(templates["sqlite"], tmp_path / "test.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    state, models = tmp_path / "state", tmp_path / "models"
    return Settings(secret="for tests", state=state, models=models, database_url=database_url)


@pytest.fixture
async def trainer(database: Database, settings: Settings, examined: Path) -> Trainer:
    await tiny.store(database, 0)
    settings.models.mkdir()
    return Trainer(database, BotWorkshop(settings), examined)


@pytest.fixture
async def live(database: Database, settings: Settings) -> Callable[[], None]:
    """A model that answers shoppers; it must not have been touched."""
    path = settings.models / "xiaoer-20260101T000000Z-00000000.tar.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"of another time")
    async with database.write() as session:
        await service.register(session, path, 0)

    def untouched() -> None:
        left = {each.name for each in settings.models.iterdir()} - {".training.lock"}
        assert left == {path.name}
        assert path.read_bytes() == b"of another time"

    return untouched


def processes(words: str, parent: int | None = None) -> list[int]:
    """The ids of the processes with these words in their command, children of one that is given."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            status = (each / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words in command and status[0] != "Z" and int(status[1]) == (parent or os.getpid()):
            found.append(int(each.name))
    return found


async def process(words: str, parent: int | None = None) -> int:
    """The id of the process, once it is there."""
    async with asyncio.timeout(120):
        while not (found := processes(words, parent)):
            await asyncio.sleep(0.02)
    return found[0]


async def failed(database: Database, trainer: Trainer, dataset: int = 0) -> JobView:
    job, _ = await asked(database, dataset), await trainer.work()
    found = await seen(database, job.id)
    assert found.state == "failed"
    assert found.detail
    assert "\n" not in found.detail
    assert found.model == ""
    return found


async def test_a_model_is_made_judged_and_compared(
    database: Database, trainer: Trainer, settings: Settings
) -> None:
    first, _ = await asked(database), await trainer.work()
    other = tiny.FILES | {
        "nlu_data/talk.yml": tiny.NLU.replace("- 帮我开张发票", "- 随便说说").replace(
            "invoice_request", "bill"
        ),
        **{
            path: text.replace("invoice_request", "bill")
            for path, text in tiny.FILES.items()
            if "nlu" not in path
        },
    }
    await tiny.store(database, 1, other)
    second, _ = await asked(database, 1), await trainer.work()
    one, two = await seen(database, first.id), await seen(database, second.id)
    assert (one.state, one.error, two.state, two.error) == ("done", "", "done", "")
    verify(settings.models / two.model)
    async with database.read() as session:
        comparison = await service.compare(session, two.model, one.model)
        model = await service.known_model(session, two.model)
    assert (model.dataset, model.seconds > 0) == (1, True)
    assert model.bytes == (settings.models / two.model).stat().st_size
    fixed = comparison.sets["fixed"]
    assert [each.intent for each in fixed.intents] == ["bill", "greet"] or len(fixed.intents) == 2
    assert {each.intent for each in fixed.intents} == {"bill", "greet"}
    assert comparison.after.memory_bytes > 0
    assert comparison.after.load_seconds > 0
    assert comparison.stories.total == 1
    assert [each.code for each in gate(comparison) if each.code == "story_lost"] == []
    assert [path.name for path in settings.models.glob(".training-*")] == []


async def test_a_trainer_that_is_killed(
    database: Database, trainer: Trainer, live: Callable[[], None]
) -> None:
    async def kill() -> None:
        os.kill(await process(TRAINING), signal.SIGKILL)

    killing = asyncio.create_task(kill())
    found = await failed(database, trainer)
    await killing
    assert (found.error, found.detail) == ("killed", "the training process was killed by signal 9")
    live()


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
async def test_a_full_disk(database: Database, trainer: Trainer, live: Callable[[], None]) -> None:
    async def fill() -> None:
        resource.prlimit(await process(TRAINING), resource.RLIMIT_FSIZE, (150_000, 150_000))

    words = "".join(f"    - 词{number}\n" for number in range(20_000))
    large = f"{tiny.NLU}- lookup: shop_word\n  examples: |\n{words}"
    await tiny.store(database, 1, tiny.FILES | {"nlu_data/talk.yml": large})
    filling = asyncio.create_task(fill())
    found = await failed(database, trainer, 1)
    await filling
    assert found.error == "disk_full"
    live()


async def test_rules_that_contradict_each_other(
    database: Database, trainer: Trainer, live: Callable[[], None]
) -> None:
    await tiny.store(database, 1, tiny.FILES | {"bot/rules/talk.yml": tiny.RULES + CONFLICT})
    found = await failed(database, trainer, 1)
    assert found.error == "bad_data"
    assert "greet otherwise" in found.detail
    live()


async def test_a_file_that_cannot_be_read(
    database: Database, trainer: Trainer, live: Callable[[], None]
) -> None:
    await tiny.store(database, 1, tiny.FILES | {"nlu_data/talk.yml": tiny.NLU + "  - : ["})
    found = await failed(database, trainer, 1)
    assert found.error == "bad_data"
    assert "nlu_data/talk.yml" in found.detail
    live()


async def test_an_intent_without_sentences(
    database: Database, trainer: Trainer, live: Callable[[], None]
) -> None:
    empty = tiny.NLU + "- intent: trade_in\n  examples: |\n"
    await tiny.store(database, 1, tiny.FILES | {"nlu_data/talk.yml": empty})
    found = await failed(database, trainer, 1)
    assert found.error == "bad_data"
    assert "trade_in" in found.detail
    live()


async def test_cancelling_ends_the_process_group(
    database: Database, trainer: Trainer, live: Callable[[], None]
) -> None:
    job = await asked(database)
    async with background(trainer.run()):
        await process(TRAINING)
        asked_at = time.monotonic()
        async with database.write() as session:
            await service.cancel(session, job.id, None)
        assert await ended(database, job.id) == "cancelled"
        assert time.monotonic() - asked_at < 8
        assert processes(TRAINING) == []
    live()


async def test_a_worker_that_is_killed_takes_its_process_along_and_another_goes_on(
    database: Database, trainer: Trainer, settings: Settings, examined: Path
) -> None:
    job = await asked(database)
    env = os.environ | {"XIAOER_STATE": str(settings.state), "XIAOER_MODELS": str(settings.models)}
    command = (sys.executable, "-c", WORKER, settings.database_url, str(examined))
    worker = await asyncio.create_subprocess_exec(*command, env=env)
    try:
        await process(TRAINING, worker.pid)
    finally:
        worker.kill()
        await worker.wait()
    async with asyncio.timeout(10):
        while processes(TRAINING, worker.pid) or processes(TRAINING, 1):
            await asyncio.sleep(0.02)
    await worker_dies(database)
    assert await trainer.work()
    found = await seen(database, job.id)
    assert (found.state, found.tries) == ("done", 2)
    left = {each.name for each in settings.models.iterdir()}
    assert left == {found.model, ".training.lock"}


def test_the_fault_of_a_log_is_one_line() -> None:
    said = ["InvalidRule: ", "Contradicting rules", "- one", "- other"]
    assert fault(["chatter", *said]) == ("InvalidRule", "Contradicting rules - one - other")
    assert fault(["a.b.YamlException: broken"]) == ("YamlException", "broken")
    assert fault(["nothing of that kind"]) == ("", "")
    chained = ["OSError: [Errno 27] File too large", "The above exception was the direct cause", "Traceback"]
    assert fault([*chained, "rasa.GraphComponentException: in node x"]) == (
        "OSError",
        "[Errno 27] File too large",
    )
