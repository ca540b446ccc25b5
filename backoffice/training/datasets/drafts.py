"""What an edit would make of training data, before it is saved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from backoffice.kit.errors import Invalid
from backoffice.training.datasets.differences import difference
from backoffice.training.datasets.domain import Dataset, Difference
from backoffice.training.datasets.soundness import Trouble
from backoffice.training.projects.rasa_yaml import File, Project, read_file, write

Verb = Callable[[Project], Project]
SHOWN = 20
"""Troubles told at once."""
FILES_KEPT = 96
"""Texts whose meaning is remembered: a revision has some 40 files, and an edit changes few of them."""


class Unsound(Invalid):
    """Data with troubles, which are told in `found`."""

    def __init__(self, found: Sequence[Trouble]) -> None:
        told = [{"code": each.code, "what": str(each)} for each in found[:SHOWN]]
        super().__init__("training_data_unsound", str(found[0]), troubles=told)
        self.found = found


@dataclass(frozen=True)
class Draft:
    """What a verb makes of a dataset, not saved."""

    base: Dataset
    verb: Verb
    result: Dataset
    difference: Difference


def draft(base: Dataset, verb: Verb) -> Draft:
    """Raises what the verb raises, `Unreadable`, and `Unsound` when the verb breaks what was whole before."""
    files = write(verb(base.project))
    result = Dataset(base.number + 1, files, parsed(files))
    if found := sorted(result.troubles - base.troubles):
        raise Unsound(found)
    return Draft(base, verb, result, difference(base.project, result.project))


def parsed(files: Mapping[str, str]) -> Project:
    """Raises `Unreadable`."""
    return Project({path: parsed_file(path, text) for path, text in files.items()})


@lru_cache(maxsize=FILES_KEPT)
def parsed_file(path: str, text: str) -> File:
    return read_file(path, text)
