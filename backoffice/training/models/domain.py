"""How a candidate compares with another model, and what speaks against it. Shares are of 1, not of 100."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Literal

from backoffice.kit.statistics import Z95, Interval, wilson
from backoffice.training.models.figures import OUTSIDE, Bin, Headline, Judged, headline, reliability

FIXED, REVIEWED = "fixed", "reviewed"
"""The sets of sentences: what ships for testing, and what people of the shop settled lately."""
ENOUGH = 20
"""Sentences of an intent in a set from which its fall counts."""
WORST_FALL = 0.05
WORST_CALIBRATION = 0.06
"""Of the fixed set alone: what is reviewed was chosen because the model was unsure or wrong."""


@dataclass(frozen=True)
class Judgement:
    """What one model made of everything. `stories`: what went wrong by name, "" where nothing did."""

    model: str
    sets: Mapping[str, Sequence[Judged]]
    stories: Mapping[str, str]
    bytes: int
    load_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Share:
    """`hits` of `total`, and where the true share lies with 95 % certainty."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0

    @property
    def interval(self) -> Interval:
        return wilson(self.hits, self.total)


@dataclass(frozen=True)
class Changed:
    """One sentence as both models read it."""

    before: Judged
    after: Judged


@dataclass(frozen=True)
class Difference:
    """What was won and lost on the same sentences: the share gained, its 95 % margin, and the probability of
    a difference this large if both were equally good (McNemar's test, exact)."""

    won: int
    lost: int
    total: int

    @property
    def share(self) -> float:
        return (self.won - self.lost) / self.total if self.total else 0.0

    @property
    def margin(self) -> float:
        if not self.total:
            return 0.0
        square = self.won + self.lost - (self.won - self.lost) ** 2 / self.total
        return Z95 * sqrt(max(square, 0.0)) / self.total

    @property
    def p(self) -> float:
        moved, fewer = self.won + self.lost, min(self.won, self.lost)
        return min(1.0, float(2 * sum(comb(moved, count) for count in range(fewer + 1)) / 2**moved))


@dataclass(frozen=True)
class IntentChange:
    """How one intent fares: of the sentences that mean it those served by a reading that would do."""

    intent: str
    before: Share
    after: Share

    @property
    def gain(self) -> float:
        return self.after.value - self.before.value


@dataclass(frozen=True)
class Side:
    """One model's figures on a set."""

    head: Headline
    strict: Share
    lenient: Share
    refused: Share
    bins: Sequence[Bin]
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class SetComparison:
    before: Side
    after: Side
    difference: Difference
    intents: Sequence[IntentChange]
    won: Sequence[Changed]
    lost: Sequence[Changed]
    confusions: Mapping[tuple[str, str], tuple[int, int]]
    """How often (meant, served) was wrong, before and after, the most frequent after first."""


@dataclass(frozen=True)
class Stories:
    """Names of test conversations with what goes wrong in them after, or went wrong before."""

    total: int
    lost: Mapping[str, str]
    won: Mapping[str, str]
    failing: Mapping[str, str]
    """After, those that were lost too."""


@dataclass(frozen=True)
class Comparison:
    """`after` is the candidate."""

    before: Judgement
    after: Judgement
    sets: Mapping[str, SetComparison]
    stories: Stories


@dataclass(frozen=True)
class Objection:
    """A reason not to promote: `code`, what it is about, and the figures."""

    code: Literal["story_lost", "intent_down", "calibration", "not_compared"]
    subject: str
    before: float
    after: float
    about: str = ""
    """The set it was seen on, or what goes wrong in a conversation."""


def compared(after: Judgement, before: Judgement) -> Comparison:
    """The candidate `after` beside `before`. Both must have judged the same sentences in the same order."""
    sets = {
        name: compare_set(before.sets[name], judged)
        for name, judged in after.sets.items()
        if judged and before.sets.get(name)
    }
    return Comparison(before, after, sets, compare_stories(before.stories, after.stories))


def compare_set(before: Sequence[Judged], after: Sequence[Judged]) -> SetComparison:
    pairs = [Changed(*pair) for pair in zip(before, after, strict=True)]
    won = [each for each in pairs if each.after.lenient and not each.before.lenient]
    lost = [each for each in pairs if each.before.lenient and not each.after.lenient]
    return SetComparison(
        side(before),
        side(after),
        Difference(len(won), len(lost), len(pairs)),
        intent_changes(pairs),
        sorted(won, key=lambda each: (each.after.message.intent, -each.after.confidence)),
        sorted(lost, key=lambda each: (each.after.message.intent, -each.after.confidence)),
        confusions(before, after),
    )


def side(judged: Sequence[Judged]) -> Side:
    inside = [each for each in judged if each.inside]
    seconds = sorted(each.seconds for each in judged)
    return Side(
        headline(judged),
        share(judged, lambda each: each.strict),
        share(judged, lambda each: each.lenient),
        share(inside, lambda each: each.served == OUTSIDE),
        reliability(judged),
        1000 * seconds[len(seconds) // 2],
        1000 * seconds[int(len(seconds) * 0.95)],
    )


def share(judged: Sequence[Judged], good: Callable[[Judged], bool]) -> Share:
    return Share(sum(map(good, judged)), len(judged))


def intent_changes(pairs: Sequence[Changed]) -> list[IntentChange]:
    """Every intent that was meant, the one that fell most first."""
    meant: dict[str, list[Changed]] = {}
    for each in pairs:
        meant.setdefault(each.after.message.intent, []).append(each)
    found = [
        IntentChange(
            intent,
            share([each.before for each in members], lambda each: each.lenient),
            share([each.after for each in members], lambda each: each.lenient),
        )
        for intent, members in meant.items()
    ]
    return sorted(found, key=lambda each: (each.gain, each.after.value, each.intent))


def confusions(before: Iterable[Judged], after: Iterable[Judged]) -> dict[tuple[str, str], tuple[int, int]]:
    earlier, later = map(mistaken, (before, after))
    pairs = sorted(earlier.keys() | later.keys(), key=lambda pair: (-later[pair], -earlier[pair], pair))
    return {pair: (earlier[pair], later[pair]) for pair in pairs}


def mistaken(judged: Iterable[Judged]) -> Counter[tuple[str, str]]:
    return Counter((each.message.intent, each.served) for each in judged if not each.lenient)


def compare_stories(before: Mapping[str, str], after: Mapping[str, str]) -> Stories:
    """By name; a conversation that only one of them walked is lost or won by nobody."""
    return Stories(
        len(after),
        {name: fault for name, fault in after.items() if fault and before.get(name) == ""},
        {name: before[name] for name, fault in after.items() if not fault and before.get(name)},
        {name: fault for name, fault in after.items() if fault and before.get(name) != ""},
    )


def gate(comparison: Comparison) -> list[Objection]:
    """What speaks against promoting the candidate; nothing: it may."""
    found = [
        Objection("story_lost", name, 1.0, 0.0, fault) for name, fault in comparison.stories.lost.items()
    ]
    for name, each in comparison.sets.items():
        found += [
            Objection("intent_down", change.intent, change.before.value, change.after.value, name)
            for change in each.intents
            if change.after.total >= ENOUGH and -change.gain > WORST_FALL + 1e-9
        ]
    if fixed := comparison.sets.get(FIXED):
        before, after = (one.head.calibration_error for one in (fixed.before, fixed.after))
        if after > WORST_CALIBRATION:
            found.append(Objection("calibration", FIXED, before, after, FIXED))
    return found
