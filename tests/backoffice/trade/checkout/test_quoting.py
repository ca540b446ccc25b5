"""What a basket costs: examples to the fen, and what holds for every basket and every set of offers."""

from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from backoffice.trade.checkout.quoting import PointsRule, Quote, Search, quote
from backoffice.trade.offers.domain import Line, Offer, Source, Terms, Who
from backoffice.trade.offers.words import in_words

NOON = datetime(2026, 11, 27, 4, tzinfo=UTC)
"""A Friday."""
WHO = Who("web", "regular", False, NOON)
DAY = timedelta(days=1)
TERMS = TypeAdapter(Terms)


def line(sku: int, price_fen: int, quantity: int = 1) -> Line:
    return Line(sku, sku // 10, f"类目{sku // 10}", "岭行", price_fen, quantity)


def offer(id: int, rule: dict[str, Any], source: Source = "promotion", **terms: Any) -> Offer:
    group = {"group": "coupon"} if source == "coupon" else {}
    made = TERMS.validate_python({"rule": rule, **group, **terms})
    return Offer(source, id, 1, f"{source} {id}", NOON - DAY, NOON + DAY, made)


def off(from_fen: int, off_fen: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "threshold", "steps": [{"from_fen": from_fen, "off_fen": off_fen}], **fields}


def percent(pays: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "percent", "pays_percent": pays, **fields}


def bundle(pieces: int, price_fen: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "fixed_price", "pieces": pieces, "price_fen": price_fen, **fields}


def nth(pieces: int, pays: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "nth_piece", "pieces": pieces, "pays_percent": pays, **fields}


def gift(**fields: Any) -> dict[str, Any]:
    return {"kind": "gift", "sku_id": 99, **fields}


@pytest.mark.parametrize(
    ("rule", "lines", "total"),
    [
        (off(30000, 4000), [(11, 29999, 1)], 29999),
        (off(30000, 4000), [(11, 15000, 2)], 26000),
        (off(30000, 4000), [(11, 30000, 3)], 86000),
        (off(30000, 4000, repeatable=True), [(11, 30000, 3)], 78000),
        (off(0, 4000), [(11, 3000, 1)], 0),
        (percent(95), [(11, 9999, 1)], 9500),
        (percent(80, from_pieces=2), [(11, 9999, 1)], 9999),
        (percent(80, from_pieces=2, most_fen=1000), [(11, 9999, 2)], 18998),
        (bundle(2, 9900), [(11, 6000, 1), (21, 5000, 2)], 14900),
        (bundle(2, 9900, times=1), [(11, 6000, 2), (21, 5000, 2)], 19900),
        (bundle(2, 9900), [(11, 4000, 3)], 12000),
        (nth(2, 50), [(11, 9999, 1)], 9999),
        (nth(2, 50), [(11, 9999, 2)], 14999),
        (nth(2, 50), [(11, 6000, 1), (21, 5000, 2)], 13500),
        (nth(2, 50, times=1), [(11, 6000, 4)], 21000),
        (nth(3, 0), [(11, 6000, 5)], 24000),
    ],
)
def test_a_promotion_is_exact(rule: dict[str, Any], lines: list[tuple[int, int, int]], total: int) -> None:
    assert quote([line(*each) for each in lines], [offer(1, rule)], WHO).total_fen == total


def test_the_best_of_several_steps_is_taken() -> None:
    steps = [{"from_fen": 30000, "off_fen": 4000}, {"from_fen": 50000, "off_fen": 8000}]
    rule = {"kind": "threshold", "steps": steps}
    totals = [quote([line(11, price)], [offer(1, rule)], WHO).discount_fen for price in (29900, 30000, 50000)]
    assert totals == [0, 4000, 8000]


@pytest.mark.parametrize(("pieces", "gifts"), [(1, 0), (2, 1), (5, 2)])
def test_gifts_come_with_enough_pieces(pieces: int, gifts: int) -> None:
    quoted = quote([line(11, 100, pieces)], [offer(1, gift(from_pieces=2, repeatable=True))], WHO)
    assert [(each.sku_id, each.quantity) for each in quoted.gifts] == ([(99, gifts)] if gifts else [])
    assert quoted.total_fen == 100 * pieces


def test_a_scope_takes_in_and_leaves_out() -> None:
    lines = [line(11, 10000), line(12, 10000), line(21, 10000), line(31, 10000)]
    scoped = offer(1, percent(50), only={"categories": ["类目1"], "products": [2]}, excluded={"skus": [12]})
    assert [each.paid_fen for each in quote(lines, [scoped], WHO).lines] == [5000, 10000, 5000, 10000]
    branded = offer(1, percent(50), only={"brands": ["别家"]})
    assert quote(lines, [branded], WHO).total_fen == 40000


@pytest.mark.parametrize(
    ("terms", "who", "reason"),
    [
        ({"channels": ["pos"]}, {}, "other_channel"),
        ({"levels": ["gold", "black"]}, {"level": "silver"}, "other_level"),
        ({"levels": ["gold", "black"]}, {"level": "gold"}, None),
        ({"first_order": True}, {}, "first_order_only"),
        ({"first_order": True}, {"first_order": True}, None),
        ({"weekdays": [5], "hours": [12, 13]}, {}, None),
        ({"weekdays": [6, 7]}, {}, "not_running"),
        ({"hours": [13, 24]}, {}, "not_running"),
        ({}, {"moment": NOON + DAY}, "not_running"),
        ({}, {"moment": NOON - DAY}, None),
    ],
)
def test_who_asks_counts_by_published_terms_only(
    terms: dict[str, Any], who: dict[str, Any], reason: str | None
) -> None:
    asking = Who(**{**WHO.__dict__, **who})
    coupon = offer(1, percent(90), "coupon", **terms)
    quoted = quote([line(11, 10000)], [], asking, [coupon])
    assert [each.reason for each in quoted.refused] == ([reason] if reason else [])
    assert quoted.total_fen == (10000 if reason else 9000)


def test_one_of_a_group_takes_a_line_and_the_better_one_wins() -> None:
    both = [offer(1, percent(95)), offer(2, off(10000, 1000))]
    assert quote([line(11, 10000)], both, WHO).total_fen == 9000
    apart = [offer(1, percent(95), group="level"), offer(2, off(9500, 1000), priority=200)]
    assert quote([line(11, 10000)], apart, WHO).total_fen == 8500


def test_one_of_a_group_can_be_for_the_whole_order() -> None:
    scopes = {"only": {"skus": [11]}}, {"only": {"skus": [21]}}
    lines = [line(11, 10000), line(21, 10000)]
    by_line = [offer(id, percent(90), **scope) for id, scope in enumerate(scopes)]
    by_order = [offer(id, percent(90), per="order", **scope) for id, scope in enumerate(scopes)]
    assert quote(lines, by_line, WHO).total_fen == 18000
    assert quote(lines, by_order, WHO).total_fen == 19000


def test_a_promotion_that_would_spoil_a_better_coupon_is_left_out() -> None:
    small, coupon = offer(1, off(30000, 100)), offer(7, off(30000, 5000), "coupon")
    quoted = quote([line(11, 30000)], [small], WHO, [coupon])
    assert (quoted.total_fen, quoted.coupon_id) == (25000, 7)
    assert [each.id for each in quoted.offers] == [7]


@pytest.mark.parametrize(
    ("coupon", "reason", "missing"),
    [
        (offer(7, off(30000, 100), "coupon"), "too_little", 10000),
        (offer(7, percent(90, from_pieces=3), "coupon"), "too_few", 1),
        (offer(7, percent(90), "coupon", only={"skus": [99]}), "no_goods", 0),
        (offer(7, percent(99), "coupon", group="promotion"), "not_together", 0),
    ],
)
def test_a_coupon_that_does_not_count_says_why(coupon: Offer, reason: str, missing: int) -> None:
    quoted = quote([line(11, 12500, 2)], [offer(1, percent(80))], WHO, [coupon])
    refused = quoted.refused[0]
    assert (quoted.coupon_id, refused.reason, refused.missing) == (None, reason, missing)


def test_of_two_coupons_the_better_one_is_used() -> None:
    coupons = [offer(7, off(0, 100), "coupon"), offer(8, off(0, 200), "coupon")]
    quoted = quote([line(11, 1000)], [], WHO, coupons)
    assert (quoted.coupon_id, [each.reason for each in quoted.refused]) == (8, ["not_together"])


def test_points_pay_their_share_after_all_else() -> None:
    quoted = quote([line(11, 10001), line(21, 1)], [offer(1, percent(90))], WHO, points=999_999)
    assert (quoted.total_fen, quoted.points, quoted.points_fen) == (4501, 4501, 4501)
    tens = quote([line(11, 1009)], [], WHO, points=7, rule=PointsRule(10, 5))
    assert (tens.points, tens.points_fen, tens.total_fen) == (5, 50, 959)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": off(100, 200)},
        {"rule": off(0, 200, repeatable=True)},
        {"rule": {"kind": "threshold", "steps": []}},
        {"rule": percent(0)},
        {"rule": percent(100)},
        {"rule": gift()},
        {"rule": bundle(0, 100)},
        {"rule": nth(1, 50)},
        {"rule": nth(2, 100)},
        {"rule": {"kind": "free"}},
        {"rule": percent(90), "hours": [9, 9]},
        {"rule": percent(90), "levels": ["vip"]},
        {"rule": percent(90), "only": {"brands": ["\x00"]}},
    ],
)
def test_terms_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TERMS.validate_python(wrong)


