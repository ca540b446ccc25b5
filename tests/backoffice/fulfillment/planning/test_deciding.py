from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.fulfillment.planning import costs
from backoffice.fulfillment.planning.costs import Offer, enumerated, solved
from backoffice.fulfillment.planning.deciding import decide, needs_of
from backoffice.fulfillment.planning.feasibility import Site
from backoffice.fulfillment.planning.rules import RULES
from backoffice.fulfillment.planning.schemas import Destination, Plan, PlanLine, PlanRequest, RuleName
from tests.backoffice.fulfillment.planned import SHANGHAI, TUESDAY_NOON, profile, request, site

stocks = st.lists(st.dictionaries(st.integers(1, 4), st.integers(1, 5), min_size=1), min_size=1, max_size=7)
orders = st.dictionaries(st.integers(1, 4), st.integers(1, 6), min_size=1)
strategies = st.sampled_from(["rules", "cost"])


def sites_of(stock: list[dict[int, int]]) -> list[Site]:
    return [site(id, free, (31.23 + id * 7 % 5, 121.47), priority=id % 2) for id, free in enumerate(stock, 1)]


@settings(deadline=None)
@given(stocks, orders, st.integers(1, 3), strategies)
def test_a_plan_covers_each_line_exactly_with_what_there_is(
    stock: list[dict[int, int]], lines: dict[int, int], limit: int, strategy: str
) -> None:
    plan = decide(
        sites_of(stock), request(lines), profile(split_limit=limit, strategy=strategy), TUESDAY_NOON
    )
    if plan.refusal is None:
        sent: Counter[int] = Counter()
        for pick in plan.picks:
            sent[pick.sku_id] += pick.quantity
            assert 0 < pick.quantity <= stock[pick.location_id - 1][pick.sku_id]
        assert sent == lines
        assert 1 <= len(plan.parcels) <= limit
        assert len({parcel.location_id for parcel in plan.parcels}) == len(plan.parcels)
        assert all(parcel.picks for parcel in plan.parcels)
    else:
        assert plan.parcels == []
        offers = [Offer(free, 1, dict.fromkeys(free, 0)) for free in stock]
        assert enumerated(offers, lines, limit) is None


