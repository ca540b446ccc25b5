"""From waiting orders and the sites that have something to a plan for each, or its refusal: pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backoffice.fulfillment.batches.batching import (
    Assignment,
    Batch,
    Job,
    Sends,
    Told,
    cost_of_one,
    silent,
)
from backoffice.fulfillment.batches.schemas import BatchPlan
from backoffice.fulfillment.planning.costs import offer
from backoffice.fulfillment.planning.deciding import (
    assess,
    decide,
    hour_of,
    needs_of,
    parcels_of,
    shortages,
    split_limit,
)
from backoffice.fulfillment.planning.feasibility import Candidate, Site
from backoffice.fulfillment.planning.rules import Needs
from backoffice.fulfillment.planning.schemas import (
    RANKS_KEPT,
    Decision,
    Plan,
    PlanRequest,
    Profile,
    Promise,
    Ranked,
    Refusal,
)

SMALL = 2000
"""Up to so many shelves that orders could take from, all orders together, the exact solver is asked first."""
EXACT_SHARE = 0.4
REASONS_KEPT = 50


@dataclass(frozen=True)
class Waiting:
    """An order that could be sent if it were alone."""

    wanted: PlanRequest
    needs: Needs
    candidates: Mapping[int, Candidate]
    parcel_fen: Mapping[int, int]


Kind = tuple[Promise, str]
"""A promise, and the channel that the order came by."""


@dataclass(frozen=True)
class Surroundings:
    """How orders of each kind are planned, and the sites that have any of what all of them want."""

    orders: Sequence[PlanRequest]
    kinds: Mapping[Kind, tuple[Profile, Sequence[Site]]]
    moment: datetime

    def of(self, wanted: PlanRequest) -> tuple[Profile, Sequence[Site]]:
        return self.kinds[wanted.promise, wanted.channel]


def settle(around: Surroundings, seconds: float, told: Told = silent) -> BatchPlan:
    """The plans, in about so many seconds: pure, and long; `told` may raise to stop it."""
    plans: list[Plan | None] = []
    waiting: list[Waiting] = []
    having = {kind: by_sku(sites) for kind, (_, sites) in around.kinds.items()}
    for number, wanted in enumerate(around.orders):
        profile, _ = around.of(wanted)
        needs = needs_of(wanted)
        stocked = having[wanted.promise, wanted.channel]
        sites = {id(site): site for sku in needs for site in stocked.get(sku, ())}
        found = alone(wanted, needs, list(sites.values()), profile, around.moment)
        plans.append(found if isinstance(found, Plan) else None)
        waiting += [found] if isinstance(found, Waiting) else []
        if number % 50 == 0:
            told("reading", number / len(around.orders))
    batch = together(waiting, around)
    solution = solve(batch, seconds, told)
    left = remaining(batch, solution.sends)
    settled = iter(zip(waiting, batch.jobs, solution.sends, strict=True))
    made = [plan or planned(*next(settled), batch, solution.gap, left, around) for plan in plans]
    return BatchPlan(
        plans=made,
        cost_fen=sum(plan.decision.cost_fen or 0 for plan in made),
        gap=solution.gap,
        sent=sum(plan.refusal is None for plan in made),
        waiting=sum(plan.refusal is not None and plan.refusal.code == "waits" for plan in made),
        refused=sum(plan.refusal is not None and plan.refusal.code != "waits" for plan in made),
        parcels=sum(len(plan.parcels) for plan in made),
    )


def by_sku(sites: Sequence[Site]) -> Mapping[int, Sequence[Site]]:
    found: dict[int, list[Site]] = {}
    for site in sites:
        for sku, pieces in site.free.items():
            if pieces > 0:
                found.setdefault(sku, []).append(site)
    return found


def alone(
    wanted: PlanRequest, needs: Needs, sites: Sequence[Site], profile: Profile, moment: datetime
) -> Waiting | Plan:
    """An order that could be sent if it were alone, or the refusal."""
    candidates = {
        found.id: found
        for site in sites
        if isinstance(found := assess(site, wanted, needs, profile, moment), Candidate)
    }
    if shortages([*candidates.values()], needs, {}):
        return briefly(decide(sites, wanted, profile, moment))
    parcel_fen = {id: offer(each, needs, profile.costs).fixed_fen for id, each in candidates.items()}
    return Waiting(wanted, needs, candidates, parcel_fen)


def briefly(plan: Plan) -> Plan:
    """With the first of its reasons."""
    decision = plan.decision
    short = {
        "infeasible": decision.infeasible[:REASONS_KEPT],
        "rounds": [ranks[:RANKS_KEPT] for ranks in decision.rounds],
    }
    return plan.model_copy(update={"decision": decision.model_copy(update=short)})


def together(waiting: Sequence[Waiting], around: Surroundings) -> Batch:
    """What the orders share: of each shelf what every channel may take that may take any of it.

    A piece costs as the kind of order says that asks most for it.
    """
    sites = [site for _, found in around.kinds.values() for site in found]
    free: dict[int, dict[int, int]] = {}
    for site in sites:
        held = free.setdefault(site.place.id, {})
        for sku, pieces in site.free.items():
            if pieces > 0:
                held[sku] = min(pieces, held.get(sku, pieces))
    stock_fen = max((profile.costs.stock_fen for profile, _ in around.kinds.values()), default=0)
    return Batch(
        jobs=[
            Job(
                each.needs,
                each.parcel_fen,
                split_limit(each.wanted, around.of(each.wanted)[0]),
                barred(each, free),
            )
            for each in waiting
        ],
        free=free,
        piece_fen={
            place: {sku: stock_fen // pieces for sku, pieces in held.items()} for place, held in free.items()
        },
        room={site.place.id: max(0, site.most - site.taken) for site in sites if site.most is not None},
    )


def barred(order: Waiting, free: Mapping[int, Mapping[int, int]]) -> frozenset[tuple[int, int]]:
    """The shelves that an order may not take from though others may."""
    told = {(bar.location_id, bar.sku_id) for bar in order.wanted.barred if bar.sku_id is not None}
    none = {
        (id, sku)
        for id, each in order.candidates.items()
        for sku in order.needs
        if sku in free[id] and each.site.free.get(sku, 0) <= 0
    }
    return frozenset(told | none)


def solve(batch: Batch, seconds: float, told: Told = silent) -> Assignment:
    """Exact when it is small, else by prices; the better one when the exact solver is not done in time."""
    from backoffice.fulfillment.batches.exact import exact, shelves  # the solver: a second and 70 MB
    from backoffice.fulfillment.batches.prices import GOOD_GAP, by_prices

    if len(shelves(batch)) > SMALL:
        return by_prices(batch, seconds, told)
    told("combining", 0.0)
    solved = exact(batch, EXACT_SHARE * seconds)
    if solved.gap <= GOOD_GAP:
        return solved
    priced = by_prices(batch, (1 - EXACT_SHARE) * seconds, told)
    best = min(solved, priced, key=lambda each: each.cost_fen)
    return Assignment(best.sends, best.cost_fen, max(solved.bound_fen, priced.bound_fen))


def remaining(batch: Batch, sends: Sequence[Sends | None]) -> Mapping[int, Mapping[int, int]]:
    """What is left on the shelves where somebody can still be served."""
    free = {place: dict(held) for place, held in batch.free.items()}
    room = dict(batch.room)
    for sent in sends:
        for place, parcel in (sent or {}).items():
            room[place] = room.get(place, len(sends)) - 1
            for sku, pieces in parcel.items():
                free[place][sku] -= pieces
    return {place: held for place, held in free.items() if room.get(place, 1) > 0}


def planned(
    order: Waiting,
    job: Job,
    sent: Sends | None,
    batch: Batch,
    gap: float,
    left: Mapping[int, Mapping[int, int]],
    around: Surroundings,
) -> Plan:
    """The plan of an order of a batch; one that waits says what the others leave for it."""
    ranks = sorted(order.parcel_fen.items(), key=lambda pair: (pair[1], pair[0]))[:RANKS_KEPT]
    decision = Decision(
        strategy="batch",
        rules=[],
        rounds=[[Ranked(location_id=id, ranks=[fen]) for id, fen in ranks]],
        infeasible=[],
        gap=gap,
    )
    plan = Plan(
        promise=order.wanted.promise,
        hour=hour_of(around.moment),
        destination=order.wanted.destination,
        parcels=[],
        decision=decision,
    )
    if sent is None:
        profile, sites = around.of(order.wanted)
        by_itself = decide(
            [site for site in sites if site.place.id in order.candidates],
            order.wanted,
            profile,
            around.moment,
        )
        if by_itself.refusal:
            return briefly(by_itself)
        there = [each for id, each in order.candidates.items() if id in left]
        short = [
            line.model_copy(update={"available": min(line.wanted, free), "elsewhere": 0})
            for line in shortages([], order.needs, {})
            if (free := sum(left[each.id].get(line.sku_id, 0) for each in there)) < line.wanted
        ]
        return plan.model_copy(update={"refusal": Refusal(code="waits", short=short)})
    taken = [(order.candidates[place], dict(parcel)) for place, parcel in sorted(sent.items())]
    priced = decision.model_copy(update={"cost_fen": cost_of_one(batch, job, sent)})
    return plan.model_copy(update={"parcels": parcels_of(taken), "decision": priced})
