"""Episodes, cut by walking through what happened in one conversation after the other.

It cuts where `episodes` cuts in SQL, which counts more of each episode and takes many times as long.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from backoffice.conversations.reports.episodes import CHANGE, LINE, READING, SILENCE, ms

SILENCE_MS = ms(SILENCE)


class Mark(NamedTuple):
    """A line (`what`: its author, `word`: its channel, `more`: milliseconds since the line before, None for
    the first), a change of owner (its kind, from whom, to whom) or a reading (the intent, the actions as a
    JSON list). `at` is in milliseconds since 1970.
    """

    at: int
    place: int
    number: int
    what: str
    word: str
    more: Any = None


@dataclass(slots=True)
class Episode:
    """`last_line` is the time of the last line; `read` and `did` are of the last reading, if there is one."""

    channel: str
    began: int
    last_line: int
    people: bool
    resolved: bool = False
    read: str | None = None
    did: str = ""

    def ended(self, moment: int) -> bool:
        return self.resolved or self.last_line <= moment - SILENCE_MS

    def settled(self, moment: int) -> bool:
        """It ended, and it is old enough to have ended by silence."""
        return self.ended(moment) and self.began <= moment - SILENCE_MS

    def contained(self, moment: int) -> bool:
        return self.settled(moment) and not self.people


def episodes(marks: Iterable[Mark]) -> Iterator[Episode]:
    """The episodes of one conversation, oldest first."""
    episode: Episode | None = None
    with_people = resolved = False
    for mark in sorted(marks, key=itemgetter(slice(5))):
        if mark.place == LINE:
            if mark.what == "shopper":
                if mark.more is None or mark.more >= SILENCE_MS or resolved:
                    if episode:
                        yield episode
                    episode = Episode(mark.word, mark.at, mark.at, people=with_people)
                resolved = False
            if episode:
                episode.last_line = mark.at
                episode.people |= mark.what == "agent"
        elif mark.place == CHANGE:
            with_people = mark.more != "bot"
            resolved = mark.what == "resolved" or (resolved and mark.what != "reopened")
            if episode:
                episode.people |= (mark.word, mark.more) != ("bot", "bot")
                if mark.what in ("resolved", "reopened"):
                    episode.resolved = mark.what == "resolved"
        elif mark.place == READING and episode:
            episode.read, episode.did = mark.what, mark.word
    if episode:
        yield episode
