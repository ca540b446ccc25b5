"""Which articles answer a question: a pure ranking."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from rapidfuzz import fuzz

GOOD_ENOUGH = 55
GENERAL = 22
"""What the general article of an intent has at least: others of it must be nearer to the question."""
INTENT_BONUS = 60
"""What an article of the understood intent has before its words are compared."""

FILLERS = re.compile(r"请问一?下?|你好|您好|亲|麻烦|一下|[吗呢啊呀吧嘛哦]+$|^(?:那个?|就是)")


@dataclass(frozen=True)
class Entry:
    slug: str
    title: str
    answer: str
    intents: tuple[str, ...]
    questions: tuple[str, ...]


def plain(text: str) -> str:
    """Lower case, without punctuation and words that ask for nothing."""
    text = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())
    return FILLERS.sub("", text) or text


def likeness(question: str, asked: str) -> float:
    """How alike two plain sentences are, 0 to 100, by characters and by pairs of them."""
    pairs, wanted = bigrams(question), bigrams(asked)
    shared = 2 * len(pairs & wanted) / (len(pairs) + len(wanted)) if pairs and wanted else 0
    held = len(pairs & wanted) / min(len(pairs), len(wanted)) if pairs and wanted else 0
    return 0.4 * fuzz.ratio(question, asked) + 60 * (0.5 * shared + 0.5 * held)


def bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


@dataclass(frozen=True)
class Ranked:
    entry: Entry
    score: int


class Corpus:
    """Every article, with how telling each character and each pair of characters is."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._questions = [[plain(each) for each in (e.title, *e.questions)] for e in self.entries]
        self._held = [
            grams(" ".join((*q, e.answer))) for q, e in zip(self._questions, self.entries, strict=True)
        ]
        found = Counter(gram for held in self._held for gram in held)
        self._weight = {gram: log(len(self.entries) / count) for gram, count in found.items()}

    def told(self, asked: str, held: set[str]) -> float:
        """How much of what is telling in a question an article holds, 0 to 100."""
        weights = {gram: self._weight.get(gram, 0.0) for gram in grams(asked)}
        whole = sum(weights.values())
        return 100 * sum(weights[gram] for gram in weights if gram in held) / whole if whole else 0

    def rank(self, q: str, intent: str, limit: int) -> list[Ranked]:
        """The articles that answer `q`, best first.

        Those of `intent` come before all others, in the order of their nearness; the others must be alike
        enough.
        """
        asked = plain(q)
        ranked: list[tuple[bool, float, Entry]] = []
        for entry, questions, held in zip(self.entries, self._questions, self._held, strict=True):
            alike = max(likeness(each, asked) for each in questions)
            if intent in entry.intents:
                near = 0.5 * alike + 0.5 * self.told(asked, held)
                if entry.slug == intent.replace("_", "-"):
                    near = min(max(near, GENERAL) + 3, 100)
                ranked.append((True, INTENT_BONUS + near * (100 - INTENT_BONUS) / 100, entry))
            elif asked and alike >= GOOD_ENOUGH:
                ranked.append((False, alike, entry))
        ranked.sort(key=lambda each: (-each[0], -each[1], each[2].slug))
        return [Ranked(entry, round(score)) for _, score, entry in ranked[:limit]]


def grams(text: str) -> set[str]:
    return set(text) | bigrams(text)
