"""Ordered rules that choose among the locations which can keep a promise: pure rules.

Each rule gives every candidate a rank, lower is better. The first rule in which two candidates differ decides
between them; a tie in all goes to the lower id. The best candidate sends all it can, and what is left over is
ranked again, until nothing is.
"""

from collections.abc import Callable, Mapping, Sequence

from backoffice.fulfillment.planning.feasibility import Candidate
from backoffice.fulfillment.planning.schemas import Destination, Ranked, RuleName, RuleSetting

Needs = Mapping[int, int]
"""SKU to pieces, each at least 1."""
Taken = list[tuple[Candidate, dict[int, int]]]
Rank = Callable[[Candidate, Needs, Destination, float], float]


def fewest_parcels(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    """How many lines would need another parcel."""
    free = candidate.site.free
    return sum(free.get(sku, 0) < wanted for sku, wanted in needs.items()) // step


def priority(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    return candidate.site.terms.priority // step


def stock_cover(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    """How many orders like this one its shelves lack of the `step` orders that are enough."""
    free = candidate.site.free
    covers = min((free[sku] // wanted for sku, wanted in needs.items() if free.get(sku)), default=0)
    return max(0, step - covers)


def nearest(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    return (candidate.distance_km or 0) // step


def region(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    """0 in the same city, 1 in the same province, else 2; `浙江` and `浙江省` are the same."""
    place = candidate.site.place
    if same(place.city, to.city) and same(place.province, to.province):
        return 0
    return 1 if same(place.province, to.province) else 2


def same(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one) if one and other else False


def load(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    return candidate.site.load // step


def warehouse_first(candidate: Candidate, needs: Needs, to: Destination, step: float) -> float:
    return float(candidate.site.place.kind != "warehouse")


RULES: Mapping[RuleName, Rank] = {
    "fewest_parcels": fewest_parcels,
    "priority": priority,
    "stock_cover": stock_cover,
    "nearest": nearest,
    "region": region,
    "load": load,
    "warehouse_first": warehouse_first,
}


def ranked(
    candidates: Sequence[Candidate], needs: Needs, to: Destination, rules: Sequence[RuleSetting]
) -> list[tuple[Candidate, Ranked]]:
    """The candidates that have any of it, best first."""
    judged = [
        (
            each,
            Ranked(
                location_id=each.id,
                ranks=[RULES[setting.rule](each, needs, to, setting.step) for setting in rules],
            ),
        )
        for each in candidates
        if any(each.site.free.get(sku) for sku in needs)
    ]
    return sorted(judged, key=lambda pair: (pair[1].ranks, pair[1].location_id))


def choose(
    candidates: Sequence[Candidate], needs: Needs, to: Destination, rules: Sequence[RuleSetting]
) -> tuple[Taken, list[list[Ranked]]]:
    """Who sends what, and the ranks of each round. The candidates together must have enough."""
    left, waiting = dict(needs), list(candidates)
    taken: Taken = []
    rounds: list[list[Ranked]] = []
    while left:
        order = ranked(waiting, left, to, rules)
        best = order[0][0]
        sends = {
            sku: min(best.site.free[sku], wanted) for sku, wanted in left.items() if best.site.free.get(sku)
        }
        taken.append((best, sends))
        rounds.append([judged for _, judged in order])
        waiting.remove(best)
        left = {sku: wanted - sends.get(sku, 0) for sku, wanted in left.items() if wanted > sends.get(sku, 0)}
    return taken, rounds
