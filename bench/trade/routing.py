"""`python -m bench.trade.routing`: a batch planned by prices, nearest-first and by the exact solver.

One made-up shop, the same for a seed: cities by their size, warehouses that have most SKUs, stores that have
a quarter of them in ones to threes, hours that are soon full. All three plan the same orders in one run.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from backoffice.fulfillment.batches.batching import Assignment, Batch, Job, Sends, cost_of, faults
from backoffice.fulfillment.batches.exact import exact
from backoffice.fulfillment.batches.prices import by_prices
from backoffice.kit.geo import distance_km

SKUS, CITIES = 300, 60
PARCEL_FEN, KM_FEN, STOCK_FEN = 600, 0.5, 100
SPLIT_LIMIT = 3
WITHIN = 0.01
"""Of the exact cost, or of what no plan can be below where the exact solver is not done in time."""
SECONDS = 60.0
Spot = tuple[float, float]


@dataclass(frozen=True)
class Planned:
    name: str
    found: Assignment
    seconds: float


def made(orders: int, locations: int, seed: int) -> Batch:
    """A batch of so many orders over so many locations, a hundredth of them warehouses, three at least."""
    chance = random.Random(seed)
    cities = [(chance.uniform(22, 42), chance.uniform(103, 122)) for _ in range(CITIES)]
    sizes = [1 / (rank + 1) ** 0.7 for rank in range(CITIES)]
    sought = [1 / (rank + 1) ** 0.8 for rank in range(SKUS)]

    def near(city: Spot, spread: float) -> Spot:
        return city[0] + chance.gauss(0, spread), city[1] + chance.gauss(0, spread)

    wanted: list[tuple[Spot, dict[int, int]]] = []
    demand = Counter[int]()
    for _ in range(orders):
        lines = chance.choices([1, 2, 3, 4], [55, 25, 13, 7])[0]
        needs: dict[int, int] = {}
        while len(needs) < lines:
            needs[chance.choices(range(SKUS), sought)[0]] = chance.choices([1, 2, 3], [85, 11, 4])[0]
        wanted.append((near(chance.choices(cities, sizes)[0], 0.15), needs))
        demand.update(needs)
    warehouses = max(3, locations // 100)
    spots: list[Spot] = []
    free: dict[int, dict[int, int]] = {}
    room: dict[int, int] = {}
    for location in range(locations):
        if location < warehouses:
            spots.append(near(cities[location % CITIES], 0.1))
            share = 3 / warehouses
            held = {
                sku: round(chance.uniform(0.1, 0.6) * demand[sku] * share + chance.random())
                for sku in range(SKUS)
            }
            room[location] = int(0.3 * orders * share)
        else:
            spots.append(near(chance.choices(cities, sizes)[0], 0.1))
            held = {sku: chance.randint(1, 3) for sku in range(SKUS) if chance.random() < 0.25}
            room[location] = max(2, int(chance.uniform(0.3, 1.2) * orders / (locations - warehouses)))
        free[location] = {sku: pieces for sku, pieces in held.items() if pieces}
    jobs = [
        Job(
            needs,
            {
                location: PARCEL_FEN + round(KM_FEN * distance_km(*spot, *spots[location]))
                for location in range(locations)
                if not needs.keys().isdisjoint(free[location])
            },
            SPLIT_LIMIT,
        )
        for spot, needs in wanted
    ]
    prices = {
        location: {sku: STOCK_FEN // pieces for sku, pieces in held.items()}
        for location, held in free.items()
    }
    return Batch(jobs, free, prices, room)


def nearest_first(batch: Batch) -> Assignment:
    """Each order in turn takes what it lacks from the nearest location that has some of it."""
    free = {place: dict(held) for place, held in batch.free.items()}
    room = dict(batch.room)
    sends: list[Sends | None] = []
    for job in batch.jobs:
        left, taken = dict(job.needs), dict[int, dict[int, int]]()
        for place in sorted(job.parcel_fen, key=lambda place: job.parcel_fen[place]):
            parcel = {sku: min(count, free[place].get(sku, 0)) for sku, count in left.items()}
            parcel = {sku: count for sku, count in parcel.items() if count}
            if parcel and room[place] and len(taken) < job.split_limit:
                taken[place] = parcel
                left = {sku: rest for sku in left if (rest := left[sku] - parcel.get(sku, 0))}
        if left:
            sends.append(None)
            continue
        sends.append(taken)
        for place, parcel in taken.items():
            room[place] -= 1
            for sku, count in parcel.items():
                free[place][sku] -= count
    return Assignment(sends, cost_of(batch, sends), 0)


def measure(batch: Batch, exact_seconds: float) -> list[Planned]:
    """The three plans; each is held against the limits of the batch."""
    ways: dict[str, Callable[[], Assignment]] = {
        "nearest": lambda: nearest_first(batch),
        "by prices": lambda: by_prices(batch, SECONDS),
        "exact": lambda: exact(batch, exact_seconds),
    }
    planned = []
    for name, way in ways.items():
        began = time.perf_counter()
        found = way()
        planned.append(Planned(name, found, time.perf_counter() - began))
        if wrong := next(faults(batch, found.sends), None):
            raise AssertionError(f"{name}: {wrong}")
    return planned


def report(title: str, batch: Batch, planned: list[Planned]) -> bool:
    """Prints the plans, how far each is over the bound and how many times as long as nearest-first it took;
    whether the one by prices is within what it must be.
    """
    nearest, priced, solved = planned
    bound = max(each.found.bound_fen for each in planned)
    table = Table("", "yuan", "over", "waiting", "parcels", "seconds", "times", title=title)
    for each in planned:
        found = each.found
        sent = [one for one in found.sends if one is not None]
        cost = found.cost_fen - found.left * batch.waiting_fen
        table.add_row(
            each.name,
            f"{cost / 100:,.2f}" if sent else "none found",
            f"+{found.cost_fen / bound - 1:.3%}" if sent else "",
            str(found.left),
            str(sum(map(len, sent))),
            f"{each.seconds:.3g}",
            f"{each.seconds / nearest.seconds:.3g}",
        )
    console = Console()
    console.print(table)
    optimal = solved.found.gap < 1e-6
    against = solved.found.cost_fen if optimal else bound
    over = priced.found.cost_fen / against - 1
    console.print(
        f"no plan costs less than {bound / 100:,.2f} yuan; the exact solver "
        + ("is done" if optimal else f"is stopped with a gap of {solved.found.gap:.2%}")
        + f"; by prices costs {over:+.3%} of "
        + ("the exact cost" if optimal else "that bound")
        + f" (must be within {WITHIN:.0%}), in 1/{solved.seconds / priced.seconds:.3g} of its time"
    )
    return over <= WITHIN


def main(
    orders: int = 1000, locations: tuple[int, ...] = (45, 1000), seed: int = 1, exact_seconds: float = 120
) -> int:
    kept = True
    for count in locations:
        batch = made(orders, count, seed)
        planned = measure(batch, exact_seconds)
        kept &= report(f"{orders:,} orders over {count:,} locations", batch, planned)
    return 0 if kept else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.trade.routing", description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--locations", type=int, nargs="+", default=[45, 1000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exact-seconds", type=float, default=120, help="when the exact solver is stopped")
    asked = parser.parse_args()
    sys.exit(main(asked.orders, tuple(asked.locations), asked.seed, asked.exact_seconds))
