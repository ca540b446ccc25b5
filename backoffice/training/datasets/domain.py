"""Training data as one value, who edits them, and what two revisions differ in."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

from backoffice.training.datasets.fingerprints import code, fingerprint_of, is_data
from backoffice.training.datasets.soundness import Trouble, owners, plain, troubles
from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.views import intents

What = Literal[
    "intent",
    "rule",
    "story",
    "test",
    "response",
    "synonym",
    "lookup",
    "regex",
    "slot",
    "form",
    "entity",
    "action",
]
How = Literal["added", "changed", "removed"]
TOLD = 200
"""Things told of one revision."""


@dataclass(frozen=True)
class Editor:
    """Who edits, and why; nobody: one of our own services."""

    staff_id: int | None
    why: str


@dataclass(frozen=True, order=True)
class Labelled:
    """A sentence with its entities as Rasa marks them, and its intent."""

    intent: str
    marked: str


@dataclass(frozen=True)
class Sentence:
    """What teaches an intent, without markup."""

    intent: str
    text: str

    @property
    def plain(self) -> str:
        return plain(self.text)


@dataclass(frozen=True, order=True)
class Touch:
    """What becomes of one thing other than a sentence."""

    what: What
    name: str
    how: How


@dataclass(frozen=True)
class Difference:
    added: Sequence[Labelled]
    removed: Sequence[Labelled]
    touched: Sequence[Touch]
    files: Sequence[str]

    def summary(self) -> dict[str, Any]:
        """Numbers of sentences by intent, and what else was touched."""
        told = {"added": self.added, "removed": self.removed}
        counts = {name: dict(Counter(each.intent for each in said)) for name, said in told.items()}
        touched = [[each.what, each.name, each.how] for each in self.touched[:TOLD]]
        return {**counts, "touched": touched, "files": list(self.files)}


@dataclass(frozen=True)
class Dataset:
    """The files of a revision by their paths from the root of the project, and what they say."""

    number: int
    files: Mapping[str, str]
    project: Project

    @cached_property
    def hashes(self) -> dict[str, str]:
        return hashes_of(self.files)

    @cached_property
    def fingerprint(self) -> str:
        """The one that a model trained from it with the code that runs has in its name."""
        return fingerprint_of(
            running_code() | {path: told for path, told in self.hashes.items() if is_data(path)}
        )

    @cached_property
    def sentences(self) -> list[Sentence]:
        said = intents(self.project).items()
        return [Sentence(name, each.text) for name, intent in said for each in intent.examples]

    @cached_property
    def owners(self) -> dict[str, str]:
        """The intent of each sentence, by its plain text."""
        return owners(intents(self.project))

    @cached_property
    def troubles(self) -> frozenset[Trouble]:
        return frozenset(troubles(self.project))


def hashes_of(files: Mapping[str, str]) -> dict[str, str]:
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


@cache
def running_code() -> dict[str, str]:
    return code()
