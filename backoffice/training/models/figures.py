"""Figures over messages that a model has judged. Shares are of 1, not of 100.

Both environments use them: nothing but the standard library of Python 3.10.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, median

from backoffice.kit.statistics import Z95, Interval, wilson
from backoffice.training.models.labelled import Labelled

OUTSIDE = "out_of_scope"


@dataclass(frozen=True)
class Judged:
    """What a model made of a message: `served` is the intent it is answered by, `ranked` the likeliest one
    with its `confidence`, also where the model was too unsure to serve it."""

    message: Labelled
    served: str
    ranked: str
    confidence: float
    seconds: float = 0.0

    @property
    def strict(self) -> bool:
        return self.served == self.message.intent

    @property
    def lenient(self) -> bool:
        return self._would_do(self.served)

    @property
    def ranked_right(self) -> bool:
        return self._would_do(self.ranked)

    @property
    def inside(self) -> bool:
        return self.message.intent != OUTSIDE

    def _would_do(self, intent: str) -> bool:
        return intent == self.message.intent or intent in self.message.also


@dataclass(frozen=True)
class IntentFigures:
    """How one intent fares, strictly: heard rightly, heard where it was not meant, meant and not heard."""

    intent: str
    right: int
    false: int
    missed: int

    @property
    def count(self) -> int:
        return self.right + self.missed

    @property
    def precision(self) -> float:
        return _share(self.right, self.right + self.false)

    @property
    def recall(self) -> float:
        return _share(self.right, self.count)

    @property
    def f1(self) -> float:
        return _share(2 * self.right, 2 * self.right + self.false + self.missed)

    @property
    def f1_interval(self) -> Interval:
        """Wilson's interval of `right` among all that was meant or heard, a share J, as F1 = 2J / (1 + J)
        (Hand, Christen and Kirielle 2021)."""
        bounds = wilson(self.right, self.right + self.false + self.missed)
        return Interval(2 * bounds.low / (1 + bounds.low), 2 * bounds.high / (1 + bounds.high))


def by_intent(judged: Iterable[Judged]) -> list[IntentFigures]:
    """Every intent that was meant or heard, the weakest first, those never meant at the end."""
    right: Counter[str] = Counter()
    false: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for each in judged:
        if each.strict:
            right[each.served] += 1
        else:
            false[each.served] += 1
            missed[each.message.intent] += 1
    found = [IntentFigures(i, right[i], false[i], missed[i]) for i in {*right, *false, *missed}]
    return sorted(found, key=lambda each: (not each.count, each.f1, each.intent))


@dataclass(frozen=True)
class Bin:
    """Messages of like confidence: how sure the model was on average and how often it was right."""

    low: float
    high: float
    count: int
    right: int
    confidence: float

    @property
    def accuracy(self) -> float:
        return self.right / self.count

    @property
    def interval(self) -> Interval:
        return wilson(self.right, self.count)


def reliability(judged: Iterable[Judged], bins: int = 10) -> list[Bin]:
    """In-scope messages by confidence in bins of like width; empty bins are left out."""
    held: defaultdict[int, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.inside:
            held[min(int(each.confidence * bins), bins - 1)].append(each)
    return [
        Bin(
            place / bins,
            (place + 1) / bins,
            len(members),
            sum(each.ranked_right for each in members),
            mean(each.confidence for each in members),
        )
        for place, members in sorted(held.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart, by messages (Naeini 2015)."""
    total = sum(each.count for each in bins)
    return _share(sum(each.count * abs(each.confidence - each.accuracy) for each in bins), total)


@dataclass(frozen=True)
class Headline:
    count: int
    strict: float
    lenient: float
    macro_f1: float
    outside_recall: float
    inside_refused: float
    calibration_error: float
    parse_p50_ms: float
    parse_p99_ms: float


def headline(judged: Sequence[Judged]) -> Headline:
    """The figures to compare models by; `judged` must not be empty."""
    inside = [each for each in judged if each.inside]
    outside = [each for each in judged if not each.inside]
    seconds = sorted(each.seconds for each in judged)
    return Headline(
        count=len(judged),
        strict=mean(each.strict for each in judged),
        lenient=mean(each.lenient for each in judged),
        macro_f1=mean(each.f1 for each in by_intent(judged) if each.count),
        outside_recall=_share(sum(each.served == OUTSIDE for each in outside), len(outside)),
        inside_refused=_share(sum(each.served == OUTSIDE for each in inside), len(inside)),
        calibration_error=calibration_error(reliability(judged)),
        parse_p50_ms=1000 * median(seconds),
        parse_p99_ms=1000 * seconds[int(len(seconds) * 0.99)],
    )


@dataclass(frozen=True)
class MixUp:
    meant: str
    served: str
    judged: tuple[Judged, ...]


def mix_ups(judged: Iterable[Judged]) -> list[MixUp]:
    """Messages served by an intent that would not do, by the pair of intents, the most frequent first."""
    pairs: defaultdict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in judged:
        if not each.lenient:
            pairs[each.message.intent, each.served].append(each)
    found = [MixUp(*pair, tuple(sorted(members, key=_surest))) for pair, members in pairs.items()]
    return sorted(found, key=lambda pair: (-len(pair.judged), pair.meant, pair.served))


def misreadings(judged: Iterable[Judged]) -> list[Judged]:
    """Messages served by an intent that would not do, those the model was surest of first."""
    return sorted((each for each in judged if not each.lenient), key=_surest)


@dataclass(frozen=True)
class Point:
    """A model trained on some of the sentences, and what it makes of the messages."""

    sentences: int
    judged: Sequence[Judged]

    @property
    def strict(self) -> float:
        return mean(each.strict for each in self.judged)

    @property
    def lenient(self) -> float:
        return mean(each.lenient for each in self.judged)

    @property
    def interval(self) -> Interval:
        return wilson(sum(each.lenient for each in self.judged), len(self.judged))


@dataclass(frozen=True)
class Gain:
    """What more sentences brought on the same messages, leniently: won and lost messages, the share gained
    and the 95 % margin of error of that paired difference."""

    sentences: int
    won: int
    lost: int
    share: float
    margin: float


def gain(fewer: Point, more: Point) -> Gain:
    """Both points must have judged the same messages in the same order."""
    pairs = [(one.lenient, other.lenient) for one, other in zip(fewer.judged, more.judged, strict=True)]
    won, lost, total = pairs.count((False, True)), pairs.count((True, False)), len(pairs)
    margin = Z95 * sqrt(won + lost - (won - lost) ** 2 / total) / total
    return Gain(more.sentences - fewer.sentences, won, lost, (won - lost) / total, margin)


def _share(part: float, total: int) -> float:
    return part / total if total else 0.0


def _surest(judged: Judged) -> tuple[float, str]:
    return -judged.confidence, judged.message.text
