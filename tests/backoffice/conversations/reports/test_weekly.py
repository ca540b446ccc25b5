"""The weekly report: a walk cuts episodes where the SQL cuts them; trends and endings by hand."""

from datetime import date, timedelta
from random import Random

import pytest

from backoffice.conversations.reports import service as reports
from backoffice.conversations.reports import weekly
from backoffice.conversations.reports.episodes import Scope
from backoffice.conversations.reports.weekly import Weekly, ending
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid
from tests.backoffice.conversations.reports.test_reports import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    Log,
    anything,
    keep,
    staffed,  # noqa: F401
)

FIRST = date(2026, 3, 2)
TWO_WEEKS = Scope(MONDAY, MONDAY + 14 * DAY)


async def told(database: Database, scope: Scope = TWO_WEEKS, days: int = 60) -> Weekly:
    async with database.snapshot() as session:
        return await weekly.weekly(session, scope, MONDAY + days * DAY)


@pytest.mark.parametrize("number", range(4))
async def test_a_walk_counts_what_the_sql_counts(staffed: Database, number: int) -> None:  # noqa: F811
    chance = Random(number)
    await keep(staffed, *(anything(place, chance) for place in range(60)))
    for channel in ("", "channel7"):
        scope = Scope(MONDAY - 2 * DAY, MONDAY + 9 * DAY, channel)
        moment = MONDAY + 5 * DAY
        async with staffed.snapshot() as session:
            walked = await weekly.weekly(session, scope, moment)
            whole = (await reports.report(session, scope, moment)).whole
        names = ("episodes", "with_people", "settled", "contained")
        sums = {name: sum(getattr(week, name) for week in walked.weeks.values()) for name in names}
        assert sums == {name: getattr(whole, name) for name in names}
        assert whole.episodes or channel


async def test_what_is_asked_by_week(staffed: Database) -> None:  # noqa: F811
    """Of what was typed: a button that was pressed asks for nothing new."""
    logs = []
    for number, (week, intent, command) in enumerate(
        [
            (0, "order_status", None),
            (0, "order_status", None),
            (0, "return_request", None),
            (0, "nlu_fallback", None),
            (1, "return_request", None),
            (1, "return_request", None),
            (1, "order_status", "/order_status"),
        ]
    ):
        log = Log(f"c{number}", MONDAY + 7 * week * DAY + HOUR)
        logs.append(log.line("shopper", command=command).read(intent).line("bot"))
    await keep(staffed, *logs)
    found = await told(staffed)
    second = FIRST + timedelta(days=7)
    assert {each.intent: dict(each.weeks) for each in found.asked} == {
        "return_request": {FIRST: 1, second: 2},
        "order_status": {FIRST: 2, second: 0},
        "nlu_fallback": {FIRST: 1, second: 0},
    }
    first = found.asked[0]
    assert (first.intent, first.share, first.before) == ("return_request", 1.0, 0.25)
    assert [(week.read, week.not_understood, week.episodes) for week in found.weeks.values()] == [
        (4, 1, 4),
        (2, 0, 3),
    ]
    assert found.weeks[FIRST].fallback_share == 0.25


async def test_where_conversations_break_off(staffed: Database) -> None:  # noqa: F811
    """Not those with people, nor those that were resolved, nor those that may still go on."""
    answered = Log("c1").line("shopper").read("greet").line("bot").wait(MINUTE)
    answered.line("shopper").read("order_status", actions=["action_order_status", "action_listen"]).line(
        "bot"
    )
    asking = [
        Log(f"a{n}")
        .line("shopper")
        .read("return_request", actions=["return_form", "action_listen"])
        .line("bot")
        for n in range(2)
    ]
    lost = Log("c2").line("shopper").read("nlu_fallback", actions=["action_not_understood"]).line("bot")
    people = Log("c3").line("shopper").read("complaint").change("handed_over", "queue")
    solved = Log("c4").line("shopper").read("greet").change("resolved", "bot")
    young = Log("c5", MONDAY + 13 * DAY).line("shopper").read("greet").line("bot")
    await keep(staffed, answered, *asking, lost, people, solved, young)
    found = await told(staffed, days=13)
    assert {(each.intent, each.action, each.ending, each.episodes) for each in found.break_offs} == {
        ("return_request", "return_form", "asking", 2),
        ("order_status", "action_order_status", "answered", 1),
        ("nlu_fallback", "action_not_understood", "not_understood", 1),
    }
    assert found.break_offs[0].episodes == 2


async def test_weeks_are_the_shops_and_none_is_left_out(staffed: Database) -> None:  # noqa: F811
    sunday = Log("c1", MONDAY - MINUTE).line("shopper").read("greet")
    monday = Log("c2", MONDAY).line("shopper").read("greet")
    await keep(staffed, sunday, monday)
    found = await told(staffed, Scope(MONDAY - 9 * DAY, MONDAY + DAY))
    assert {week: (each.episodes, each.read) for week, each in found.weeks.items()} == {
        FIRST - timedelta(days=14): (0, 0),
        FIRST - timedelta(days=7): (1, 1),
        FIRST: (1, 1),
    }


async def test_nothing_is_nothing(database: Database) -> None:
    found = await told(database)
    assert list(found.asked) == list(found.break_offs) == []
    assert [week.containment for week in found.weeks.values()] == [None, None]
    with pytest.raises(Invalid, match="period_upside_down"):
        await told(database, Scope(MONDAY, MONDAY))


@pytest.mark.parametrize(
    ("intent", "action", "expected"),
    [
        ("return_request", "return_form", "asking"),
        ("nlu_fallback", "action_ask_address", "asking"),
        ("nlu_fallback", "action_not_understood", "not_understood"),
        ("greet", "utter_greet", "answered"),
        ("greet", "", "answered"),
    ],
)
def test_how_the_bot_left_it(intent: str, action: str, expected: str) -> None:
    assert ending(intent, action) == expected
