"""Which articles answer a question, and which questions are alike: a pure ranking."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from math import log
from pathlib import Path

import yaml

GOOD_ENOUGH = 35
"""The score from which an article answers. Of the questions of tests/backoffice/knowledge/questions.yml that
an article answers, most reach it with the right one; of those that none answers, few do."""
GOOD_ENOUGH_EXPECTED = 28
"""The same for an article of the understood intent."""
INTENT_BONUS = 20
"""How much nearer an article of the understood intent stands than others. It only ranks."""
ALIKE = 60
"""The likeness, 0 to 100, from which two questions count as one."""

SATURATION = 0.5
LENGTH_PENALTY = 0.3
ANSWER_WEIGHT = 0.6
ASKED_SHARE = 0.6
ENOUGH_ASKED = 60.0
"""What a message of some twelve characters asks; what a longer one tells besides counts for nothing."""


@dataclass(frozen=True)
class Entry:
    slug: str
    title: str
    answer: str
    intents: tuple[str, ...]
    questions: tuple[str, ...]

    def is_general_for(self, intent: str) -> bool:
        """Whether this is the intent's own article, for questions that no other fits."""
        return self.slug == intent.replace("_", "-")


@dataclass(frozen=True)
class Words:
    """What shoppers call one thing by several names, and what asks for nothing."""

    same: dict[str, str]
    synonyms: re.Pattern[str]
    fillers: re.Pattern[str]


@cache
def words() -> Words:
    loaded = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf8"))
    same = {word: name for name, others in loaded["same"].items() for word in (name, *others)}
    lead, anywhere, tail = (any_of(loaded[place]) for place in ("lead", "fillers", "tail"))
    return Words(same, re.compile(any_of(same)), re.compile(f"^(?:{lead})+|{anywhere}|(?:{tail})+$"))


def any_of(words: Iterable[str]) -> str:
    """A pattern of the longest of the words that stands at a place."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def plain(text: str) -> str:
    """Lower case, one word for each thing, without punctuation and words that ask for nothing."""
    text = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())
    known = words()
    asked = known.fillers.sub("", text)
    return known.synonyms.sub(lambda found: known.same[found[0]], asked) or text


def grams(text: str) -> Counter[str]:
    """Each character and each pair of neighbours. Words of a dictionary and pinyin beside them were measured:
    they find nothing more, as pairs survive most typos.
    """
    return Counter([*text, *(text[i : i + 2] for i in range(len(text) - 1))])


@dataclass(frozen=True)
class Ranked:
    """`score`: 0 to 100, how well it answers, whatever the intent. `expected`: it serves the intent."""

    entry: Entry
    score: int
    expected: bool

    @property
    def fits(self) -> bool:
        return self.score >= (GOOD_ENOUGH_EXPECTED if self.expected else GOOD_ENOUGH)


class Corpus:
    """Every article, indexed by the characters and pairs of its questions and its answer."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        asked = [[grams(plain(each)) for each in (e.title, *e.questions)] for e in self.entries]
        answers = [grams(plain(e.answer)) for e in self.entries]
        titles = [sum(variants, Counter()) for variants in asked]
        self._holding = Counter(gram for title in titles for gram in title)
        self._weight = {gram: self._rarity(count) for gram, count in self._holding.items()}
        self._variants = [(place, self.worth(one)) for place, each in enumerate(asked) for one in each]
        asking: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for number, (place, one) in enumerate(
            (place, one) for place, each in enumerate(asked) for one in each
        ):
            for gram in one:
                asking[gram, place].append(number)
        self._postings: defaultdict[str, dict[int, tuple[float, list[int]]]] = defaultdict(dict)
        for place, counts in enumerate(fielded(titles, answers)):
            for gram, count in counts.items():
                self._postings[gram][place] = count / (count + SATURATION), asking[gram, place]

    def _rarity(self, count: int) -> float:
        """Inverse document frequency over the articles' questions, never negative."""
        return log(1 + (len(self.entries) - count + 0.5) / (count + 0.5))

    def worth(self, held: Iterable[str]) -> float:
        """How telling a set of grams is, all together."""
        unseen = self._rarity(0)
        return sum(self._weight.get(gram, unseen) for gram in held)

    def scores(self, q: str, only: int | None = None) -> dict[int, float]:
        """How well each article (or `only` the one at this place) that shares anything answers `q`, 0 to 1.

        Half is BM25F over questions and answer, as a share of the most it could be (Robertson & Zaragoza,
        "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, 3.5); half is the question variant
        that is most alike, by Tversky's index over weighted grams ("Features of Similarity", 1977).
        """
        asked = set(grams(plain(q)))
        whole = min(self.worth(asked), ENOUGH_ASKED)
        ranking: defaultdict[int, float] = defaultdict(float)
        shared: defaultdict[int, float] = defaultdict(float)
        for gram in asked:
            weight = self._weight.get(gram, self._rarity(0))
            holding = self._postings.get(gram, {})
            for place in holding if only is None else holding.keys() & {only}:
                part, variants = holding[place]
                ranking[place] += weight * part
                for number in variants:
                    shared[number] += weight
        nearest: defaultdict[int, float] = defaultdict(float)
        for number, held in shared.items():
            place, own = self._variants[number]
            alike = held / (ASKED_SHARE * whole + (1 - ASKED_SHARE) * own)
            nearest[place] = max(nearest[place], alike)
        return {place: 0.5 * part / whole + 0.5 * nearest[place] for place, part in ranking.items()}

    def rank(self, q: str, intent: str, limit: int, only: int | None = None) -> list[Ranked]:
        """The articles nearest to `q`, best first, those of `intent` a good deal nearer than others."""
        found = [
            Ranked(self.entries[place], round(100 * score), intent in self.entries[place].intents)
            for place, score in self.scores(q, only).items()
        ]
        found.sort(key=lambda each: (-each.score - INTENT_BONUS * each.expected, each.entry.slug))
        return found[:limit]

    def best(self, q: str, intent: str, only: int | None = None) -> Entry | None:
        """The article that answers `q`, if one does; with `only`, if the one at this place would."""
        return next((each.entry for each in self.rank(q, intent, 2, only) if each.fits), None)

    def place(self, slug: str) -> int | None:
        return next((place for place, entry in enumerate(self.entries) if entry.slug == slug), None)

    def general(self, intent: str) -> Entry | None:
        """The intent's own article."""
        return next((entry for entry in self.entries if entry.is_general_for(intent)), None)


