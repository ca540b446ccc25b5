"""Trains and judges models for jobs: processes of the bot's environment, and what their logs say."""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from backoffice.settings import Settings
from backoffice.supervisor import Process, ProcessEnded, Supervisor, Trouble
from backoffice.trainer import BOT_PYTHON, GIVES_WAY, ROOT, bot_environment, train
from backoffice.training.models.ports import Failure, Findings, Step

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FAULT = re.compile(r"^(?:[\w.]+\.)?([A-Z]\w*(?:Error|Exception|Rule|Domain|Found)): ?(.*)")
DISK = re.compile(r"\[Errno (?:27|28|122)\]")
"""File too large, no space left on device, quota exceeded."""
DATA_FAULTS = {
    "InvalidRule",
    "InvalidDomain",
    "YamlException",
    "YamlSyntaxException",
    "YamlValidationException",
}
JUDGED = re.compile(r"^judged (\d+) of (\d+)$")
NOISE = re.compile(r"Warning|it/s|warnings\.|^\s|^Increase|^STOP|declare_namespace|scikit-learn\.org")
TAIL_BYTES, TAIL_LINES, LONGEST_LINE = 16_384, 30, 240
MOST_OF_A_FAULT = 400
WRAPPED, CHAINED = "GraphComponentException", "The above exception"
TOO_LITTLE = 1_000_000
"""Bytes left on a disk that is full: a log that could not be written either does not say so."""


class BotWorkshop:
    """Runs in the processes of one shop's bot environment; one training at a time."""

    def __init__(self, settings: Settings) -> None:
        self._models, self._logs = settings.models, settings.state / "log"
        self._log = self._logs / "training.log"

    def path(self, model: str) -> Path:
        return self._models / model

    def said(self) -> str:
        """The last lines of the last log, without colours and the chatter of libraries."""
        return "\n".join(lines(self._log)[-TAIL_LINES:])

    async def train(self, data: Path, step: Step) -> Path:
        self._log = self._logs / "training.log"
        try:
            return await train(self._models, self._log, lambda part: step(f"train {part}", 0.0), data)
        except (Trouble, OSError) as error:
            if shutil.disk_usage(self._models).free < TOO_LITTLE:
                raise Failure("disk_full", f"no space is left in {self._models}") from error
            raise failure("training", error, self._log) from error

    async def judge(self, model: str, texts: Sequence[str], stories: Path, step: Step) -> Findings:
        log = self._log = self._logs / f"judging-{model}.log"
        with tempfile.TemporaryDirectory(prefix="xiaoer-judging-") as folder:
            sentences, out = Path(folder) / "sentences.json", Path(folder) / "found.jsonl"
            sentences.write_text(json.dumps(texts), encoding="utf8")
            command = [str(BOT_PYTHON), "-m", "bot.judging", str(self.path(model).resolve())]
            command += ["--sentences", str(sentences), "--out", str(out)]
            if stories.is_dir():
                command += ["--stories", str(stories)]

            def hear(line: str) -> None:
                if told := JUDGED.match(line):
                    step("judge", int(told[1]) / int(told[2]))

            process = Process("judging", command, log, bot_environment(), GIVES_WAY)
            try:
                async with Supervisor(ROOT) as supervisor:
                    await supervisor.run(process, hear)
                return findings(out, len(texts))
            except (Trouble, OSError) as error:
                raise failure("judging", error, log) from error


def findings(out: Path, sentences: int) -> Findings:
    """What `bot.judging` wrote."""
    loaded, *found = (json.loads(line) for line in out.read_text(encoding="utf8").splitlines())
    return Findings(loaded["load_seconds"], loaded["memory_bytes"], found[:sentences], found[sentences:])


def failure(work: str, error: Trouble | OSError, log: Path) -> Failure:
    """What went wrong, in one line for people, out of the log where that says it."""
    if isinstance(error, OSError) and DISK.search(str(error)):
        return Failure("disk_full", str(error))
    if isinstance(error, ProcessEnded) and error.code < 0:
        return Failure("killed", f"the {work} process was killed by signal {-error.code}")
    name, said = fault(lines(log))
    if DISK.search(said):
        return Failure("disk_full", said)
    if name in DATA_FAULTS:
        return Failure("bad_data", said)
    return Failure(f"{work}_failed", said or str(error))


def fault(said: Sequence[str]) -> tuple[str, str]:
    """The name of the error that a log ends with, and its message in one line; empty if there is none.

    Of an error that only says where another happened, the other.
    """
    end = len(said)
    for place in range(len(said) - 1, -1, -1):
        if found := FAULT.match(said[place]):
            if found[1] == WRAPPED:
                end = place
                continue
            parts = [found[2], *takewhile(lambda line: not line.startswith(CHAINED), said[place + 1 : end])]
            return found[1], " ".join(part.strip() for part in parts if part.strip())[:MOST_OF_A_FAULT]
    return "", ""


def lines(log: Path) -> list[str]:
    """The last lines of a log that people can read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    told = (COLOUR.sub("", line.rpartition("\r")[2]) for line in text.split("\n"))
    return [line[:LONGEST_LINE] for line in told if line.strip() and not NOISE.search(line)]
