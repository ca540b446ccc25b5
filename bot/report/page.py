"""The figures as one HTML page that needs nothing beside itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import floor
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backoffice.training.models import figures
from backoffice.training.models.figures import Judged, Point

HERE = Path(__file__).parent
FAMILIES: dict[str, dict[str, str]] = yaml.safe_load((HERE / "intents.yml").read_text(encoding="utf8"))
FAMILY = {intent: name for name, family in FAMILIES.items() for intent in family}
NAMES = {intent: name for family in FAMILIES.values() for intent, name in family.items()}


@dataclass(frozen=True)
class Matrix:
    """Intents as they were meant (rows) and served (columns), by family; what would do counts as meant."""

    judged: Sequence[Judged]

    @cached_property
    def intents(self) -> list[str]:
        seen = {intent for each in self.judged for intent in (each.message.intent, each.served)}
        return [*(intent for intent in NAMES if intent in seen), *sorted(seen - NAMES.keys())]

    @cached_property
    def borders(self) -> set[str]:
        """The first intent of each family."""
        return {next(members) for _, members in groupby(self.intents, FAMILY.get)}

    @cached_property
    def cells(self) -> Counter[tuple[str, str]]:
        return Counter(
            (each.message.intent, each.message.intent if each.lenient else each.served)
            for each in self.judged
        )

    @cached_property
    def totals(self) -> Counter[str]:
        return Counter(each.message.intent for each in self.judged)


def render(judged: Sequence[Judged], curve: Sequence[Point], model: str, data: str, made: str) -> str:
    """The page on `judged` messages; without the learning curve where that has fewer than two points."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, named=named)
    return environment.get_template("page.html").render(
        model=model,
        data=data,
        made=made,
        headline=figures.headline(judged),
        bins=figures.reliability(judged),
        intents=figures.by_intent(judged),
        matrix=Matrix(judged),
        mix_ups=figures.mix_ups(judged),
        misreadings=figures.misreadings(judged),
        curve=curve,
        floor=lowest(each.interval.low for each in curve),
        gain=figures.gain(*curve[-2:]) if len(curve) > 1 else None,
    )


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}%"


def named(intent: str) -> str:
    return NAMES.get(intent, intent)


def lowest(shares: Iterable[float]) -> float:
    """Where an axis begins that shows all `shares`: the tenth below the lowest, at most 0.8."""
    return min([0.8, *(floor(10 * share) / 10 for share in shares)])
