"""What a new text of an article changes for shoppers, and which articles want an editor: pure rules."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from backoffice.knowledge.domain import Corpus, Entry

Stale = Literal["old", "unseen", "unhelpful"]
RECENT = timedelta(weeks=4)
OLD_AFTER = timedelta(days=180)
OFTEN = 20
"""Answers in the recent weeks from which an old text is worth reading again."""
UNSEEN_AFTER = timedelta(days=90)
ENOUGH_VOTES = 10
HELPFUL_SHARE = 0.5


@dataclass(frozen=True)
class Probe:
    """A question to try: asked `count` times in vain, or (0) written in the article `owner`."""

    text: str
    intent: str
    count: int = 0
    owner: str = ""


@dataclass(frozen=True)
class Shift:
    """A question whose answer is another one with the new text; None: nothing answers it."""

    probe: Probe
    before: Entry | None
    after: Entry | None


def probes_of(entries: Iterable[Entry]) -> Iterator[Probe]:
    """The questions written in articles, as asked with the intent that they serve first."""
    for entry in entries:
        for text in (entry.title, *entry.questions):
            yield Probe(text, next(iter(entry.intents), ""), owner=entry.slug)


def with_draft(known: Corpus, draft: Entry) -> Corpus:
    """The articles as they would be with this text published."""
    return Corpus([*(entry for entry in known.entries if entry.slug != draft.slug), draft])


def shifts(before: Corpus, after: Corpus, slug: str, probes: Iterable[Probe]) -> list[Shift]:
    """The questions that the article wins or loses between the two, those asked most first.

    A question is ranked among all articles only when this one is good enough for it in either.
    """
    was, becomes = before.place(slug), after.place(slug)
    found = []
    for probe in probes:
        asked = probe.text, probe.intent
        if (was is not None and before.best(*asked, only=was)) or after.best(*asked, only=becomes):
            one, other = before.best(*asked), after.best(*asked)
            if (one and one.slug) != (other and other.slug) and slug in (
                one and one.slug,
                other and other.slug,
            ):
                found.append(Shift(probe, one, other))
    return sorted(found, key=lambda each: -each.probe.count)


@dataclass(frozen=True)
class Use:
    """How an article is used: answers in the recent weeks, the week of the last one, and people's votes."""

    shown: int
    last_shown: date | None
    helpful: int
    unhelpful: int


def stale(use: Use, written: date, today: date) -> Sequence[Stale]:
    """Why a published text wants an editor.

    `old`: given often though nobody has touched it for half a year. `unseen`: it has answered nobody for
    three months. `unhelpful`: most of those who said whether it helped were not helped.
    """
    found: list[Stale] = []
    if use.shown >= OFTEN and today - written > OLD_AFTER:
        found.append("old")
    if today - max(use.last_shown or written, written) > UNSEEN_AFTER:
        found.append("unseen")
    votes = use.helpful + use.unhelpful
    if votes >= ENOUGH_VOTES and use.helpful < HELPFUL_SHARE * votes:
        found.append("unhelpful")
    return found


def monday(day: date) -> date:
    """The first day of the week that a day is in."""
    return day - timedelta(days=day.weekday())
