"""What the rules of the bot find in a message, and how two findings in one place are told apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class Found(NamedTuple):
    """An entity; `start` and `end` are offsets into the text, `ids` what the shop knows it by."""

    entity: str
    value: Any
    start: int
    end: int
    ids: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """`pattern` finds the entity in folded text, group `v` being its value; `read` may refuse with None."""

    entity: str
    pattern: re.Pattern[str]
    read: Callable[[str], Any] = str


def rule(entity: str, pattern: str, read: Callable[[str], Any] = str) -> Rule:
    return Rule(entity, re.compile(pattern), read)


def by_rules(rules: Iterable[Rule], folded: str) -> Iterator[Found]:
    for each in rules:
        for match in each.pattern.finditer(folded):
            value = each.read(match["v"])
            if value is not None:
                yield Found(each.entity, value, match.start("v"), match.end("v"))


def without_overlap(found: Iterable[Found]) -> list[Found]:
    """The first that finds a stretch of text keeps it."""
    kept: list[Found] = []
    for each in found:
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return kept
