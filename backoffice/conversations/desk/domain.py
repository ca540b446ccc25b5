"""Rules of the desk: who should take what, when people are here, how long a shopper waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple, Self

from backoffice.kit.time import SHOP_ZONE

DAY = 24 * 60
PRIORITY_OF = {"upset": 1, "complaint": 1, "risk_hold": 1}
SKILL_OF = {"upset": "complaint", "complaint": "complaint", "risk_hold": "order"}
HANDLING_BY_DEFAULT = timedelta(minutes=4)
LONGEST_HANDLING = timedelta(minutes=30)


@dataclass(frozen=True)
class Hours:
    """When people are here, in minutes of the shop's day; past midnight when `closes` is before `opens`."""

    opens: int = 0
    closes: int = DAY

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "09:00-22:00". Raises `ValueError`."""
        opens, _, closes = text.partition("-")
        return cls(minutes(opens), minutes(closes))

    def open_at(self, moment: datetime) -> bool:
        local = moment.astimezone(SHOP_ZONE)
        minute = local.hour * 60 + local.minute
        if self.opens < self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes

    def open_through(self, since: datetime, until: datetime) -> bool:
        """Whether people are here all the time between two moments less than a day apart."""
        if not (self.open_at(since) and self.open_at(until)):
            return False
        return (self.opens == 0 and self.closes == DAY) or self.next_opening(since) > until

    def next_opening(self, moment: datetime) -> datetime:
        """The first opening after `moment`."""
        midnight = moment.astimezone(SHOP_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        opening = midnight + timedelta(minutes=self.opens)
        return opening if opening > moment else opening + timedelta(days=1)


ALWAYS = Hours()


def minutes(clock: str) -> int:
    """Of "09:30", since midnight; "24:00" is the end of the day. Raises `ValueError`."""
    hour, _, minute = clock.strip().partition(":")
    found = int(hour) * 60 + int(minute)
    if not (0 <= int(minute) < 60 and 0 <= found <= DAY):
        raise ValueError(f"no time of day: {clock!r}")
    return found


class Held(NamedTuple):
    """A conversation's row while this transaction keeps it from others."""

    id: str
    channel: str
    sender: str
    answer_channel: str
    answer_sender: str
    pushed: bool
    customer_id: int | None
    owner: str
    agent_id: int | None
    status: str
    priority: int
    skill: str
    turn_id: str | None
    merged_into: str | None
    snoozed_until: datetime | None
    queued_at: datetime | None
    escalated_at: datetime | None
    waiting_since: datetime | None
    last_event: int


@dataclass(frozen=True)
class InQueue:
    """A conversation that waits: `last_agent` had it before, `anybody` may take it whatever its skill."""

    id: str
    skill: str = ""
    last_agent: int | None = None
    anybody: bool = False


@dataclass(frozen=True)
class Agent:
    """Somebody who is present."""

    id: int
    load: int
    capacity: int
    skills: Sequence[str] = ()


def candidates(waiting: InQueue, agents: Sequence[Agent]) -> list[int]:
    """Who may take it, best first: who had it last, then the least loaded; nobody full or unskilled."""
    able = [
        agent
        for agent in agents
        if agent.load < agent.capacity
        and (not waiting.skill or waiting.anybody or waiting.skill in agent.skills)
    ]
    return [
        agent.id
        for agent in sorted(able, key=lambda agent: (agent.id != waiting.last_agent, agent.load, agent.id))
    ]


def expected_minutes(ahead: int, handled: Sequence[timedelta], agents: int) -> int | None:
    """How long `ahead` conversations take that many agents, a minute at least; None without any agent.

    `handled`: how long earlier ones took; without them four minutes each are assumed.
    """
    if not agents:
        return None
    times = [min(max(each, timedelta(0)), LONGEST_HANDLING) for each in handled] or [HANDLING_BY_DEFAULT]
    mean = sum(times, timedelta(0)) / len(times)
    return max(ceil(ahead * mean / agents / timedelta(minutes=1)), 1)
