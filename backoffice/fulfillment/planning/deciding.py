"""From the sites that have something to a plan, or a refusal with its reasons: pure rules."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from backoffice.fulfillment.planning.costs import Offer, cheapest, offer
from backoffice.fulfillment.planning.feasibility import Candidate, Site, arrival, barrier, way_barrier
from backoffice.fulfillment.planning.rules import Needs, Taken, choose, ranked
from backoffice.fulfillment.planning.schemas import (
    Barrier,
    Decision,
    Infeasible,
    Parcel,
    Plan,
    PlanRequest,
    Profile,
    Ranked,
    Refusal,
    RefusalCode,
    Short,
)
from backoffice.inventory.schemas import Pick
from backoffice.kit.geo import distance_km

RANK_FEN = 10**6
"""Stands for a parcel where their number goes before everything."""


def needs_of(wanted: PlanRequest) -> dict[int, int]:
    """SKU to pieces, by SKU; lines that share a SKU summed."""
    sums: Counter[int] = Counter()
    for line in wanted.lines:
        sums[line.sku_id] += line.quantity
    return dict(sorted(sums.items()))


def split_limit(wanted: PlanRequest, profile: Profile) -> int:
    """What is fetched, or brought at once, comes from one place."""
    return 1 if wanted.promise in ("store_pickup", "instant") else profile.split_limit


def assess(
    site: Site, wanted: PlanRequest, needs: Needs, profile: Profile, moment: datetime
) -> Candidate | Barrier:
    """The site as a candidate, or what keeps it from being one."""
    if wanted.promise == "store_pickup" and site.place.id != wanted.store_id:
        return "other_store"
    barred = {each.sku_id for each in wanted.barred if each.location_id == site.place.id}
    if None in barred:
        return "barred"
    usable = site
    if barred:
        usable = replace(site, free={sku: free for sku, free in site.free.items() if sku not in barred})
    if not any(usable.free.get(sku) for sku in needs):
        return "no_stock"
    stopped = barrier(usable, wanted.promise, moment)
    if stopped:
        return stopped
    here = wanted.destination.point
    way_km = distance_km(*here, usable.place.latitude, usable.place.longitude) if here else None
    stopped = way_barrier(usable.terms, wanted.promise, wanted.destination, way_km, profile)
    if stopped:
        return stopped
    return Candidate(usable, way_km, arrival(usable, wanted.promise, moment, wanted.destination, way_km))


def decide(sites: Iterable[Site], wanted: PlanRequest, profile: Profile, moment: datetime) -> Plan:
    """The plan for an order; the sites are all that have any of its SKUs free, in any order."""
    needs = needs_of(wanted)
    candidates: list[Candidate] = []
    infeasible: list[Infeasible] = []
    elsewhere: Counter[int] = Counter()
    for site in sorted(sites, key=lambda site: site.place.id):
        found = assess(site, wanted, needs, profile, moment)
        if isinstance(found, Candidate):
            candidates.append(found)
            continue
        infeasible.append(Infeasible(location_id=site.place.id, location=site.place.name, barrier=found))
        elsewhere.update({sku: site.free.get(sku, 0) for sku in needs} if found != "barred" else {})
    rules = [setting.rule for setting in profile.rules]
    decision = Decision(strategy=profile.strategy, rules=rules, rounds=[], infeasible=infeasible)
    short = shortages(candidates, needs, elsewhere)
    if short:
        somewhere = all(line.available + line.elsewhere >= line.wanted for line in short)
        code: RefusalCode = "not_deliverable" if somewhere else "out_of_stock"
        return refused(wanted, code, short, decision, moment)
    if profile.strategy == "cost":
        taken, decision = by_cost(candidates, needs, wanted, profile, decision)
    else:
        taken, decision = by_rules(candidates, needs, wanted, profile, decision)
    if not taken:
        return refused(wanted, "split_limit", short_of_one(candidates, needs), decision, moment)
    return Plan(
        promise=wanted.promise,
        hour=hour_of(moment),
        destination=wanted.destination,
        parcels=parcels_of(taken),
        decision=decision,
    )


def hour_of(moment: datetime) -> datetime:
    """Its first moment."""
    return moment.replace(minute=0, second=0, microsecond=0)


def refused(
    wanted: PlanRequest, code: RefusalCode, short: list[Short], decision: Decision, moment: datetime
) -> Plan:
    return Plan(
        promise=wanted.promise,
        hour=hour_of(moment),
        destination=wanted.destination,
        parcels=[],
        refusal=Refusal(code=code, short=short),
        decision=decision,
    )


def short_of_one(candidates: Sequence[Candidate], needs: Needs) -> list[Short]:
    """What the candidate that has most of it lacks, the others having the rest."""

    def lacks(candidate: Candidate) -> int:
        return sum(max(0, wanted - candidate.site.free.get(sku, 0)) for sku, wanted in needs.items())

    fullest = min(candidates, key=lacks)
    others = Counter[int]()
    for each in candidates:
        if each is not fullest:
            others.update(each.site.free)
    return shortages([fullest], needs, others)


def shortages(candidates: Sequence[Candidate], needs: Needs, elsewhere: Mapping[int, int]) -> list[Short]:
    """The lines for which the candidates together have too little."""
    there = {sku: sum(each.site.free.get(sku, 0) for each in candidates) for sku in needs}
    return [
        Short(sku_id=sku, wanted=wanted, available=there[sku], elsewhere=elsewhere.get(sku, 0))
        for sku, wanted in needs.items()
        if there[sku] < wanted
    ]


def by_rules(
    candidates: Sequence[Candidate], needs: Needs, wanted: PlanRequest, profile: Profile, decision: Decision
) -> tuple[Taken, Decision]:
    """What the rules choose; when that is too many parcels, the fewest there can be, best ranked first."""
    limit = split_limit(wanted, profile)
    taken, rounds = choose(candidates, needs, wanted.destination, profile.rules)
    if len(taken) <= limit:
        return taken, decision.model_copy(update={"rounds": rounds})
    order = [each for each, _ in ranked(candidates, needs, wanted.destination, profile.rules)]
    offers = [
        Offer(each.site.free, RANK_FEN + place, dict.fromkeys(needs, 0)) for place, each in enumerate(order)
    ]
    solution = cheapest(offers, needs, limit)
    decision = decision.model_copy(update={"strategy": "fewest_parcels", "rounds": rounds[:1]})
    if solution is None:
        return [], decision
    return [(order[place], dict(sent)) for place, sent in sorted(solution.sends.items())], decision


def by_cost(
    candidates: Sequence[Candidate], needs: Needs, wanted: PlanRequest, profile: Profile, decision: Decision
) -> tuple[Taken, Decision]:
    """The cheapest choice; each location's ranks are then its cost as a parcel, in fen."""
    offers = [offer(each, needs, profile.costs) for each in candidates]
    solution = cheapest(offers, needs, split_limit(wanted, profile))
    priced = sorted(
        (
            Ranked(location_id=each.id, ranks=[made.fixed_fen])
            for each, made in zip(candidates, offers, strict=True)
        ),
        key=lambda one: (one.ranks, one.location_id),
    )
    decision = decision.model_copy(update={"rules": [], "rounds": [priced]})
    if solution is None:
        return [], decision
    decision = decision.model_copy(update={"cost_fen": solution.cost_fen, "gap": solution.gap})
    return [(candidates[place], dict(sent)) for place, sent in sorted(solution.sends.items())], decision


def parcels_of(taken: Taken) -> list[Parcel]:
    return [
        Parcel(
            location_id=each.id,
            location=each.site.place.name,
            picks=[Pick(each.id, sku, pieces) for sku, pieces in sorted(sends.items())],
            distance_km=None if each.distance_km is None else round(each.distance_km, 1),
            **each.arrival.model_dump(),
        )
        for each, sends in taken
    ]
