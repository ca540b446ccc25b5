"""Reports counted again, the slow and obvious way: a walk over each conversation's log."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from backoffice.conversations.models import Message, OwnershipChange, Rating, Reading
from backoffice.conversations.reports.episodes import Scope
from backoffice.conversations.reports.service import Figures, Report, Spread
from backoffice.kit.time import SHOP_ZONE

DAY = timedelta(hours=24)


@dataclass
class Episode:
    conversation: str
    began: datetime
    channel: str
    people: bool
    asked: datetime | None
    last_line: datetime
    standing: str = ""
    resolved: datetime | None = None
    replied: datetime | None = None
    replier: int | None = None
    agent: int | None = None
    waits: list[int] = field(default_factory=list)
    spells: list[tuple[int | None, datetime, datetime | None]] = field(default_factory=list)
    agents: set[int] = field(default_factory=set)
    intents: set[str] = field(default_factory=set)
    reasons: set[str] = field(default_factory=set)
    stars: list[int | None] = field(default_factory=list)

    def handling(self, agent: int | None = None) -> int | None:
        spells = [each for each in self.spells if agent is None or each[0] == agent]
        if not spells:
            return None
        return sum(max(0, between(start, end or self.last_line)) for _, start, end in spells)


def millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def between(start: datetime, end: datetime) -> int:
    """Milliseconds."""
    return (millisecond(end) - millisecond(start)) // timedelta(milliseconds=1)


def walk(conversation: str, rows: Iterable[Any]) -> list[Episode]:
    """The episodes of one conversation's rows."""
    kinds = (Message, OwnershipChange, Reading, Rating)
    rows = list(rows)
    lines = {row.event: row for row in rows if isinstance(row, Message)}

    def when(row: Any) -> Any:
        at = lines[row.asked_event].at if isinstance(row, Rating) else row.at
        number = getattr(row, "event", getattr(row, "asked_event", getattr(row, "id", 0)))
        return millisecond(at), kinds.index(type(row)), number, getattr(row, "intent", "")

    found: list[Episode] = []
    spoken: datetime | None = None
    owner, closed = "bot", False
    ordered = sorted(rows, key=when)
    changes = [row for row in ordered if isinstance(row, OwnershipChange)]
    for row in ordered:
        here = found[-1] if found else None
        if isinstance(row, Message):
            if (row.command or "").startswith("/rate"):
                continue
            silent = spoken is None or millisecond(row.at) - millisecond(spoken) >= DAY
            if row.author == "shopper":
                if silent or closed:
                    asked = None if owner == "bot" else row.at
                    here = Episode(conversation, row.at, row.channel, owner != "bot", asked, row.at)
                    found.append(here)
                closed = False
            spoken = row.at
            if here:
                here.last_line = row.at
                if row.author == "agent":
                    here.people = True
                    here.agent = row.staff_id
                    here.agents.add(row.staff_id)
                    if here.asked and not here.replied:
                        here.replied, here.replier = row.at, row.staff_id
        elif isinstance(row, OwnershipChange):
            follower = changes.index(row) + 1
            until = changes[follower].at if follower < len(changes) else None
            owner = row.to_owner
            if row.kind == "resolved":
                closed = True
            elif row.kind == "reopened":
                closed = False
            if here:
                move(here, row, until)
        elif here and isinstance(row, Reading):
            here.intents.add(row.intent)
        elif here:
            here.stars.append(row.stars)
    return found


def move(here: Episode, row: OwnershipChange, until: datetime | None) -> None:
    if row.from_owner != "bot" or row.to_owner != "bot":
        here.people = True
    if row.from_owner == "bot" and row.to_owner != "bot":
        here.reasons.add(row.reason)
    if row.from_owner == "bot" and row.to_owner == "queue":
        here.asked = here.asked or row.at
    if row.to_owner == "queue" and until:
        here.waits.append(between(row.at, until))
    if row.to_owner == "agent":
        here.agent = row.agent_id
        if row.agent_id is not None:
            here.agents.add(row.agent_id)
        if row.kind != "snoozed":
            here.spells.append((row.agent_id, row.at, until))
    if row.kind == "resolved":
        here.resolved, here.standing = row.at, row.kind
    if row.kind == "reopened":
        here.standing = row.kind


def spread(values: Iterable[int | None]) -> Spread:
    known = sorted(value for value in values if value is not None)
    if not known:
        return Spread(None, None)
    return Spread(*(known[ceil(part * len(known) / 100) - 1] / 1000 for part in (50, 90)))


def count(episodes: list[Episode], moment: datetime, agent: int | None = None) -> Figures:
    """The figures of a group, or what one agent did in it."""

    def ended(each: Episode) -> bool:
        return each.standing == "resolved" or millisecond(moment) - millisecond(each.last_line) >= DAY

    def settled(each: Episode) -> bool:
        return ended(each) and millisecond(moment) - millisecond(each.began) >= DAY

    last = [each for each in episodes if agent is None or each.agent == agent]
    first = [each for each in episodes if agent is None or each.replier == agent]
    stars = [star for each in last for star in each.stars]
    given = [star for star in stars if star is not None]
    done = [each for each in last if each.people and each.standing == "resolved"]
    return Figures(
        episodes=len(episodes),
        ended=sum(ended(each) for each in episodes),
        settled=sum(settled(each) for each in episodes),
        contained=sum(settled(each) and not each.people for each in episodes),
        with_people=sum(ended(each) and each.people for each in last),
        asked=sum(each.asked is not None for each in first),
        answered=sum(each.replied is not None for each in first),
        resolved=len(done),
        surveys=len(stars),
        rated=len(given),
        good=sum(star >= 4 for star in given),
        stars=sum(given),
        first_reply=spread(
            between(each.asked, each.replied) for each in first if each.asked and each.replied
        ),
        waiting=spread(sum(each.waits) if each.waits else None for each in first),
        handling=spread(each.handling(agent) for each in episodes),
        resolution=spread(between(each.began, each.resolved) for each in done if each.resolved),
    )


def recount(logs: dict[str, list[Any]], scope: Scope, moment: datetime) -> Report:
    found = [each for conversation, rows in logs.items() for each in walk(conversation, rows)]
    wanted = [
        each
        for each in found
        if scope.since <= millisecond(each.began) < scope.until
        and scope.channel in ("", each.channel)
        and (scope.agent_id is None or scope.agent_id in each.agents)
        and (not scope.intent or scope.intent in each.intents)
    ]

    def by(keys: Callable[[Episode], Iterable[Any]]) -> dict[Any, list[Episode]]:
        groups: dict[Any, list[Episode]] = defaultdict(list)
        for each in wanted:
            for key in keys(each):
                groups[key].append(each)
        return {key: groups[key] for key in sorted(groups)}

    def figures(keys: Callable[[Episode], Iterable[Any]]) -> dict[Any, Figures]:
        return {key: count(group, moment) for key, group in by(keys).items()}

    def local(each: Episode) -> datetime:
        return each.began.astimezone(SHOP_ZONE)

    def day(each: Episode) -> list[date]:
        return [local(each).date()]

    return Report(
        whole=count(wanted, moment),
        days=figures(day),
        hours=figures(lambda each: [local(each).hour]),
        channels=figures(lambda each: [each.channel]),
        agents={agent: count(group, moment, agent) for agent, group in by(lambda each: each.agents).items()},
        intents=figures(lambda each: each.intents),
        reasons=figures(lambda each: each.reasons),
    )
