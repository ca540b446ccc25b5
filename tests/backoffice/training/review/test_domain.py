"""Which turns bear a sign of having been misread."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.training.review.domain import Signal, Talk, Turn, harm, judge

BEGAN = datetime(2026, 11, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def turn(number: int, text: str, intent: str, at: int = 0, **more: Any) -> Turn:
    """A turn so many minutes after the first; sure of its reading if nothing else is said."""
    told: dict[str, Any] = {"confidence": 0.9, "ranking": [(intent, 0.9), ("greet", 0.1)]}
    told |= {"actions": [f"action_{intent}"], **more}
    return Turn(f"t{number}", number, text, BEGAN + (at or number) * MINUTE, intent, **told)


def signs(*turns: Turn, **happened: Any) -> list[list[str]]:
    judged = judge(Talk(turns, **happened))
    return [judged[turn.id] for turn in turns]


def test_a_good_conversation_bears_no_sign() -> None:
    said = [
        turn(1, "到哪了", "track_shipment"),
        turn(2, "谢谢", "thanks"),
        turn(9, "几点开门", "store_locator"),
    ]
    assert signs(*said) == [[], [], []]
    assert harm([]) == 0


def test_behind_the_fallback_is_what_was_likeliest() -> None:
    ranking = [("nlu_fallback", 0.5), ("exchange_request", 0.18), ("price_inquiry", 0.1)]
    lost = turn(1, "以旧换新怎么弄", "nlu_fallback", ranking=ranking)
    assert lost.read_as == "exchange_request"
    assert signs(lost) == [[Signal.FALLBACK, Signal.CLOSE]]
    assert turn(1, "啊", "nlu_fallback", ranking=[]).read_as == "nlu_fallback"


@pytest.mark.parametrize(
    ("reason", "minutes", "blamed"), [("asked", 5, True), ("asked", 20, False), ("claim_photos", 5, False)]
)
def test_people_who_take_over_tell_of_what_came_before(reason: str, minutes: int, blamed: bool) -> None:
    said = [turn(1, "旧的能抵钱吗", "price_inquiry"), turn(2, "找个人来", "human_handoff")]
    found = signs(*said, handovers=[(BEGAN + minutes * MINUTE + MINUTE, reason)])
    assert found == [[Signal.HANDED_OVER] if blamed else [], []]


def test_one_or_two_stars_blame_what_was_said_since_the_rating_before() -> None:
    said = [turn(n, f"问题{'一二三'[n - 1] * 4}", f"intent_{n}", at=10 * n) for n in (1, 2, 3)]
    ratings = [(BEGAN + 15 * MINUTE, 5), (BEGAN + 25 * MINUTE, 1)]
    assert signs(*said, ratings=ratings) == [[], [Signal.THUMBS_DOWN], []]


@pytest.mark.parametrize(
    ("again", "intent", "at", "blamed"),
    [
        ("我的快递在哪里", "order_status", 3, True),
        ("包裹怎么还没动静", "track_shipment", 3, True),
        ("你们几点关门", "store_locator", 3, False),
        ("我的快递在哪里", "order_status", 30, False),
    ],
)
def test_said_again_within_minutes(again: str, intent: str, at: int, blamed: bool) -> None:
    said = [turn(1, "我的快递到哪里了", "track_shipment"), turn(2, again, intent, at=at)]
    assert (Signal.ASKED_AGAIN in signs(*said)[0]) is blamed


def test_a_denied_question_blames_what_began_the_errand() -> None:
    began = turn(1, "这单不对", "cancel_order", actions=["action_cancel_order", "cancel_form"])
    which = turn(2, "", "choose_order", actions=["cancel_form"])
    denied = turn(3, "不是", "deny", actions=["cancel_form", "action_cancel_submit"])
    assert signs(began, which, denied) == [[Signal.CANCELLED], [], []]
    assert signs(turn(1, "几点开门", "store_locator"), denied) == [[], []]


def test_a_candidate_model_that_reads_otherwise_is_a_sign() -> None:
    said = turn(1, "旧手机抵钱", "price_inquiry", shadow="trade_in")
    assert signs(said) == [[Signal.SHADOW]]
    assert signs(turn(1, "多少钱", "price_inquiry", shadow="price_inquiry")) == [[]]


def test_signs_add_up() -> None:
    assert harm([Signal.FALLBACK, Signal.HANDED_OVER]) > harm([Signal.HANDED_OVER]) > harm([Signal.CLOSE]) > 0
