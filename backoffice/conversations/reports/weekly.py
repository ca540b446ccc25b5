"""What shoppers ask the bot for and how it fares, week by week; weeks begin on the shop's Monday.

Episodes, *settled* and *contained* are those of `service`. What is asked are messages that shoppers typed,
by the intent that the bot read; what they pressed is not among them. An episode *breaks off* when it ends in
silence, without people and without being resolved: after an answer that is well, after a question of the
bot's or a message that it did not understand it is not.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from backoffice.conversations.reports import weekly_repository as repository
from backoffice.conversations.reports.episodes import Scope, ms
from backoffice.conversations.reports.service import FIRST_DAY, check, share
from backoffice.conversations.reports.walk import Mark, episodes
from backoffice.kit.database import ReadSession
from backoffice.kit.time import SHOP_ZONE, now

FALLBACK = "nlu_fallback"
SILENT_ACTIONS = ("action_listen", "action_session_start")
WEEKS_BEFORE = 4
Ending = Literal["asking", "not_understood", "answered"]


@dataclass(frozen=True)
class Week:
    """Of one week: episodes that began in it, messages read in it, and those of them not understood."""

    episodes: int = 0
    with_people: int = 0
    settled: int = 0
    contained: int = 0
    read: int = 0
    not_understood: int = 0

    @property
    def containment(self) -> float | None:
        return share(self.contained, self.settled)

    @property
    def fallback_share(self) -> float | None:
        return share(self.not_understood, self.read)


@dataclass(frozen=True)
class Asked:
    """How often an intent was asked for in each week.

    `share`: of all that was asked in the last week, 0 to 1; `before`: the same of the four weeks before it,
    None when nothing was asked in them.
    """

    intent: str
    weeks: Mapping[date, int]
    share: float
    before: float | None

    @property
    def total(self) -> int:
        return sum(self.weeks.values())


@dataclass(frozen=True)
class BreakOff:
    """So many episodes ended after this; `action` is empty when the bot did nothing."""

    intent: str
    action: str
    ending: Ending
    episodes: int


@dataclass(frozen=True)
class Weekly:
    """Every week from the first to the last of the scope; intents asked most first; endings without an answer
    before the others, the most frequent first.
    """

    weeks: Mapping[date, Week]
    asked: Sequence[Asked]
    break_offs: Sequence[BreakOff]


async def weekly(session: ReadSession, scope: Scope, moment: datetime | None = None) -> Weekly:
    """The report of a scope as it stands at `moment` (now), of every agent and intent.

    Raises as `service.report` does.
    """
    check(scope)
    counts: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for row in await repository.asked(session, scope):
        counts[row.intent][monday(row.week)] += row.times
    told = await repository.marks(session, scope)
    return await asyncio.to_thread(counted, scope, counts, told, ms(moment or now()))


def counted(
    scope: Scope, counts: Mapping[str, Counter[date]], told: Mapping[str, Sequence[Mark]], moment: int
) -> Weekly:
    since, until = ms(scope.since), ms(scope.until)
    weeks = dict.fromkeys(weeks_of(scope), Week())
    sums: defaultdict[date, Counter[str]] = defaultdict(Counter)
    last: Counter[tuple[str, str]] = Counter()
    for marks in told.values():
        for episode in episodes(marks):
            if not since <= episode.began < until or scope.channel not in ("", episode.channel):
                continue
            sums[week_of(episode.began)].update(
                episodes=1,
                with_people=episode.ended(moment) and episode.people,
                settled=episode.settled(moment),
                contained=episode.contained(moment),
            )
            if episode.contained(moment) and not episode.resolved and episode.read is not None:
                last[episode.read, episode.did] += 1
    for week in weeks:
        read = sum(each[week] for each in counts.values())
        missed = counts[FALLBACK][week] if FALLBACK in counts else 0
        weeks[week] = Week(**sums[week], read=read, not_understood=missed)
    return Weekly(weeks, asked(counts, list(weeks)), break_offs(last))


def week_of(at: int) -> date:
    """The Monday of the shop's week that a time in milliseconds is in."""
    day = datetime.fromtimestamp(at / 1000, SHOP_ZONE).date()
    return day - timedelta(days=day.weekday())


def monday(week: int) -> date:
    """The Monday of a week counted from the first one of 1970."""
    return FIRST_DAY + timedelta(days=7 * week + repository.FIRST_MONDAY)


def weeks_of(scope: Scope) -> list[date]:
    """The Mondays of the weeks that a scope touches."""
    first, end = (moment.astimezone(SHOP_ZONE).date() for moment in scope[:2])
    first -= timedelta(days=first.weekday())
    return [first + timedelta(weeks=number) for number in range(((end - first).days + 6) // 7)]


def asked(counts: Mapping[str, Counter[date]], weeks: Sequence[date]) -> list[Asked]:
    """The intents, asked most first, with the trend of their share."""
    last, before = weeks[-1:], weeks[-1 - WEEKS_BEFORE : -1]

    def part(own: Counter[date], of: Sequence[date]) -> float | None:
        return share(
            sum(own[week] for week in of), sum(each[week] for each in counts.values() for week in of)
        )

    found = [
        Asked(intent, {week: own[week] for week in weeks}, part(own, last) or 0.0, part(own, before))
        for intent, own in counts.items()
        if own
    ]
    return sorted(found, key=lambda each: (-each.total, each.intent))


def break_offs(last: Mapping[tuple[str, str], int]) -> list[BreakOff]:
    """What was read and done last, those left without an answer first; `last` has actions as JSON lists."""
    found: Counter[tuple[str, str]] = Counter()
    for (intent, actions), times in last.items():
        did = [name for name in json.loads(actions or "[]") if name not in SILENT_ACTIONS]
        found[intent, did[-1] if did else ""] += times
    ends = [BreakOff(*pair, ending(*pair), times) for pair, times in found.most_common()]
    return sorted(ends, key=lambda each: each.ending == "answered")


def ending(intent: str, action: str) -> Ending:
    """How the bot left it: with a question of its own, without having understood, or with an answer."""
    if action.endswith("_form") or "_ask_" in action:
        return "asking"
    return "not_understood" if intent == FALLBACK else "answered"
