"""Reports: the SQL counts what a walk over the logs counts; figures by hand; a file that is safe to open."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, insert

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Rating, Reading
from backoffice.conversations.reports import service as reports
from backoffice.conversations.reports.episodes import Scope
from backoffice.kit.database import Base, Database
from backoffice.kit.errors import Invalid
from backoffice.kit.time import SHOP_ZONE
from backoffice.staff.models import StaffMember
from backoffice.users.models import Customer
from tests.backoffice.conversations.reports.recount import recount

MONDAY = datetime(2026, 3, 2, tzinfo=SHOP_ZONE).astimezone(UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEK = Scope(MONDAY, MONDAY + 7 * DAY)
TABLES = (Rating, Reading, OwnershipChange, Message, Conversation)
NEXT_ID = count(1)
AGENTS = (1, 2)
OWNERS = ("bot", "queue", "agent")
KINDS = (
    "handed_over",
    "claimed",
    "taken_over",
    "given_back",
    "requeued",
    "snoozed",
    "woken",
    "resolved",
    "reopened",
)


@dataclass
class Log:
    """What happened in one conversation; each step comes some time after the one before."""

    id: str = "c1"
    at: datetime = MONDAY + 10 * HOUR
    channel: str = "web"
    customer_id: int | None = None
    owner: str = "bot"
    rows: list[Base] = field(default_factory=list)
    events: int = 0

    def wait(self, gap: timedelta) -> "Log":
        self.at += gap
        return self

    def line(self, author: str, staff_id: int | None = None, command: str | None = None) -> "Log":
        self.events += 1
        self.rows.append(
            Message(
                conversation_id=self.id,
                event=self.events,
                author=author,
                channel=self.channel,
                text="…",
                command=command,
                staff_id=staff_id,
                turn_id=None,
                buttons=[],
                at=self.at,
            )
        )
        return self

    def change(self, kind: str, to: str, agent_id: int | None = None, reason: str = "") -> "Log":
        self.rows.append(
            OwnershipChange(
                id=next(NEXT_ID),
                conversation_id=self.id,
                kind=kind,
                reason=reason,
                from_owner=self.owner,
                to_owner=to,
                agent_id=agent_id,
                note="",
                at=self.at,
            )
        )
        self.owner = to
        return self

    def read(self, intent: str, actions: Sequence[str] = ()) -> "Log":
        """The last line."""
        turn = f"turn{next(NEXT_ID)}"
        last = next((row for row in reversed(self.rows) if isinstance(row, Message)), None)
        if last:
            last.turn_id = turn
        self.rows.append(
            Reading(
                turn_id=turn,
                conversation_id=self.id,
                intent=intent,
                confidence=0.9,
                ranking=[],
                actions=list(actions),
                at=self.at,
            )
        )
        return self

    def ask(self, agent_id: int | None, stars: int | None) -> "Log":
        """A line that asks how it was, and the answer."""
        self.line("system")
        self.rows.append(
            Rating(
                id=next(NEXT_ID),
                conversation_id=self.id,
                asked_event=self.events,
                agent_id=agent_id,
                stars=stars,
                comment="",
                at=self.at,
            )
        )
        return self

    @property
    def conversation(self) -> dict[str, Any]:
        times = [row.at for row in self.rows if isinstance(row, Message)] or [self.at]
        return {
            "id": self.id,
            "channel": self.channel,
            "sender": self.id,
            "answer_channel": self.channel,
            "answer_sender": self.id,
            "customer_id": self.customer_id,
            "opened_at": min(times),
            "updated_at": max(times),
        }


async def keep(database: Database, *logs: Log) -> None:
    """Nothing but these logs."""
    async with database.write() as session:
        for table in TABLES:
            await session.execute(delete(table))
        for log in logs:
            await session.execute(insert(Conversation).values(log.conversation))
        await session.flush()
        for table in reversed(TABLES[:-1]):
            rows = [row for log in logs for row in log.rows if isinstance(row, table)]
            values = [
                {key: value for key, value in vars(row).items() if not key.startswith("_")} for row in rows
            ]
            if values:
                await session.execute(insert(table), values)


async def told(
    database: Database, scope: Scope = WEEK, moment: datetime = MONDAY + 30 * DAY
) -> reports.Report:
    async with database.read() as session:
        return await reports.report(session, scope, moment)


@pytest.fixture
async def staffed(database: Database) -> Database:
    async with database.write() as session:
        for staff_id in AGENTS:
            session.add(
                StaffMember(
                    id=staff_id,
                    login=f"agent{staff_id}",
                    name=f"=客服{staff_id}",
                    role="agent",
                    password_hash="",
                )
            )
        session.add(Customer(id=1, phone="15400000001", name="林晓"))
    return database


GAPS = (
    timedelta(0),
    timedelta(microseconds=900),
    MINUTE,
    7 * MINUTE,
    HOUR,
    DAY - timedelta(milliseconds=1),
    DAY,
)
COMMON = (1, 1, 8, 8, 4, 2, 3)
STEPS = {"shopper": 5, "bot": 3, "agent": 3, "system": 1, "change": 6, "read": 2, "ask": 1, "rate": 1}


def anything(number: int, chance: Random) -> Log:
    """A conversation in which whatever can be on record happens in any order, in a channel of its own."""
    log = Log(f"c{number}", channel=f"channel{number}", at=MONDAY + chance.randint(0, 72) * HOUR)
    for what in chance.choices(list(STEPS), list(STEPS.values()), k=chance.randint(3, 40)):
        log.wait(chance.choices(GAPS, COMMON)[0])
        agent = chance.choice(AGENTS)
        if what == "change":
            kind = chance.choice(KINDS)
            to = "bot" if kind == "resolved" else chance.choice(OWNERS)
            log.change(kind, to, agent if to == "agent" else None, chance.choice(["asked", "upset"]))
        elif what == "read":
            log.read(chance.choice(["greet", "ask_return"]))
        elif what == "ask":
            log.ask(agent, chance.choice([None, 1, 3, 4, 5]))
        elif what == "rate":
            log.line("shopper", command='/rate{"event":1,"stars":5}')
        else:
            log.line(what, agent if what == "agent" else None)
    return log


@pytest.mark.parametrize("number", range(4))
async def test_sql_counts_what_a_walk_counts(staffed: Database, number: int) -> None:
    chance = Random(number)
    logs = [anything(place, chance) for place in range(60)]
    await keep(staffed, *logs)
    rows = {log.id: log.rows for log in logs}
    for channel, agent, intent in [
        ("", None, ""),
        ("", 1, ""),
        ("", None, "greet"),
        ("channel7", 2, "greet"),
    ]:
        since = MONDAY + chance.randint(0, 100) * HOUR
        scope = Scope(since, since + chance.randint(1, 12) * DAY, channel, agent, intent)
        moment = since + chance.randint(24, 300) * HOUR
        assert await told(staffed, scope, moment) == recount(rows, scope, moment)


async def test_an_episode_of_the_bot_is_contained_once_it_ended(staffed: Database) -> None:
    log = Log().line("shopper").read("greet").wait(MINUTE).line("bot")
    await keep(staffed, log)
    whole = (await told(staffed, moment=log.at + DAY - timedelta(milliseconds=1))).whole
    assert (whole.episodes, whole.ended, whole.containment) == (1, 0, None)
    whole = (await told(staffed, moment=log.at + DAY)).whole
    assert (whole.episodes, whole.ended, whole.containment) == (1, 1, 1.0)


async def test_containment_is_told_of_episodes_old_enough_to_end_by_silence(staffed: Database) -> None:
    bots = Log("c1").line("shopper").line("bot")
    peoples = Log("c2").line("shopper").change("handed_over", "queue").change("claimed", "agent", 1)
    peoples.wait(MINUTE).change("resolved", "bot")
    await keep(staffed, bots, peoples)
    whole = (await told(staffed, moment=bots.at + 23 * HOUR)).whole
    assert (whole.ended, whole.containment) == (1, None)
    whole = (await told(staffed, moment=bots.at + DAY)).whole
    assert (whole.ended, whole.containment) == (2, 0.5)


async def test_a_day_of_silence_or_a_resolution_begins_another_episode(staffed: Database) -> None:
    silent = Log("c1").line("shopper").wait(DAY).line("shopper").wait(DAY - MINUTE).line("shopper")
    resolved = Log("c2").line("shopper").change("resolved", "bot").wait(MINUTE).line("shopper")
    await keep(staffed, silent, resolved)
    assert (await told(staffed)).whole.episodes == 4


async def test_a_rating_begins_nothing(staffed: Database) -> None:
    log = Log().line("shopper").change("resolved", "bot").ask(1, 5)
    log.wait(MINUTE).line("shopper", command='/rate{"event":2,"stars":5}').line("system")
    await keep(staffed, log)
    whole = (await told(staffed)).whole
    assert (whole.episodes, whole.mean_stars, whole.satisfaction, whole.answer_rate) == (1, 5, 1, 1)


async def test_times_of_a_handover(staffed: Database) -> None:
    log = Log().line("shopper").wait(MINUTE).change("handed_over", "queue", reason="asked")
    log.wait(2 * MINUTE).change("claimed", "agent", 1)
    log.wait(MINUTE).line("agent", 1)
    log.wait(3 * MINUTE).change("snoozed", "agent", 1).wait(HOUR).change("woken", "agent", 1)
    log.wait(5 * MINUTE).change("resolved", "bot")
    await keep(staffed, log)
    told_now = await told(staffed)
    whole = told_now.whole
    assert (whole.first_reply.p50, whole.waiting.p50) == (180, 120)
    assert (whole.handling.p50, whole.resolution.p50) == (540, 4320)
    assert (whole.resolution_rate, whole.containment) == (1, 0)
    assert told_now.reasons == {"asked": whole}
    assert told_now.agents == {1: whole}


async def test_each_agent_is_told_what_they_did(staffed: Database) -> None:
    log = Log().line("shopper").change("handed_over", "queue", reason="asked")
    log.wait(MINUTE).change("claimed", "agent", 1).line("agent", 1)
    log.wait(10 * MINUTE).change("transferred", "agent", 2)
    log.wait(MINUTE).line("agent", 2).wait(MINUTE).change("resolved", "bot").ask(2, 4)
    await keep(staffed, log)
    agents = (await told(staffed)).agents
    assert (agents[1].first_reply.p50, agents[1].handling.p50, agents[1].resolved) == (60, 600, 0)
    assert (agents[2].first_reply.p50, agents[2].handling.p50, agents[2].resolved) == (None, 120, 1)
    assert (agents[1].mean_stars, agents[2].mean_stars) == (None, 4)


async def test_people_who_had_it_yesterday_are_asked_by_the_first_line(staffed: Database) -> None:
    log = Log().line("shopper").change("handed_over", "queue").change("claimed", "agent", 1).line("agent", 1)
    log.wait(2 * DAY).line("shopper").wait(4 * MINUTE).line("agent", 1)
    await keep(staffed, log)
    second = (await told(staffed, Scope(MONDAY + DAY, MONDAY + 7 * DAY))).whole
    assert (second.episodes, second.with_people, second.first_reply.p50) == (1, 1, 240)


async def test_days_are_the_shops(staffed: Database) -> None:
    log = Log(at=MONDAY - timedelta(milliseconds=1)).line("shopper").wait(timedelta(milliseconds=1))
    other = Log("c2", at=MONDAY).line("shopper")
    await keep(staffed, log, other)
    told_now = await told(staffed, Scope(MONDAY - DAY, MONDAY + DAY))
    assert [f"{day}" for day in told_now.days] == ["2026-03-01", "2026-03-02"]
    assert list(told_now.hours) == [0, 23]


async def test_nothing_is_nothing(database: Database) -> None:
    whole = (await told(database)).whole
    assert whole.episodes == 0
    assert whole.containment is whole.resolution_rate is whole.mean_stars is None
    assert whole.first_reply == (None, None)


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [
        (MONDAY, MONDAY, "period_upside_down"),
        (MONDAY, MONDAY + 367 * DAY, "period_too_long"),
    ],
)
async def test_bad_periods(database: Database, since: datetime, until: datetime, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await told(database, Scope(since, until))
    assert refused.value.code == code


async def exported(database: Database, scope: Scope = WEEK) -> list[dict[str, str]]:
    async with database.snapshot() as session:
        moment = MONDAY + 30 * DAY
        parts = [part async for part in reports.export(session, scope, str.upper, moment)]
    assert parts[0].startswith("\ufeff")
    return list(csv.DictReader(io.StringIO("".join(parts).removeprefix("\ufeff"))))


async def test_the_file_masks_and_holds_no_formula(staffed: Database) -> None:
    log = Log(customer_id=1).line("shopper").read("greet").read("ask_return")
    log.change("handed_over", "queue", reason="@SUM(A1)").wait(MINUTE).change("claimed", "agent", 1)
    log.line("agent", 1).wait(MINUTE).change("resolved", "bot").ask(1, 4)
    await keep(staffed, log)
    [row] = await exported(staffed)
    assert row["CUSTOMER"] == "林* 154****0001"
    assert row["INTENTS"] == "ask_return greet"
    assert (row["REASONS"], row["AGENTS"]) == ("'@SUM(A1)", "'=客服1")
    assert (row["BEGAN"], row["FIRST_REPLY"], row["STARS"]) == ("2026-03-02 10:00:00", "60.0", "4.0")


@pytest.mark.parametrize("text", ["=1", " +1", "-1", "@x", "\tx", "＝1", "\n=1"])
def test_formulas_are_harmless(text: str) -> None:
    assert str(reports.harmless(text)).startswith("'")


async def test_a_long_file_comes_in_portions(staffed: Database) -> None:
    logs = [Log(f"c{number}", customer_id=1).line("shopper") for number in range(1100)]
    await keep(staffed, *logs)
    assert len(await exported(staffed)) == 1100
    assert len(await exported(staffed, WEEK._replace(channel="wechat"))) == 0
