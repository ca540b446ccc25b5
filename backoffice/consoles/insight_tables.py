"""What the report of the bot's weeks tells, as figures and as tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from backoffice.consoles.reports import NO_VALUE, Wanted, percent
from backoffice.consoles.words import Words
from backoffice.conversations.reports import weekly as reports
from backoffice.conversations.reports.service import check
from backoffice.conversations.reports.weekly import Weekly
from backoffice.kit.database import ReadSession
from backoffice.kit.statistics import wilson
from backoffice.training.review import service as review
from backoffice.training.review.schemas import Confusion

Cell = str | int | None
Table = list[list[Cell]]


@dataclass(frozen=True)
class Judged:
    """Of a week: messages that people judged, and those of them that the bot read otherwise."""

    judged: int = 0
    misread: int = 0

    @property
    def rate(self) -> float | None:
        return self.misread / self.judged if self.judged else None


@dataclass(frozen=True)
class Insights:
    """`judged` by week and `confusions`, most frequent first, are of all channels."""

    weekly: Weekly
    judged: dict[date, Judged]
    confusions: Sequence[Confusion]


def scope_of(asked: Wanted) -> Wanted:
    """Whole weeks: from the Monday of the first day on."""
    return Wanted(asked.since - timedelta(days=asked.since.weekday()), asked.until, asked.channel)


async def insights(session: ReadSession, asked: Wanted) -> Insights:
    """Raises `Invalid` as the report of a scope does."""
    check(asked.scope)
    weekly = await reports.weekly(session, asked.scope)
    found = await review.misread(session, asked.since, asked.until + timedelta(days=1))
    judged = dict.fromkeys(weekly.weeks, Judged())
    for day in found.days:
        week = day.day - timedelta(days=day.day.weekday())
        before = judged.get(week, Judged())
        judged[week] = Judged(before.judged + day.judged, before.misread + day.misread)
    return Insights(weekly, judged, found.confusions)


def weeks(words: Words, found: Insights) -> Table:
    names = (
        "week",
        "episodes",
        "with_people",
        "containment",
        "read",
        "fallback",
        "judged",
        "misread",
        "low",
        "high",
    )
    rows: Table = [[words(f"insights.column.{name}") for name in names]]
    for week, each in found.weekly.weeks.items():
        seen = found.judged[week]
        low, high = wilson(seen.misread, seen.judged) if seen.judged else (None, None)
        shares = [percent(share) for share in (seen.rate, low, high)]
        rows.append(
            [
                f"{week}",
                each.episodes,
                each.with_people,
                percent(each.containment),
                each.read,
                percent(each.fallback_share),
                seen.judged,
                *shares,
            ]
        )
    return rows


def asked(words: Words, found: Insights) -> Table:
    column = words("insights.column.intent")
    titles = [words("insights.column.total"), words("insights.column.share"), words("insights.column.trend")]
    rows: Table = [[column, *(f"{week:%m-%d}" for week in found.weekly.weeks), *titles]]
    for each in found.weekly.asked:
        name = words.known("intent", each.intent)
        rows.append([name, *each.weeks.values(), each.total, percent(each.share), trend(words, each)])
    return rows


def trend(words: Words, each: reports.Asked) -> str:
    """How the share of the last week stands to the one before, in points."""
    if each.before is None:
        return NO_VALUE
    points = round(100 * (each.share - each.before))
    way = "up" if points > 0 else "down" if points < 0 else "same"
    return words(f"insights.{way}", points=abs(points))


def confusions(words: Words, found: Insights) -> Table:
    rows: Table = [[words(f"insights.column.{name}") for name in ("read_as", "meant", "count")]]
    for each in found.confusions:
        rows.append([words.known("intent", each.read_as), words.known("intent", each.meant), each.count])
    return rows


def break_offs(words: Words, found: Insights) -> Table:
    names = ("last_intent", "last_action", "ending", "episodes")
    rows: Table = [[words(f"insights.column.{name}") for name in names]]
    for each in found.weekly.break_offs:
        said = words(f"insights.ending.{each.ending}")
        rows.append([words.known("intent", each.intent), each.action or NO_VALUE, said, each.episodes])
    return rows


TABLES: dict[str, Callable[[Words, Insights], Table]] = {
    "weeks": weeks,
    "asked": asked,
    "confusions": confusions,
    "break_offs": break_offs,
}