def fielded(titles: Sequence[Counter[str]], answers: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """Each article's counts over its two fields, weighted, a long field counting less per gram."""
    counts: list[dict[str, float]] = [defaultdict(float) for _ in titles]
    for field, weight in ((titles, 1.0), (answers, ANSWER_WEIGHT)):
        lengths = [each.total() for each in field]
        usual = sum(lengths) / max(len(lengths), 1) or 1
        for kept, grams_of, length in zip(counts, field, lengths, strict=True):
            factor = weight / (1 - LENGTH_PENALTY + LENGTH_PENALTY * length / usual)
            for gram, count in grams_of.items():
                kept[gram] += factor * count
    return counts


@dataclass(frozen=True)
class Asked:
    """A question that went unanswered: how often nothing was found, how often the answer did not help."""

    text: str
    missed: int
    unhelpful: int


@dataclass(frozen=True)
class Group:
    """Questions that are alike: the one asked most, and all of them with their sums."""

    text: str
    missed: int
    unhelpful: int
    others: tuple[str, ...] = ()


def group(asked: Sequence[Asked]) -> list[Group]:
    """Put questions that are alike together, the most asked group first."""
    groups: list[Group] = []
    sizes: list[int] = []
    holding: defaultdict[str, list[int]] = defaultdict(list)
    for each in sorted(asked, key=lambda each: (-each.missed - each.unhelpful, each.text)):
        core = grams(plain(each.text)).keys()
        shared = Counter(chain.from_iterable(holding[gram] for gram in core))
        alike = [place for place, both in shared.items() if likeness(both, sizes[place], len(core)) >= ALIKE]
        if alike:
            held = groups[min(alike)]
            groups[min(alike)] = replace(
                held,
                missed=held.missed + each.missed,
                unhelpful=held.unhelpful + each.unhelpful,
                others=(*held.others, each.text),
            )
        else:
            for gram in core:
                holding[gram].append(len(groups))
            groups.append(Group(each.text, each.missed, each.unhelpful))
            sizes.append(len(core))
    return sorted(groups, key=lambda held: -held.missed - held.unhelpful)


def likeness(shared: int, one: int, other: int) -> float:
    """How alike two sentences are, 0 to 100, by how many of their grams they share (Dice)."""
    return 200 * shared / (one + other)
