"""Figures over messages that a model has judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.training.models.figures import (
    Bin,
    Gain,
    IntentFigures,
    Judged,
    Point,
    by_intent,
    calibration_error,
    gain,
    headline,
    misreadings,
    mix_ups,
    reliability,
    wilson,
)
from backoffice.training.models.labelled import Labelled


def judged(
    text: str, meant: str, served: str, confidence: float, also: tuple[str, ...] = (), ranked: str = ""
) -> Judged:
    return Judged(Labelled(text, meant, also), served, ranked or served, confidence, seconds=0.002)


RESULT = [
    judged("我的单子呢", "order_status", "order_status", 0.9),
    judged("单子取消了没", "order_status", "cancel_order", 0.8, also=("cancel_order",)),
    judged("不想要这单了", "cancel_order", "order_status", 0.7),
    judged("撤了吧", "cancel_order", "out_of_scope", 0.15, ranked="cancel_order"),
    judged("明天下雨吗", "out_of_scope", "out_of_scope", 0.6),
    judged("你们招商不", "out_of_scope", "order_status", 0.5),
]


def test_headline() -> None:
    found = headline(RESULT)
    assert found.count == 6
    assert found.strict == pytest.approx(2 / 6)
    assert found.lenient == pytest.approx(3 / 6)
    assert found.macro_f1 == pytest.approx((0.4 + 0 + 0.5) / 3)
    assert found.outside_recall == pytest.approx(1 / 2)
    assert found.inside_refused == pytest.approx(1 / 4)
    assert found.calibration_error == pytest.approx((0.1 + 0.2 + 0.7 + 0.85) / 4)
    assert (found.parse_p50_ms, found.parse_p99_ms) == (2, 2)


def test_the_weakest_intent_comes_first_and_one_never_meant_last() -> None:
    assert by_intent([*RESULT, judged("嗯", "order_status", "nudge", 0.3)]) == [
        IntentFigures("cancel_order", right=0, false=1, missed=2),
        IntentFigures("order_status", right=1, false=2, missed=2),
        IntentFigures("out_of_scope", right=1, false=1, missed=1),
        IntentFigures("nudge", right=0, false=1, missed=0),
    ]


def test_precision_recall_and_f1() -> None:
    found = IntentFigures("order_status", right=6, false=2, missed=4)
    assert (found.precision, found.recall) == (0.75, 0.6)
    assert found.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    unheard = IntentFigures("order_status", right=0, false=0, missed=4)
    assert (unheard.precision, unheard.recall, unheard.f1) == (0, 0, 0)


def test_wilson() -> None:
    found = wilson(8, 10)
    assert (found.low, found.high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_share_and_an_f1_lie_within_their_intervals(right: int, false: int, missed: int) -> None:
    found = IntentFigures("greet", right, false, missed)
    share, f1 = wilson(right, right + missed), found.f1_interval
    assert 0 <= share.low <= found.recall + 1e-9
    assert found.recall <= share.high + 1e-9 or not found.count
    assert 0 <= f1.low <= found.f1 + 1e-9
    assert found.f1 - 1e-9 <= f1.high <= 1


def test_reliability_leaves_out_what_is_outside_and_looks_through_the_fallback() -> None:
    bins = reliability(RESULT)
    assert [(each.low, each.count, each.right) for each in bins] == [
        (0.1, 1, 1),
        (0.7, 1, 0),
        (0.8, 1, 1),
        (0.9, 1, 1),
    ]


def test_full_confidence_falls_into_the_last_bin() -> None:
    assert reliability([judged("在吗", "greet", "greet", 1.0)]) == [Bin(0.9, 1.0, 1, 1, 1.0)]


def test_calibration_error_weighs_bins_by_their_messages() -> None:
    assert calibration_error([Bin(0.5, 0.6, 3, 3, 0.5), Bin(0.9, 1, 1, 0, 0.9)]) == pytest.approx(2.4 / 4)
    assert calibration_error([]) == 0


def test_what_would_do_is_no_mix_up() -> None:
    again = judged("这单真不要了", "cancel_order", "order_status", 0.95)
    found = [(each.meant, each.served, len(each.judged)) for each in mix_ups([*RESULT, again])]
    assert found == [
        ("cancel_order", "order_status", 2),
        ("cancel_order", "out_of_scope", 1),
        ("out_of_scope", "order_status", 1),
    ]
    assert [each.confidence for each in misreadings([*RESULT, again])] == [0.95, 0.7, 0.5, 0.15]


def test_gain_pairs_the_same_messages() -> None:
    wrong, right = judged("在吗", "greet", "thanks", 0.5), judged("在吗", "greet", "greet", 0.5)
    fewer = Point(80, [right, wrong, wrong, wrong])
    more = Point(100, [wrong, right, right, wrong])
    assert gain(fewer, more) == Gain(20, won=2, lost=1, share=0.25, margin=pytest.approx(0.8126, abs=1e-4))
