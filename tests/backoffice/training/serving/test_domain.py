import random
from datetime import UTC, datetime, timedelta

import pytest

from backoffice.training.serving.domain import (
    ALPHA,
    FIRST_LOOK,
    Outcome,
    Serving,
    answered_by_candidate,
    verdict,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [f"conversation-{number}" for number in range(5000)]


def share(percent: int, candidate: str = "b") -> Serving:
    return Serving(7, 6, "share", "a", candidate, "share", percent)


@pytest.mark.parametrize("percent", [1, 5, 50, 99])
def test_a_share_is_as_large_as_it_was_asked_for(percent: int) -> None:
    got = sum(answered_by_candidate(share(percent), each) for each in IDS) / len(IDS)
    assert abs(got - percent / 100) < 0.02


def test_who_is_in_a_share_stays_when_it_grows_and_another_candidate_has_others() -> None:
    few = {each for each in IDS if answered_by_candidate(share(10), each)}
    assert few < {each for each in IDS if answered_by_candidate(share(20), each)}
    others = {each for each in IDS if answered_by_candidate(share(10, "c"), each)}
    assert len(few & others) < len(few) / 2
    assert not any(answered_by_candidate(Serving(7, 6, "shadow", "a", "b", "shadow"), each) for each in IDS)


def conversations(seed: int, count: int, percent: int, live: float, candidate: float) -> list[Outcome]:
    """So many, of which the candidate gets a share; either harms some."""
    dice = random.Random(seed)
    made = []
    for number in range(count):
        mine = dice.random() * 100 < percent
        harmed = dice.random() < (candidate if mine else live)
        made.append(Outcome(START + timedelta(seconds=number), mine, harmed))
    return made


def test_a_candidate_that_is_as_good_is_seldom_stopped() -> None:
    stopped = sum(verdict(conversations(seed, 4000, 20, 0.2, 0.2)) is not None for seed in range(300))
    assert stopped / 300 <= ALPHA


def test_one_that_is_better_is_never_stopped_and_one_that_is_worse_soon() -> None:
    assert not any(verdict(conversations(seed, 2000, 20, 0.3, 0.2)) for seed in range(100))
    worse = [verdict(conversations(seed, 2000, 20, 0.2, 0.4)) for seed in range(100)]
    caught = [each for each in worse if each]
    assert len(caught) >= 95
    assert sum(each.candidate_all <= 2 * FIRST_LOOK for each in caught) > 60


def test_a_disaster_is_seen_at_the_first_look_and_not_before() -> None:
    made = conversations(1, 2000, 50, 0.1, 1.0)
    early = made[: FIRST_LOOK + 30]
    assert sum(each.candidate for each in early) < FIRST_LOOK
    assert verdict(early) is None
    found = verdict(made)
    assert found
    assert (found.candidate_harmed, found.candidate_all) == (FIRST_LOOK, FIRST_LOOK)
    assert found.live_harmed / found.live_all < 0.3
    assert found.chance < 1e-6


def test_without_anybody_to_compare_with_nothing_is_said() -> None:
    assert verdict([]) is None
    assert verdict(conversations(1, 500, 100, 0.1, 1.0)) is None
