"""What the room needs of others: where models are made and judged, and what the shop has of data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Step = Callable[[str, float], None]
"""Hears what is being done and which share of it is done, 0 to 1."""


class Failure(Exception):
    """Why a job cannot succeed: a stable `code` and one line for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Findings:
    """What a program of the bot's environment found of one model: of sentences in the order given."""

    load_seconds: float
    memory_bytes: int
    sentences: Sequence[dict[str, Any]]
    stories: Sequence[dict[str, Any]]


class Workshop(Protocol):
    """The bot's environment, in processes that end when the one that asked is cancelled or dies."""

    async def train(self, data: Path, step: Step) -> Path:
        """A model of the files in the folder `data`, moved in whole. Raises `Failure`."""
        ...

    async def judge(self, model: str, texts: Sequence[str], stories: Path, step: Step) -> Findings:
        """A model's reading of each text, and of the test conversations in a folder. Raises `Failure`."""
        ...

    def path(self, model: str) -> Path:
        """Where the file of a model is."""
        ...

    def said(self) -> str:
        """The last lines of what the process at work says."""
        ...
