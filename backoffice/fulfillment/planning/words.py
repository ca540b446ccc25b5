"""A plan in words: what it does, and why. Pure; sentences in `messages.yml` under `plan`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backoffice.fulfillment.planning.schemas import Barrier, Decided, Parcel, Ranked
from backoffice.kit.messages import catalogue, message

MOST_NAMES = 3


@dataclass(frozen=True)
class Spot:
    """A location; its coordinates are WGS-84 degrees."""

    name: str
    latitude: float
    longitude: float

    @property
    def short(self) -> str:
        return self.name.rpartition("·")[2] or self.name


def say(key: str, **fields: Any) -> str:
    return message("fulfillment", f"plan.{key}", **fields)


def pieces(parcel: Parcel) -> int:
    return sum(pick.quantity for pick in parcel.picks)


def names(spots: Mapping[int, Spot], parcels: Sequence[Parcel] = ()) -> dict[int, str]:
    return {each.location_id: each.location for each in parcels} | {
        id: spot.short for id, spot in spots.items()
    }


def heading(plan: Decided) -> tuple[str, str, str]:
    """The title, where it goes, and how much of what kind."""
    kind = catalogue("fulfillment")["kinds"][plan.promise]
    to = plan.destination.city or plan.destination.province
    parts = say("summary", parcels=len(plan.parcels), pieces=sum(map(pieces, plan.parcels)))
    if plan.cost_fen is not None:
        parts += say("cost", yuan=f"{plan.cost_fen / 100:.2f}")
    return say("title", kind=kind), say("to", place=to) if to else say("to_unknown"), parts


def parcel_line(parcel: Parcel, name: str) -> str:
    way = "" if parcel.distance_km is None else say("way", km=f"{parcel.distance_km:g}")
    return say("parcel", name=name, pieces=pieces(parcel), way=way)


def arrives(plan: Decided, parcel: Parcel) -> str:
    if plan.promise == "store_pickup":
        return say("pickup")
    if parcel.eta_minutes is not None:
        return say("minutes", minutes=parcel.eta_minutes)
    leaves, first, last = (
        f"{day:%m-%d}" for day in (parcel.leaves_on, parcel.arrives_from, parcel.arrives_to)
    )
    return (
        say("day", leaves=leaves, first=first)
        if first == last
        else say("days", leaves=leaves, first=first, last=last)
    )


def reason(plan: Decided, ranks: Sequence[Ranked], named: Mapping[int, str]) -> str:
    """Why the first of a round was chosen."""

    def name(one: Ranked) -> str:
        return named.get(one.location_id, str(one.location_id))

    if len(ranks) == 1:
        return say("only", name=name(ranks[0]))
    best, second = ranks[:2]
    rules = catalogue("fulfillment")["plan"]["rules"]
    for rule, mine, other in zip(plan.rules, best.ranks, second.ranks, strict=True):
        if mine != other:
            return say("won", name=name(best), other=name(second), rule=rules[rule])
    return say("tied", name=name(best), other=name(second))


def hindrances(barriers: Mapping[Barrier, Sequence[int]], named: Mapping[int, str]) -> list[str]:
    lines = []
    for barrier, ids in barriers.items():
        called = catalogue("fulfillment")["plan"]["barriers"][barrier]
        known = [named[id] for id in ids if id in named]
        if len(ids) <= MOST_NAMES and len(known) == len(ids):
            lines.append(say("barred_named", barrier=called, names="、".join(known)))
        else:
            lines.append(say("barred", barrier=called, count=len(ids)))
    return lines


def described(plan: Decided, spots: Mapping[int, Spot]) -> str:
    """The picture in words, for who cannot see it."""
    named = names(spots, plan.parcels)
    title, to, parts = heading(plan)
    lines = [f"{title}，{to}：{parts}"]
    lines += [f"{parcel_line(each, named[each.location_id])}，{arrives(plan, each)}" for each in plan.parcels]
    lines.append(catalogue("fulfillment")["plan"]["strategies"][plan.strategy])
    if plan.rules:
        lines += [reason(plan, ranks, named) for ranks in plan.rounds if ranks]
    lines += hindrances(plan.barriers, named)
    return "；".join(lines) + "。"
