from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backoffice.kit.messages import FILES, catalogue, message
from backoffice.returns.domain import (
    ENDS,
    LineFacts,
    pickup_after,
    progress,
    reasons,
    refusal,
    told_as,
    until,
    way,
    worth_more,
)
from backoffice.returns.rules import FILE, REASONS, CategoryRule, Reason, Rules, read, rules
from backoffice.trade.domain import PricedLine, share_of

CHOICES = ("unwanted", "size", "other")
FAULTS = ("defective", "damaged", "wrong_item", "missing")
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
    assert tuple(reasons(line, NOW, rules())) == allowed


def test_the_courier_comes_the_next_morning_of_the_shop() -> None:
    late = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
    assert pickup_after(late, rules()) == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@given(
    st.sampled_from(REASONS), st.integers(0, 40), st.integers(0, 40), st.integers(0, 90 * 24), st.booleans()
)
def test_a_category_changes_the_time_for_reasons_without_a_fault_only(
    reason: Reason, days: int, category_days: int, hours: int, returnable: bool
) -> None:
    of_reason = rules().reasons[reason].model_copy(update={"days": days})
    changed = rules().model_copy(
        update={
            "reasons": {**rules().reasons, reason: of_reason},
            "categories": {"内衣": CategoryRule(days=category_days)},
        }
    )
    line = LineFacts("delivered", NOW, 1, returnable, "内衣")
    allowed = days if of_reason.fault else category_days
    latest = until(line, reason, changed)
    if not of_reason.fault and not (returnable and category_days):
        assert latest is None
        assert refusal(line, reason, NOW, changed) == "not_returnable"
        return
    assert latest is not None
    assert timedelta(days=allowed) <= latest - NOW < timedelta(days=allowed + 1)
    later = NOW + timedelta(hours=hours)
    assert refusal(line, reason, later, changed) == ("expired" if later > latest else None)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("days: 7, fault: false", "days: -1, fault: false", "greater than or equal to 0"),
        ("shop, goods_back: false", "shopper, goods_back: false", "shop's fault"),
        ("goods_back: true", "goods_back: false", "the goods come back"),
        ("  missing:", "  unknown:", "Input should be"),
        ("remind_days: 1", "remind_days: 10", "below hand_over_days"),
        ("late_inspection: shown", "late_inspection: forgotten", "Input should be"),
        ("pickup_hour", "pickup_houre", "Extra inputs"),
    ],
)
def test_rules_that_do_not_hold_together_are_refused(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    text = FILE.read_text(encoding="utf8")
    assert before in text
    broken = tmp_path / "rules.yml"
    broken.write_text(text.replace(before, after), encoding="utf8")
    with pytest.raises(ValidationError, match=said):
        read(broken)


def test_a_rule_for_every_reason() -> None:
    some = {reason: rule.model_dump() for reason, rule in rules().reasons.items() if reason != "size"}
    with pytest.raises(ValidationError, match="no rule for size"):
        Rules.model_validate(rules().model_dump() | {"reasons": some})


@pytest.mark.parametrize("kind", list(ENDS))
@pytest.mark.parametrize("to_store", [True, False])
@pytest.mark.parametrize("goods_back", [True, False])
def test_every_state_has_its_words_and_ends_its_way(kind: str, to_store: bool, goods_back: bool) -> None:
    steps_of_kind = way(kind, goods_back or kind != "claim", to_store)
    for state in (*steps_of_kind, "withdrawn", "rejected"):
        reached = {"approved": NOW}
        steps = progress(steps_of_kind, state, reached)
        assert steps[0] == ("approved", NOW, True)
        assert [step for step, _, done in steps if done][-1] == state
        for step, _, _ in steps:
            assert message("returns", f"steps.{step}")
        assert message("returns", f"states.{state}")
        for handed_over, sent in ((False, False), (True, True)):
            told = told_as(state, goods_back or kind != "claim", to_store, handed_over, sent)
            fields = dict.fromkeys(("pickup", "amount", "store", "until", "parcels"), "")
            for language in FILES:
                assert catalogue("returns", language)["next"][kind][told].format(**fields)


@given(st.integers(0, 10**7), st.integers(1, 20), st.data())
def test_pieces_asked_and_withdrawn_in_any_order_are_worth_the_line(
    paid: int, quantity: int, data: st.DataObject
) -> None:
    cases: list[tuple[int, int]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        gone = sum(pieces for pieces, _ in cases)
        if cases and data.draw(st.booleans()):
            cases.pop(data.draw(st.integers(0, len(cases) - 1)))
        elif gone < quantity:
            pieces = data.draw(st.integers(1, quantity - gone))
            before = sum(fen for _, fen in cases)
            cases.append((pieces, worth_more(paid, quantity, gone + pieces, before)))
        assert sum(fen for _, fen in cases) <= paid
    gone, before = sum(pieces for pieces, _ in cases), sum(fen for _, fen in cases)
    if gone < quantity:
        before += worth_more(paid, quantity, quantity, before)
        assert before == paid


@given(st.integers(0, 10**7), st.integers(2, 20), st.data())
def test_one_after_the_other_is_worth_what_both_at_once_are(
    paid: int, quantity: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, quantity - 1))
    second = data.draw(st.integers(1, quantity - first))
    one = worth_more(paid, quantity, first, 0)
    other = worth_more(paid, quantity, first + second, one)
    assert one + other == worth_more(paid, quantity, first + second, 0)