@settings(deadline=None)
@given(stocks, orders, strategies, st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_what_it_is_told(
    stock: list[dict[int, int]], lines: dict[int, int], strategy: str, random: object
) -> None:
    sites = sites_of(stock)
    kept = profile(strategy=strategy)
    first = decide(sites, request(lines), kept, TUESDAY_NOON)
    random.shuffle(sites)  # type: ignore[attr-defined]
    turned = request(dict(reversed(lines.items())))
    assert decide(sites, turned, kept, TUESDAY_NOON) == first


@given(stocks, orders, st.permutations(list(RULES)))
def test_the_first_rule_that_is_no_tie_decides(
    stock: list[dict[int, int]], lines: dict[int, int], rules: list[RuleName]
) -> None:
    plan = decide(sites_of(stock), request(lines), profile(*rules, split_limit=7), TUESDAY_NOON)
    for parcel, ranked in zip(plan.parcels, plan.decision.rounds, strict=True):
        assert parcel.location_id == ranked[0].location_id
        for better, worse in pairwise(ranked):
            differ = [pair for pair in zip(better.ranks, worse.ranks, strict=True) if pair[0] != pair[1]]
            assert differ[0][0] < differ[0][1] if differ else better.location_id < worse.location_id


@pytest.mark.parametrize(
    ("rules", "chosen"),
    [
        (["nearest"], 1),
        (["priority", "nearest"], 2),
        (["fewest_parcels", "nearest"], 3),
        (["warehouse_first", "nearest"], 3),
        (["load", "nearest"], 2),
        (["region", "nearest"], 1),
    ],
)
def test_each_rule_prefers_its_own(rules: list[str], chosen: int) -> None:
    sites = [
        site(1, {1: 3}, (31.2, 121.4), kind="store", taken=9, most=10),
        site(2, {1: 3}, (31.9, 121.4), kind="store", priority=1),
        site(3, {1: 3, 2: 3}, (35.0, 121.4), taken=5, most=5),
        site(4, {2: 3}, (36.0, 121.4), taken=5, most=5),
    ]
    plan = decide(sites, request({1: 1, 2: 1}), profile(*rules), TUESDAY_NOON)
    assert plan.parcels[0].location_id == chosen


def test_a_step_makes_ties() -> None:
    near, far = site(2, {1: 9}, (31.24, 121.47)), site(1, {1: 9}, (31.29, 121.47))
    exact = profile(rules=[{"rule": "nearest", "step": 1}])
    rough = profile(rules=[{"rule": "nearest", "step": 10}])
    assert decide([near, far], request({1: 1}), exact, TUESDAY_NOON).parcels[0].location_id == 2
    assert decide([near, far], request({1: 1}), rough, TUESDAY_NOON).parcels[0].location_id == 1


def test_the_last_pieces_of_a_shelf_are_spared() -> None:
    scarce, full = site(1, {1: 2}), site(2, {1: 20})
    spared = profile(rules=[{"rule": "stock_cover", "step": 3}])
    assert decide([scarce, full], request({1: 1}), spared, TUESDAY_NOON).parcels[0].location_id == 2
    assert decide([scarce], request({1: 1}), spared, TUESDAY_NOON).parcels[0].location_id == 1


def test_the_same_region_is_known_with_and_without_its_suffix() -> None:
    there = request({1: 1}, destination=Destination(province="上海", city="上海市"))
    plan = decide([site(1, {1: 1})], there, profile("region"), TUESDAY_NOON)
    assert plan.decision.rounds[0][0].ranks == [0]


def test_rules_that_split_too_much_give_way_to_the_fewest_parcels() -> None:
    """The one that is nearest and has most lines leaves two behind that only two others have."""
    sites = [
        site(1, {1: 1, 2: 1, 3: 1, 4: 1}),
        site(2, {1: 1, 2: 1, 5: 1}, (32.0, 121.47)),
        site(3, {3: 1, 4: 1, 6: 1}, (32.0, 121.47)),
    ]
    wanted = request(dict.fromkeys(range(1, 7), 1))
    plan = decide(sites, wanted, profile(split_limit=2), TUESDAY_NOON)
    assert plan.decision.strategy == "fewest_parcels"
    assert [parcel.location_id for parcel in plan.parcels] == [2, 3]
    assert len(decide(sites, wanted, profile(split_limit=3), TUESDAY_NOON).parcels) == 3


def test_a_refusal_says_which_lines_are_short_where() -> None:
    sites = [site(1, {1: 1}), site(2, {1: 2, 2: 1}, ships=False)]

    def refusal(lines: dict[int, int]) -> tuple[str, list[tuple[int, int, int, int]]]:
        plan: Plan = decide(sites, request(lines), profile(), TUESDAY_NOON)
        assert plan.refusal
        short = plan.refusal.short
        return plan.refusal.code, [(s.sku_id, s.wanted, s.available, s.elsewhere) for s in short]

    assert refusal({1: 4}) == ("out_of_stock", [(1, 4, 1, 2)])
    assert refusal({1: 2, 2: 1}) == ("not_deliverable", [(1, 2, 1, 2), (2, 1, 0, 1)])
    assert refusal({3: 1}) == ("out_of_stock", [(3, 1, 0, 0)])
    plan = decide(sites, request({1: 1}), profile(), TUESDAY_NOON)
    assert [(each.location_id, each.barrier) for each in plan.decision.infeasible] == [(2, "does_not_ship")]


def test_lines_that_share_a_sku_are_one() -> None:
    wanted = PlanRequest(lines=[PlanLine(sku_id=sku, quantity=2) for sku in (2, 1, 2)])
    assert needs_of(wanted) == {1: 2, 2: 4}


offers = st.lists(
    st.builds(
        lambda free, fixed: Offer(free, fixed, {sku: 60 // pieces for sku, pieces in free.items()}),
        st.dictionaries(st.integers(1, 5), st.integers(1, 4), min_size=1),
        st.integers(0, 900),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=150)
@given(offers, st.dictionaries(st.integers(1, 5), st.integers(1, 4), min_size=1), st.integers(1, 4))
def test_trying_everything_and_the_solver_cost_the_same(
    made: list[Offer], needs: dict[int, int], limit: int
) -> None:
    tried, solution = enumerated(made, needs, limit), solved(made, needs, limit)
    assert (tried is None) == (solution is None)
    if tried and solution:
        assert solution.cost_fen == tried.cost_fen
        assert solution.gap <= 1e-6


def test_cost_weighs_the_way_against_another_parcel() -> None:
    """One far warehouse has all; two near ones have half each."""
    sites = [
        site(1, {1: 1}, (31.3, 121.47)),
        site(2, {2: 1}, (31.3, 121.47)),
        site(3, {1: 1, 2: 1}, (36.0, 121.47)),
    ]

    def senders(**prices: float) -> list[int]:
        kept = profile(strategy="cost", costs={"stock_fen": 0, **prices})
        plan = decide(sites, request({1: 1, 2: 1}), kept, TUESDAY_NOON)
        assert plan.decision.cost_fen is not None
        assert plan.decision.gap == 0
        return [parcel.location_id for parcel in plan.parcels]

    assert senders(parcel_fen=600, km_fen=0.5) == [3]
    assert senders(parcel_fen=100, km_fen=2) == [1, 2]


def test_cost_spares_busy_locations_and_scarce_stock() -> None:
    def sender(*sites: Site, **prices: float) -> int:
        plan = decide(sites, request({1: 1}), profile(strategy="cost", costs=prices), TUESDAY_NOON)
        return plan.parcels[0].location_id

    busy, idle = site(1, {1: 50}, taken=9, most=10), site(2, {1: 50}, taken=1, most=10)
    assert sender(busy, idle) == 2
    assert sender(busy, site(3, {1: 1}), load_fen=0) == 1


def test_many_locations_are_left_to_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "enumerated", None)
    sites = [site(id, {1: 1, 2: 1}, (31.23 + id / 10, 121.47)) for id in range(1, 6)]
    plan = decide(sites, request({1: 2, 2: 2}), profile(strategy="cost"), TUESDAY_NOON)
    assert sorted(parcel.location_id for parcel in plan.parcels) == [1, 2]


def test_a_kept_plan_names_the_quarter_and_the_best_only() -> None:
    sites = [site(id, {1: 1}) for id in range(1, 21)]
    exact = SHANGHAI.model_copy(update={"latitude": 31.234567, "longitude": 121.456789})
    kept = decide(sites, request({1: 2}, destination=exact), profile(), TUESDAY_NOON).decided()
    assert kept.destination.point == (31.23, 121.46)
    assert [len(ranks) for ranks in kept.rounds] == [8, 8]
    assert len(kept.model_dump_json()) < 2500
