"""Trains the bot in its own environment and names models after what they were trained from."""

import gzip
import hashlib
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from backoffice.supervisor import Process, Supervisor, Trouble, exclusive, last_line

ROOT = Path(__file__).resolve().parent.parent
BOT_PYTHON = ROOT / ".venv-rasa" / "bin" / "python"
INGREDIENTS = ("config.yml", "requirements/bot.txt", "bot", "nlu_data")
IGNORED = {".pyc", ".md"}
ASIDE = ("bot/judging", "bot/report")
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


def fingerprint(root: Path = ROOT) -> str:
    """Eight hex digits over every file a model is made of, by path and content."""
    digest = hashlib.sha256()
    for name in INGREDIENTS:
        start = root / name
        files = sorted(path for path in start.rglob("*") if path.is_file()) if start.is_dir() else [start]
        for path in files:
            if path.suffix not in IGNORED and not any(path.is_relative_to(root / each) for each in ASIDE):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root)} {content}\n".encode())
    return digest.hexdigest()[:8]


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

    `on_step` hears the name of each component as its training begins. Raises `Trouble`.
    """
    with exclusive(models / ".training.lock", f"Another training writes to {models}: wait for its end."):
        for leftover in models.glob(".training-*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=".training-", dir=models) as folder:
            model = Path(folder) / f"xiaoer-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{fingerprint()}.tar.gz"
            command = [*bot_program(), "train", "--verbose", "--force", "--config", "config.yml"]
            command += ["--domain", str(data / "bot/domain")]
            command += ["--data", *(str(data / each) for each in ("nlu_data", "bot/rules", "bot/stories"))]
            command += ["--skip-validation", "--out", folder, "--fixed-model-name", model.name]
            environment = bot_environment() | {"RASA_MAX_CACHE_SIZE": "0"}

            def hear(line: str) -> None:
                if step := STEP.search(line):
                    on_step(step[1])

            async with Supervisor(ROOT) as supervisor:
                await supervisor.run(Process("training", command, log, environment, GIVES_WAY), hear)
            if not model.exists():
                raise Trouble(f"training made no model: {last_line(log)} (see {log})")
            return model.replace(models / model.name)
