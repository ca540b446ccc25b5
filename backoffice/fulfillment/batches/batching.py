"""Many orders planned together, and what such a plan is: pure rules.

What the orders share is limited: pieces on shelves, and how many orders a location still takes. The best plan
costs least, where an order that waits costs more than any way of sending one. Money in fen.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from backoffice.fulfillment.planning.rules import Needs

Sends = Mapping[int, Mapping[int, int]]
"""Location to SKU to pieces, of one order."""
Stage = Literal["reading", "pricing", "combining"]
Told = Callable[[Stage, float], object]
"""Hears what is being done, and which share of it is."""


@dataclass(frozen=True)
class Job:
    """An order: what it needs, and what a parcel costs from each location that can keep its promise.

    `barred`: locations and SKUs that it does not take from them.
    """

    needs: Needs
    parcel_fen: Mapping[int, int]
    split_limit: int
    barred: Collection[tuple[int, int]] = ()


@dataclass(frozen=True)
class Batch:
    """`free` and `piece_fen` by location and SKU; `room`: how many orders a location still takes, any number
    where it is not named.
    """

    jobs: Sequence[Job]
    free: Mapping[int, Mapping[int, int]]
    piece_fen: Mapping[int, Mapping[int, int]]
    room: Mapping[int, int]

    @cached_property
    def waiting_fen(self) -> int:
        """The price of an order that waits: twice what the dearest way of any could cost."""
        piece = max((fen for shelf in self.piece_fen.values() for fen in shelf.values()), default=0)
        dearest = (
            job.split_limit * max(job.parcel_fen.values(), default=0) + piece * sum(job.needs.values())
            for job in self.jobs
        )
        return 2 * max(dearest, default=0) + 1


@dataclass(frozen=True)
class Assignment:
    """What each order gets, None for one that waits; no plan for all costs less than `bound_fen`."""

    sends: Sequence[Sends | None]
    cost_fen: int
    bound_fen: float

    @property
    def gap(self) -> float:
        """How much cheaper another plan could be at most, as a share of the cost."""
        return max(0.0, 1 - self.bound_fen / self.cost_fen) if self.cost_fen else 0.0

    @property
    def left(self) -> int:
        return sum(sends is None for sends in self.sends)


def silent(_: Stage, __: float) -> None:
    """Tells nobody."""


def cost_of(batch: Batch, sends: Sequence[Sends | None]) -> int:
    return sum(cost_of_one(batch, job, sent) for job, sent in zip(batch.jobs, sends, strict=True))


def cost_of_one(batch: Batch, job: Job, sent: Sends | None) -> int:
    if sent is None:
        return batch.waiting_fen
    return sum(
        job.parcel_fen[place] + sum(count * batch.piece_fen[place][sku] for sku, count in pieces.items())
        for place, pieces in sent.items()
    )


def faults(batch: Batch, sends: Sequence[Sends | None]) -> Iterator[str]:
    """What is wrong with a plan: nothing, if it keeps every limit and gives each order all or nothing."""
    pieces, orders = Counter[tuple[int, int]](), Counter[int]()
    for number, (job, sent) in enumerate(zip(batch.jobs, sends, strict=True)):
        if sent is None:
            continue
        got = Counter[int]()
        for place, parcel in sent.items():
            got.update(parcel)
            pieces.update({(place, sku): count for sku, count in parcel.items()})
            refused = any((place, sku) in job.barred for sku in parcel)
            if place not in job.parcel_fen or refused or not parcel or min(parcel.values()) < 1:
                yield f"order {number} has a parcel from {place} that cannot be"
        orders.update(sent.keys())
        if dict(got) != dict(job.needs):
            yield f"order {number} gets other than it needs"
        if len(sent) > job.split_limit:
            yield f"order {number} comes in {len(sent)} parcels"
    for (place, sku), count in pieces.items():
        if count > batch.free.get(place, {}).get(sku, 0):
            yield f"{place} sends {count} of {sku}"
    for place, count in orders.items():
        if count > batch.room.get(place, count):
            yield f"{place} takes {count} orders"
