"""How two models compare, and the gate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.training.models.domain import (
    FIXED,
    REVIEWED,
    Difference,
    Judgement,
    Objection,
    Share,
    compared,
    gate,
)
from backoffice.training.models.figures import OUTSIDE, Judged
from backoffice.training.models.labelled import Labelled

INTENTS = ("greet", "invoice_request", "refund_status", OUTSIDE)
names = st.sampled_from(INTENTS)


def model(judged: list[Judged], name: str = FIXED, stories: dict[str, str] | None = None) -> Judgement:
    return Judgement("m", {name: judged}, stories or {}, 10, 1.0, 20)


def reading(message: Labelled, served: str, confidence: float = 1.0) -> Judged:
    return Judged(message, served, served, confidence, 0.01)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[Judged], list[Judged]]:
    """What two models made of the same messages."""
    messages = draw(
        st.lists(
            st.builds(Labelled, st.text(max_size=3), names, st.lists(names, max_size=1).map(tuple)),
            min_size=1,
        )
    )
    sure = st.floats(0, 1)
    one, other = (
        [Judged(each, draw(names), draw(names), draw(sure), draw(sure)) for each in messages] for _ in "12"
    )
    return one, other


@given(pairs())
def test_what_is_won_and_lost_accounts_for_the_difference(judged: tuple[list[Judged], list[Judged]]) -> None:
    before, after = judged
    found = compared(model(after), model(before)).sets[FIXED]
    assert found.after.lenient.hits - found.before.lenient.hits == len(found.won) - len(found.lost)
    assert all(each.after.lenient and not each.before.lenient for each in found.won)
    assert all(each.before.lenient and not each.after.lenient for each in found.lost)
    assert sum(each.after.total for each in found.intents) == len(before)
    assert sum(each.after.hits for each in found.intents) == found.after.lenient.hits
    assert sum(count for _, count in found.confusions.values()) == len(after) - found.after.lenient.hits
    assert found.after.strict.hits <= found.after.lenient.hits
    assert found.after.p50_ms <= found.after.p95_ms
    assert -1 <= found.difference.share <= 1
    assert 0 <= found.difference.p <= 1


@given(pairs())
def test_turned_round_what_was_won_is_lost(judged: tuple[list[Judged], list[Judged]]) -> None:
    before, after = judged
    there = compared(model(after), model(before)).sets[FIXED]
    back = compared(model(before), model(after)).sets[FIXED]
    assert {id(each.after) for each in there.won} == {id(each.before) for each in back.lost}
    assert there.difference.share == -back.difference.share
    assert there.difference.p == pytest.approx(back.difference.p)


@given(pairs())
def test_a_model_beside_itself_is_refused_for_its_calibration_only(
    judged: tuple[list[Judged], list[Judged]],
) -> None:
    same = model(judged[0], stories={"a": "", "b": "wrong"})
    assert {each.code for each in gate(compared(same, same))} <= {"calibration"}


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 400))
def test_the_margin_holds_the_share_within_what_is_possible(won: int, lost: int, same: int) -> None:
    found = Difference(won, lost, won + lost + same)
    assert found.margin >= 0
    assert -1 <= found.share <= 1
    if won == lost == 0:
        assert (found.share, found.margin, found.p) == (0, 0, 1)


def test_mcnemar() -> None:
    assert Difference(10, 2, 100).p == pytest.approx(0.0386, abs=1e-4)
    assert Difference(10, 2, 100).share == pytest.approx(0.08)
    assert Difference(10, 2, 100).margin == pytest.approx(0.0660, abs=1e-4)


@pytest.mark.parametrize(("count", "lost", "refused"), [(20, 1, False), (20, 2, True), (19, 5, False)])
def test_an_intent_may_lose_five_points_and_is_looked_at_from_twenty_sentences(
    count: int, lost: int, refused: bool
) -> None:
    messages = [Labelled(f"{number}", "greet") for number in range(count)]
    before = [reading(each, "greet") for each in messages]
    after = [reading(each, "thanks" if place < lost else "greet") for place, each in enumerate(messages)]
    found = gate(compared(model(after, REVIEWED), model(before, REVIEWED)))
    expected = [Objection("intent_down", "greet", 1.0, 1 - lost / count, REVIEWED)] if refused else []
    assert found == expected


def test_another_reading_that_would_do_is_no_loss() -> None:
    messages = [Labelled(f"{number}", "greet", ("nudge",)) for number in range(20)]
    before, after = ([reading(each, served) for each in messages] for served in ("greet", "nudge"))
    found = compared(model(after), model(before))
    assert gate(found) == []
    assert found.sets[FIXED].after.strict == Share(0, 20)
    assert found.sets[FIXED].after.lenient == Share(20, 20)


def test_a_test_conversation_that_is_lost() -> None:
    before = model([], stories={"kept": "", "lost": "", "never": "x", "won": "x"})
    after = model([], stories={"kept": "", "lost": "y", "never": "y", "won": "", "new": "z"})
    comparison = compared(after, before)
    assert gate(comparison) == [Objection("story_lost", "lost", 1.0, 0.0, "y")]
    assert comparison.stories.won == {"won": "x"}
    assert comparison.stories.failing == {"never": "y", "new": "z"}


@pytest.mark.parametrize(("confidence", "refused"), [(0.95, False), (0.93, True)])
def test_a_model_must_be_near_its_word_on_the_fixed_set(confidence: float, refused: bool) -> None:
    messages = [Labelled(f"{number}", "greet") for number in range(20)]
    judged = [reading(each, "greet", confidence) for each in messages]
    assert [each.code for each in gate(compared(model(judged), model(judged)))] == ["calibration"] * refused
    elsewhere = model(judged, REVIEWED)
    assert gate(compared(elsewhere, elsewhere)) == []


def test_refusals_and_confusions() -> None:
    said = Labelled("开票", "invoice_request")
    asked = Labelled("讲个笑话", OUTSIDE)
    before = [reading(said, OUTSIDE), reading(asked, "greet")]
    after = [reading(said, "greet"), reading(asked, OUTSIDE)]
    found = compared(model(after), model(before)).sets[FIXED]
    assert (found.before.refused, found.after.refused) == (Share(1, 1), Share(0, 1))
    assert found.confusions == {
        ("invoice_request", "greet"): (0, 1),
        ("invoice_request", OUTSIDE): (1, 0),
        (OUTSIDE, "greet"): (1, 0),
    }


def test_a_set_that_one_of_them_did_not_judge_is_left_out() -> None:
    judged = [reading(Labelled("在吗", "greet"), "greet")]
    other = replace(model(judged), sets={})
    assert compared(model(judged), other).sets == {}
