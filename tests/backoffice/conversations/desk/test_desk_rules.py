"""The desk's rules without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from backoffice.conversations.desk.domain import Agent, Hours, InQueue, candidates, expected_minutes
from backoffice.kit.time import SHOP_ZONE

SKILLS = ["", "order", "return", "complaint"]
MOMENTS = some.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=some.just(UTC))
CLOCKS = some.integers(0, 24 * 60 - 1)
AGENTS = some.lists(
    some.builds(
        Agent,
        id=some.integers(1, 8),
        load=some.integers(0, 6),
        capacity=some.integers(0, 6),
        skills=some.lists(some.sampled_from(SKILLS[1:]), unique=True),
    ),
    unique_by=lambda agent: agent.id,
    max_size=8,
)
WAITING = some.builds(
    InQueue,
    id=some.just("c"),
    skill=some.sampled_from(SKILLS),
    last_agent=some.none() | some.integers(1, 8),
    anybody=some.booleans(),
)


@given(WAITING, AGENTS)
def test_who_may_take_it_and_who_first(waiting: InQueue, agents: list[Agent]) -> None:
    by_id = {agent.id: agent for agent in agents}
    found = candidates(waiting, agents)
    fits = {
        agent.id
        for agent in agents
        if agent.load < agent.capacity
        and (not waiting.skill or waiting.anybody or waiting.skill in agent.skills)
    }
    assert set(found) == fits
    assert len(found) == len(fits)
    if waiting.last_agent in fits:
        assert found[0] == waiting.last_agent
    others = [by_id[id].load for id in found if id != waiting.last_agent]
    assert others == sorted(others)


@given(WAITING, AGENTS)
def test_the_order_of_the_agents_does_not_matter(waiting: InQueue, agents: list[Agent]) -> None:
    assert candidates(waiting, agents) == candidates(waiting, agents[::-1])


@given(CLOCKS, CLOCKS, MOMENTS)
def test_the_next_opening_is_the_first_moment_of_hours(opens: int, closes: int, moment: datetime) -> None:
    hours = Hours(opens, closes)
    opening = hours.next_opening(moment)
    assert moment < opening <= moment + timedelta(days=1)
    local = opening.astimezone(SHOP_ZONE)
    assert (local.hour * 60 + local.minute, local.second) == (opens, 0)
    if opens != closes:
        assert hours.open_at(opening)
        assert not hours.open_at(opening - timedelta(seconds=1))
    if hours.open_through(moment, moment + timedelta(hours=1)):
        assert all(hours.open_at(moment + timedelta(minutes=each)) for each in range(61))


def shop(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}").replace(tzinfo=SHOP_ZONE)


def test_hours_of_a_day_of_a_night_and_of_always() -> None:
    day, night, always = Hours.parse("09:00-22:00"), Hours.parse("20:00-02:00"), Hours.parse("00:00-24:00")
    assert [day.open_at(shop(2, at)) for at in ("08:59", "09:00", "21:59", "22:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert [night.open_at(shop(2, at)) for at in ("19:59", "23:00", "01:59", "02:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert always.open_at(shop(2, "00:00"))
    assert always.open_through(shop(2, "23:59"), shop(3, "00:05"))
    assert not day.open_through(shop(2, "21:00"), shop(3, "10:00"))
    assert day.next_opening(shop(2, "23:00")) == shop(3, "09:00")
    assert day.next_opening(shop(2, "08:00")) == shop(2, "09:00")


@pytest.mark.parametrize("text", ["", "9-", "25:00-26:00", "09:60-10:00", "09:00"])
def test_no_hours(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Hours.parse(text)


@given(some.integers(1, 50), some.lists(some.timedeltas(), max_size=20), some.integers(0, 9))
def test_the_expected_wait_is_whole_minutes_and_never_absurd(
    ahead: int, handled: list[timedelta], agents: int
) -> None:
    minutes = expected_minutes(ahead, handled, agents)
    if not agents:
        assert minutes is None
    else:
        assert minutes is not None
        assert 1 <= minutes <= ahead * 30
        assert minutes >= (expected_minutes(ahead, handled, agents + 1) or 0)


def test_the_expected_wait_of_one_day() -> None:
    assert expected_minutes(2, [timedelta(minutes=6), timedelta(minutes=4)], 2) == 5
    assert expected_minutes(3, [], 1) == 12
    assert expected_minutes(1, [timedelta(days=2)], 1) == 30
