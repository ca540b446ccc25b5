"""Training data as one value, and what an edit of it is."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

from backoffice.kit.errors import Invalid
from backoffice.training.datasets.fingerprints import code, fingerprint_of, is_data
from backoffice.training.datasets.soundness import troubles
from backoffice.training.projects.rasa_yaml import File, Project, read_file, write
from backoffice.training.projects.views import intents

Verb = Callable[[Project], Project]
SHOWN = 20
"""Troubles told at once."""


@dataclass(frozen=True)
class Editor:
    """Who edits, and why."""

    staff_id: int
    why: str


@dataclass(frozen=True, order=True)
class Labelled:
    """A sentence with its entities as Rasa marks them, and its intent."""

    intent: str
    marked: str


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
    def troubles(self) -> frozenset[str]:
        return frozenset(troubles(self.project))


@dataclass(frozen=True)
class Difference:
    added: Sequence[Labelled]
    removed: Sequence[Labelled]
    files: Sequence[str]

    def summary(self) -> dict[str, Any]:
        """Numbers of examples by intent, and the files."""
        told = {"added": self.added, "removed": self.removed}
        counts = {name: dict(Counter(each.intent for each in examples)) for name, examples in told.items()}
        return {**counts, "files": list(self.files)}


@dataclass(frozen=True)
class Draft:
    """What a verb makes of a dataset, not saved."""

    base: Dataset
    verb: Verb
    result: Dataset

    @cached_property
    def difference(self) -> Difference:
        return difference(self.base, self.result)


def draft(base: Dataset, verb: Verb) -> Draft:
    """Raises what the verb raises, `Unreadable`, and `Invalid` (`training_data_unsound`, with `troubles`)
    when the verb breaks what was whole before.
    """
    files = write(verb(base.project))
    result = Dataset(base.number + 1, files, parsed(files))
    if found := sorted(result.troubles - base.troubles):
        raise Invalid("training_data_unsound", found[0], troubles=found[:SHOWN])
    return Draft(base, verb, result)


def difference(before: Dataset, after: Dataset) -> Difference:
    paths = before.files.keys() | after.files.keys()
    files = sorted(path for path in paths if before.files.get(path) != after.files.get(path))
    old, new = (Counter(examples(dataset.project, files)) for dataset in (before, after))
    return Difference(sorted((new - old).elements()), sorted((old - new).elements()), files)


def examples(project: Project, paths: Sequence[str]) -> list[Labelled]:
    told = Project({path: project.files[path] for path in paths if path in project.files})
    return [Labelled(name, each.marked) for name, intent in intents(told).items() for each in intent.examples]


def parsed(files: Mapping[str, str]) -> Project:
    """Raises `Unreadable`."""
    return Project({path: parsed_file(path, text) for path, text in files.items()})


@lru_cache(maxsize=256)
def parsed_file(path: str, text: str) -> File:
    return read_file(path, text)


def hashes_of(files: Mapping[str, str]) -> dict[str, str]:
    return {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}


@cache
def running_code() -> dict[str, str]:
    return code()
