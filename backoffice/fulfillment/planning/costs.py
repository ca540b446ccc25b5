"""The cheapest way to send an order: every choice tried when there are few, else HiGHS: pure rules.

A location that sends anything costs its parcel, its way and its load; each piece costs the more, the fewer of
its kind are left on that shelf. Money in fen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from backoffice.fulfillment.planning.feasibility import Candidate
from backoffice.fulfillment.planning.rules import Needs
from backoffice.fulfillment.planning.schemas import Costs

FEW_OFFERS = 4
FEW_LINES = 8
TIME_LIMIT_SECONDS = 1.0
NO_GAP = 1e-9


@dataclass(frozen=True)
class Offer:
    """What a location can send: pieces by SKU, its price for sending anything and for each piece."""

    free: Mapping[int, int]
    fixed_fen: int
    piece_fen: Mapping[int, int]


@dataclass(frozen=True)
class Solution:
    """Pieces by offer and SKU; another solution is cheaper by at most the share `gap` of the cost."""

    sends: Mapping[int, Mapping[int, int]]
    cost_fen: int
    gap: float = 0


def offer(candidate: Candidate, needs: Needs, costs: Costs) -> Offer:
    free = {sku: pieces for sku, pieces in candidate.site.free.items() if sku in needs and pieces > 0}
    way = costs.km_fen * (candidate.distance_km or 0) + costs.load_fen * candidate.site.load
    return Offer(
        free=free,
        fixed_fen=costs.parcel_fen + round(way),
        piece_fen={sku: costs.stock_fen // pieces for sku, pieces in free.items()},
    )


def cheapest(offers: Sequence[Offer], needs: Needs, split_limit: int) -> Solution | None:
    """The least cost at which at most `split_limit` offers cover every need exactly; None when none do."""
    if len(offers) <= FEW_OFFERS and len(needs) <= FEW_LINES:
        return enumerated(offers, needs, split_limit)
    return solved(offers, needs, split_limit)


def enumerated(offers: Sequence[Offer], needs: Needs, split_limit: int) -> Solution | None:
    """Try every set of offers; within a set the cheapest shelf of each SKU gives first."""
    best: Solution | None = None
    for size in range(1, min(split_limit, len(offers)) + 1):
        for chosen in combinations(range(len(offers)), size):
            found = filled(offers, chosen, needs)
            if found and (best is None or found.cost_fen < best.cost_fen):
                best = found
    return best


def filled(offers: Sequence[Offer], chosen: Sequence[int], needs: Needs) -> Solution | None:
    """The cheapest way in which just these offers send everything; None when they have too little."""
    sends: dict[int, dict[int, int]] = {place: {} for place in chosen}
    cost = sum(offers[place].fixed_fen for place in chosen)
    for sku, wanted in needs.items():
        for place in sorted(chosen, key=lambda place: offers[place].piece_fen.get(sku, 0)):
            if pieces := min(wanted, offers[place].free.get(sku, 0)):
                sends[place][sku] = pieces
                cost += pieces * offers[place].piece_fen[sku]
                wanted -= pieces
        if wanted:
            return None
    return Solution(sends, cost) if all(sends.values()) else None


def solved(offers: Sequence[Offer], needs: Needs, split_limit: int) -> Solution | None:
    """The same by a mixed-integer programme: an offer is open or not (`y`), and sends pieces (`x`)."""
    import numpy as np  # the solver: a second and 70 MB that a usual order does without
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    shelves = list(shelved(offers, needs))
    if not shelves:
        return None
    opened, skus = len(offers), list(needs)
    width = opened + len(shelves)
    cost = np.array(
        [each.fixed_fen for each in offers] + [offers[place].piece_fen[sku] for place, sku, _ in shelves]
    )
    cells: list[tuple[int, int, float]] = []
    for column, (place, sku, most) in enumerate(shelves):
        cells.append((skus.index(sku), opened + column, 1))
        cells += [(len(skus) + column, opened + column, 1), (len(skus) + column, place, -most)]
    last = len(skus) + len(shelves)
    cells += [(last, place, 1) for place in range(opened)]
    rows, columns, values = zip(*cells, strict=True)
    matrix = csr_array((values, (rows, columns)), shape=(last + 1, width))
    wanted = np.array([needs[sku] for sku in skus], dtype=float)
    low = np.concatenate([wanted, np.full(len(shelves) + 1, -np.inf)])
    high = np.concatenate([wanted, np.zeros(len(shelves)), [split_limit]])
    most_each = np.array([1.0] * opened + [float(most) for _, _, most in shelves])
    result = milp(
        cost,
        integrality=np.ones(width),
        bounds=Bounds(np.zeros(width), most_each),
        constraints=LinearConstraint(matrix, low, high),
        options={"time_limit": TIME_LIMIT_SECONDS, "mip_rel_gap": NO_GAP},
    )
    if result.x is None:
        return None
    sends: dict[int, dict[int, int]] = {}
    for (place, sku, _), pieces in zip(shelves, np.rint(result.x[opened:]).astype(int).tolist(), strict=True):
        if pieces:
            sends.setdefault(place, {})[sku] = pieces
    total = sum(
        offers[place].fixed_fen + sum(pieces * offers[place].piece_fen[sku] for sku, pieces in sent.items())
        for place, sent in sends.items()
    )
    return Solution(sends, total, gap=max(0.0, float(result.mip_gap or 0)))


def shelved(offers: Sequence[Offer], needs: Needs) -> Iterator[tuple[int, int, int]]:
    """Offer, SKU and the most pieces it can send of it."""
    for place, each in enumerate(offers):
        for sku, wanted in needs.items():
            if most := min(wanted, each.free.get(sku, 0)):
                yield place, sku, most
