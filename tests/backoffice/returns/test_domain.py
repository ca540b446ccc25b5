from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit.messages import message
from backoffice.returns.domain import CHOICES, FAULTS, WAYS, LineFacts, pickup_after, progress, reasons
from backoffice.trade.domain import PricedLine, share_of

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


@given(st.integers(0, 10**7), st.integers(1, 50), st.data())
def test_parts_of_a_line_are_worth_the_whole(paid: int, quantity: int, data: st.DataObject) -> None:
    worth, gone = 0, 0
    while gone < quantity:
        pieces = data.draw(st.integers(1, quantity - gone))
        part = share_of(paid, quantity, gone, pieces)
        assert 0 <= part <= paid
        worth, gone = worth + part, gone + pieces
    assert worth == paid


@given(st.integers(1, 5), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_price_difference_is_never_owed_twice(
    quantity: int, paid: int, protected: int, current: int
) -> None:
    line = PricedLine(quantity, 0, paid, min(protected, paid), current)
    owed = line.difference_fen
    assert 0 <= owed <= paid
    assert PricedLine(quantity, 0, paid, line.protected_fen + owed, current).difference_fen == 0


@pytest.mark.parametrize("days", [0, 7, 8, 15, 16])
def test_seven_days_without_a_reason_fifteen_with_a_fault(days: int) -> None:
    line = LineFacts("delivered", NOW - timedelta(days=days), 1, True)
    allowed = (CHOICES if days <= 7 else ()) + (FAULTS if days <= 15 else ())
    assert tuple(reasons(line, NOW)) == allowed


def test_the_courier_comes_the_next_morning_of_the_shop() -> None:
    late = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
    assert pickup_after(late) == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", list(WAYS))
def test_every_state_has_its_words_and_ends_its_way(kind: str) -> None:
    for state in (*WAYS[kind], "withdrawn", "rejected"):
        reached = {"approved": NOW}
        steps = progress(kind, state, reached)
        assert steps[0] == ("approved", NOW, True)
        assert [step for step, _, done in steps if done][-1] == state
        for step, _, _ in steps:
            assert message("returns", f"steps.{step}")
        assert message("returns", f"states.{state}")
        assert message("returns", f"next.{kind}.{state}", pickup="", amount="")
