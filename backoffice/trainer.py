"""Trains the bot in its own environment and names models after what they were trained from."""

import gzip
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backoffice.supervisor import Process, Supervisor, Trouble, exclusive, last_line
from backoffice.training.datasets.fingerprints import DATA, fingerprint

ROOT = Path(__file__).resolve().parent.parent
BOT_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
GIVES_WAY = 10
"""How much less a training gets of a busy machine, as `nice` counts."""
STEP = re.compile(r"Starting to train component '(\w+)'")


def bot_environment() -> dict[str, str]:
    """What every process of the bot's environment gets: quiet, on one thread, finding the bot's own parts and
    the bytecode of the last start."""
    return {
        "PYPINYIN_NO_PHRASES": "true",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "SETUPTOOLS_USE_DISTUTILS": "stdlib",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def bot_program() -> tuple[str, ...]:
    """Rasa's command line as the shop runs it, to be followed by `run`, `train` and their options."""
    return str(BOT_PYTHON), "-m", "bot.lean"


def newest(models: Path) -> Path | None:
    """The model that is served: the last by name, as names begin with the time of training."""
    return max(models.glob("xiaoer-*.tar.gz"), default=None)


def fits(model: Path | None, root: Path = ROOT) -> bool:
    """Whether a model was trained from the data as it is now."""
    return model is not None and model.name.endswith(f"-{fingerprint(root)}.tar.gz")


def verify(model: Path) -> None:
    """Reads a model to its end; raises `Trouble` when the file is damaged."""
    try:
        with gzip.open(model) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise Trouble(f"{model} is broken: delete it and run `xiaoer train`.") from error


async def train(models: Path, log: Path, on_step: Callable[[str], None], data: Path = ROOT) -> Path:
    """Trains a model beside `models` and moves it there whole, so that a half-written one is never served.

    It learns from what stands below `data`. `on_step` hears the name of each component as its training
    begins. Raises `Trouble`.
    """
    name = f"xiaoer-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{fingerprint(ROOT, data)}.tar.gz"
    learnt, domain, *dialogue = (str(data / each) for each in DATA)
    with exclusive(models / ".training.lock", f"Another training writes to {models}: wait for its end."):
        for leftover in models.glob(".training-*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=".training-", dir=models) as folder:
            model = Path(folder) / name
            command = [*bot_program(), "train", "--verbose", "--force", "--config", "config.yml"]
            command += ["--domain", domain, "--data", learnt, *dialogue]
            command += ["--skip-validation", "--out", folder, "--fixed-model-name", name]
            environment = bot_environment() | {"RASA_MAX_CACHE_SIZE": "0"}

            def hear(line: str) -> None:
                if step := STEP.search(line):
                    on_step(step[1])

            async with Supervisor(ROOT) as supervisor:
                await supervisor.run(Process("training", command, log, environment, GIVES_WAY), hear)
            if not model.exists():
                raise Trouble(f"training made no model: {last_line(log)} (see {log})")
            return model.replace(models / name)