def test_no_offer_can_look_at_who_asks() -> None:
    """Besides published levels and first orders, which are the same for everybody."""
    assert {each.name for each in fields(Who)} == {"channel", "level", "first_order", "moment"}


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"rule": off(30000, 4000)}, "满300减40"),
        ({"rule": off(0, 1050), "first_order": True}, "立减10.50，限首单"),
        ({"rule": off(50000, 5000, repeatable=True)}, "每满500减50"),
        ({"rule": percent(80, from_pieces=2, most_fen=5000)}, "满2件打8折，最多减50"),
        (
            {"rule": percent(5, from_fen=100), "levels": ["gold", "black"]},
            "满1元打0.5折，限金卡会员、黑卡会员",
        ),
        ({"rule": bundle(3, 9900)}, "任选3件99元"),
        ({"rule": nth(2, 50)}, "第2件5折"),
        ({"rule": nth(3, 0)}, "第3件免费"),
        ({"rule": gift(from_fen=29900, pieces=2)}, "满299元送赠品2件"),
    ],
)
def test_a_rule_is_told_in_words(terms: dict[str, Any], words: str) -> None:
    assert in_words(TERMS.validate_python(terms)) == words


FEN = st.integers(0, 60000)
LINES = st.lists(
    st.builds(line, st.sampled_from([11, 12, 21, 31]), FEN, st.integers(1, 4)), min_size=1, max_size=4
)
RULES = st.one_of(
    st.builds(
        lambda start, share, again: off(start, max(start * share // 100, 1), repeatable=again),
        st.integers(1, 60000),
        st.integers(1, 100),
        st.booleans(),
    ),
    st.builds(
        lambda pays, most, start, pieces: percent(pays, most_fen=most, from_fen=start, from_pieces=pieces),
        st.integers(1, 99),
        st.none() | st.integers(1, 5000),
        FEN,
        st.integers(0, 4),
    ),
    st.builds(bundle, st.integers(1, 4), FEN),
    st.builds(nth, st.integers(2, 4), st.integers(0, 99)),
    st.builds(lambda start: gift(from_fen=start, repeatable=True), st.integers(1, 60000)),
)
SCOPES = st.sampled_from([{}, {"skus": [11]}, {"products": [1]}, {"categories": ["类目1", "类目3"]}])
PROMOTIONS = st.lists(
    st.fixed_dictionaries(
        {
            "rule": RULES,
            "only": SCOPES,
            "group": st.sampled_from("AB"),
            "per": st.sampled_from(["line", "line", "order"]),
            "priority": st.sampled_from([10, 20]),
        }
    ),
    max_size=5,
).map(lambda made: [offer(id, **terms) for id, terms in enumerate(made, 1)])
COUPONS = st.lists(
    st.fixed_dictionaries({"rule": RULES, "only": SCOPES, "group": st.sampled_from(["coupon", "A"])}),
    max_size=2,
).map(lambda made: [offer(id, source="coupon", **terms) for id, terms in enumerate(made, 1)])


def before_points(quoted: Quote) -> int:
    return quoted.total_fen + quoted.points_fen


@settings(max_examples=150, deadline=None)
@given(LINES, PROMOTIONS, COUPONS, st.integers(0, 50000), st.randoms())
def test_every_quote_adds_up(
    lines: list[Line], promotions: list[Offer], coupons: list[Offer], points: int, random: Any
) -> None:
    quoted = quote(lines, promotions, WHO, coupons, points)
    for each, asked in zip(quoted.lines, lines, strict=True):
        assert each.line == asked
        assert (
            each.list_fen == sum(found.off_fen for found in each.discounts) + each.points_fen + each.paid_fen
        )
        assert min(each.paid_fen, each.points_fen, *(found.off_fen for found in each.discounts), 0) == 0
    assert quoted.list_fen - quoted.discount_fen - quoted.points_fen == quoted.total_fen
    assert quoted.total_fen == sum(each.paid_fen for each in quoted.lines)
    assert quoted.discount_fen == sum(found.off_fen for found in quoted.offers)
    by_line = Counter[tuple[str, int]]()
    for each in quoted.lines:
        for found in each.discounts:
            by_line[found.source, found.id] += found.off_fen
    assert {(each.source, each.id): each.off_fen for each in quoted.offers if each.off_fen} == dict(by_line)

    shuffled, offers = random.sample(lines, len(lines)), random.sample(promotions, len(promotions))
    again = quote(shuffled, offers, WHO, coupons, points)
    assert Counter(again.lines) == Counter(quoted.lines)
    assert (again.gifts, again.offers) == (quoted.gifts, quoted.offers)


@settings(max_examples=100, deadline=None)
@given(LINES, PROMOTIONS, COUPONS)
def test_nothing_offered_makes_a_basket_dearer(
    lines: list[Line], promotions: list[Offer], coupons: list[Offer]
) -> None:
    whole = before_points(quote(lines, promotions, WHO, coupons))
    for place in range(len(promotions)):
        assert whole <= before_points(
            quote(lines, promotions[:place] + promotions[place + 1 :], WHO, coupons)
        )
    assert whole <= before_points(quote(lines, promotions, WHO, coupons[1:]))
    for some in range(1, len(lines)):
        part = quote(lines[:some], promotions, WHO, coupons)
        assert before_points(part) <= sum(each.price_fen * each.quantity for each in lines[:some])


@settings(max_examples=100, deadline=None)
@given(LINES, PROMOTIONS, COUPONS)
def test_no_allowed_choice_is_better(
    lines: list[Line], promotions: list[Offer], coupons: list[Offer]
) -> None:
    found = quote(lines, promotions, WHO, coupons)
    ordered = sorted(lines, key=lambda each: (each.sku_id, each.price_fen, each.quantity))
    search = Search(ordered, promotions, coupons)
    in_order = sorted(promotions, key=lambda each: (each.terms.priority, each.id))
    costs = []
    for count in range(len(promotions) + 1):
        for chosen in combinations(in_order, count):
            state = search.start
            for each in chosen:
                state = search.used(state, each, search.places(each)) or state
            coupled = [search.used(state, coupon, search.places(coupon)) or state for coupon in coupons]
            costs += [each.cost for each in (state, *coupled)]
    assert (before_points(found), -sum(each.quantity for each in found.gifts)) == min(costs)
