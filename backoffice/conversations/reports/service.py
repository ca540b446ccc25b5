"""How well shoppers were served in a period, by the bot and by people.

What is counted is the **episode**: it begins with a shopper's line that is the first of its conversation, or
follows on `resolved`, or on 24 hours in which nobody said anything; it ends with `resolved`, or with 24 hours
of silence. An episode belongs to the moment and the channel in which it began. What a shopper says to rate it
is not a line.

- *with people*: the queue or an agent had it, or an agent said something.
- *settled*: it ended and began at least 24 hours ago. People end an episode at once, silence ends one a day
  later: among younger ones those of the bot would be missing. *contained*: it settled without people.
- *first reply*: from the handover to the queue (where people had the conversation from before: from the first
  line) to the first line of an agent after it.
- *waiting*: all its time in the queue that is over.
- *handling*: all the time that agents had it who got it in the episode, without what was snoozed; who never
  gave it back had it to the last line.
- *resolution*: from the first line to the last `resolved`, of episodes with people that were not reopened.
- *surveys*: how often it was asked how it was; *good*: 4 or 5 stars.
"""

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from backoffice.conversations.reports import repository
from backoffice.conversations.reports.episodes import Scope
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import Invalid
from backoffice.kit.masking import mask_name, mask_phone
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.staff import service as staff
from backoffice.users import service as users

LONGEST = timedelta(days=366)
FIRST_DAY = date(1970, 1, 1)
FORMULA = re.compile(r"[\t\r\n]|\s*[=+@＝＋－＠-]")
COLUMNS = (
    "began",
    "conversation",
    "channel",
    "customer",
    "intents",
    "reasons",
    "agents",
    "contained",
    "first_reply",
    "waiting",
    "handling",
    "resolution",
    "stars",
)

__all__ = ["COLUMNS", "Figures", "Report", "Scope", "Spread", "export", "report"]


class Spread(NamedTuple):
    """Half of the episodes took at most `p50` seconds, nine of ten at most `p90`; None: none has ended."""

    p50: float | None
    p90: float | None


@dataclass(frozen=True)
class Figures:
    """Of a group of episodes. Counts; `stars` is their sum; shares are 0 to 1, None where nothing counts."""

    episodes: int
    ended: int
    settled: int
    contained: int
    with_people: int
    asked: int
    answered: int
    resolved: int
    surveys: int
    rated: int
    good: int
    stars: int
    first_reply: Spread
    waiting: Spread
    handling: Spread
    resolution: Spread

    @property
    def containment(self) -> float | None:
        """Of the settled episodes, those without people."""
        return share(self.contained, self.settled)

    @property
    def resolution_rate(self) -> float | None:
        """Of the episodes with people that ended, those that were resolved and not left in silence."""
        return share(self.resolved, self.with_people)

    @property
    def mean_stars(self) -> float | None:
        return share(self.stars, self.rated)

    @property
    def satisfaction(self) -> float | None:
        """Of the ratings, those with 4 or 5 stars."""
        return share(self.good, self.rated)

    @property
    def answer_rate(self) -> float | None:
        """Of the times it was asked how it was, those that were answered."""
        return share(self.rated, self.surveys)


@dataclass(frozen=True)
class Report:
    """All of a scope, and by group; `agents` by id of staff, an episode in as many groups as it touched."""

    whole: Figures
    days: dict[date, Figures]
    hours: dict[int, Figures]
    channels: dict[str, Figures]
    agents: dict[int, Figures]
    intents: dict[str, Figures]
    reasons: dict[str, Figures]


async def report(session: ReadSession, scope: Scope, moment: datetime | None = None) -> Report:
    """The figures of a scope as they stand at `moment` (now).

    Raises `Invalid` (`period_upside_down`, `period_too_long`: more than 366 days).
    """
    check(scope)
    groups: dict[str, dict[str, Figures]] = {}
    for row in await repository.figures(session, scope, moment or now()):
        groups.setdefault(row["kind"], {})[row["key"]] = figures(row)

    def numbered(kind: str) -> dict[int, Figures]:
        return dict(sorted((int(key), each) for key, each in groups.get(kind, {}).items()))

    def named(kind: str) -> dict[str, Figures]:
        return dict(sorted(groups.get(kind, {}).items()))

    return Report(
        whole=groups.get("all", {}).get("", NOTHING),
        days={FIRST_DAY + timedelta(days): each for days, each in numbered("day").items()},
        hours=numbered("hour"),
        channels=named("channel"),
        agents=numbered("agent"),
        intents=named("intent"),
        reasons=named("reason"),
    )


def check(scope: Scope) -> None:
    if scope.since >= scope.until:
        raise Invalid("period_upside_down", "a period begins before it ends")
    if scope.until - scope.since > LONGEST:
        raise Invalid("period_too_long", f"at most {LONGEST.days} days")


def figures(row: Mapping[str, Any]) -> Figures:
    counts: dict[str, Any] = {name: int(row[name]) for name in ("episodes", "stars", *repository.COUNTS)}
    spreads: dict[str, Any] = {
        name: Spread(seconds(row[f"{name}_p50"]), seconds(row[f"{name}_p90"])) for name in repository.MEASURES
    }
    return Figures(**counts, **spreads)


def seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


NOTHING = figures(
    dict.fromkeys(("episodes", "stars", *repository.COUNTS), 0)
    | {f"{name}_p{part}": None for name in repository.MEASURES for part in (50, 90)}
)


async def export(
    session: ReadSession, scope: Scope, title: Callable[[str], str], moment: datetime | None = None
) -> AsyncIterator[str]:
    """The episodes as CSV for a spreadsheet, oldest first, in portions; `title` names each of `COLUMNS`.

    Times are the shop's, durations seconds. Customers are masked, nothing that was said is told, and no cell
    is taken for a formula. Raises as `report` does.
    """
    check(scope)
    yield "\ufeff" + lines([[title(column) for column in COLUMNS]])
    async for rows in repository.listed(session, scope, moment or now()):
        ids = [row["customer_id"] for row in rows if row["customer_id"] is not None]
        agents = {int(each) for row in rows for each in words(row["agents"])}
        customers = await users.customers(session, ids)
        names = await staff.members(session, sorted(agents))
        masked = {key: f"{mask_name(who.name)} {mask_phone(who.phone)}" for key, who in customers.items()}
        yield lines(
            [
                f"{datetime.fromtimestamp(row['began'] / 1000, SHOP_ZONE):%Y-%m-%d %H:%M:%S}",
                row["conversation_id"],
                row["channel"],
                masked.get(row["customer_id"], ""),
                " ".join(words(row["intents"])),
                " ".join(words(row["reasons"])),
                " ".join(names[int(each)].name for each in words(row["agents"])),
                row["contained"],
                *(seconds(row[name]) for name in repository.MEASURES),
                share(row["stars"], row["rated"]),
            ]
            for row in rows
        )


def words(joined: str | None) -> list[str]:
    return sorted(joined.split(",")) if joined else []


def lines(rows: Sequence[Sequence[object]] | Any) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([harmless(cell) for cell in row] for row in rows)
    return written.getvalue()


def harmless(cell: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
