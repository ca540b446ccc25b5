"""A large batch: shelves and hours get prices at which orders choose alone, and the choices are combined.

Column generation with smoothed prices; at any prices the sum of what the orders would pay is a bound that no
plan is below. The chosen ways are combined by HiGHS, and mended by letting orders choose again from what is
left. Pure rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from backoffice.fulfillment.batches.batching import Assignment, Batch, Told, cost_of, silent
from backoffice.fulfillment.batches.ways import Chooser, Indices, Numbers, Stock, Way

SMOOTHING = 0.6
"""How much of the prices stays from one round to the next."""
GOOD_GAP = 0.0005
MOST_ROUNDS = 200
PRICING_SHARE = 0.6
"""Of the time that there is."""


@dataclass
class Pool:
    """The ways found so far."""

    jobs: list[int] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    known: set[tuple[int, object]] = field(default_factory=set)

    def add(self, job: int, way: Way) -> bool:
        key = (job, way.parcels)
        if key in self.known:
            return False
        self.known.add(key)
        self.jobs.append(job)
        self.ways.append(way)
        return True


@dataclass(frozen=True)
class Prices:
    shelf: Numbers
    place: Numbers
    order: Numbers


@dataclass(frozen=True)
class Limits:
    """What ways use of what is short: rows of `matrix` are shelves and then locations, at most `most`."""

    matrix: csr_array
    most: Numbers
    shelves: Indices
    places: Indices


def limits(pool: Pool, stock: Stock) -> Limits:
    """Rows only for what the ways in the pool could use up together."""
    shelf_cells: list[tuple[int, int, int]] = []
    place_cells: list[tuple[int, int]] = []
    for column, way in enumerate(pool.ways):
        for place, parcel in way.parcels:
            place_cells.append((place, column))
            shelf_cells += [(shelf, column, count) for shelf, count in parcel]
    cells = np.array(shelf_cells, dtype=np.int64).reshape(-1, 3)
    rooms = np.array(place_cells, dtype=np.int64).reshape(-1, 2)
    used = np.bincount(cells[:, 0], weights=cells[:, 2], minlength=len(stock.free))
    taken = np.bincount(rooms[:, 0], minlength=len(stock.room))
    shelves, places = np.flatnonzero(used > stock.free), np.flatnonzero(taken > stock.room)
    shelf_row = np.full(len(stock.free), -1)
    shelf_row[shelves] = np.arange(len(shelves))
    place_row = np.full(len(stock.room), -1)
    place_row[places] = len(shelves) + np.arange(len(places))
    cells, rooms = cells[shelf_row[cells[:, 0]] >= 0], rooms[place_row[rooms[:, 0]] >= 0]
    rows = np.concatenate([shelf_row[cells[:, 0]], place_row[rooms[:, 0]]])
    columns = np.concatenate([cells[:, 1], rooms[:, 1]])
    values = np.concatenate([cells[:, 2], np.ones(len(rooms))])
    shape = (len(shelves) + len(places), len(pool.ways))
    most = np.concatenate([stock.free[shelves], stock.room[places]])
    return Limits(csr_array((values, (rows, columns)), shape=shape), most, shelves, places)


class Planner:
    def __init__(self, batch: Batch, seconds: float, told: Told = silent) -> None:
        self.batch = batch
        self.stock = Stock(batch)
        self.told = told
        self.began = monotonic()
        self.seconds = seconds
        self.choosers = [Chooser(job, self.stock) for job in batch.jobs]
        self.pool = Pool()
        self.waiting = batch.waiting_fen
        self.hopeless: set[int] = set()
        self.bound = -np.inf
        self.rounds = 0

    def elapsed(self) -> float:
        return (monotonic() - self.began) / self.seconds

    def no_prices(self) -> Prices:
        return Prices(
            np.zeros(len(self.stock.free)),
            np.zeros(len(self.stock.room)),
            np.full(len(self.choosers), self.waiting),
        )

    def plan(self) -> Assignment:
        prices = self.priced()
        first = self.mended(self.in_turn(prices))
        for job, way in enumerate(first):
            if way:
                self.pool.add(job, way)
        found = self.mended(min((self.combined(), first), key=self.cost))
        sends = [None if way is None else self.stock.sends(way) for way in found]
        cost = cost_of(self.batch, sends)
        return Assignment(sends, cost, min(self.bound, cost))

    def cost(self, ways: Sequence[Way | None]) -> int:
        return sum(self.waiting if way is None else way.cost for way in ways)

    def priced(self) -> Prices:
        """Prices at which what is short suffices, nearly; fills the pool and the bound."""
        best = used = self.no_prices()
        keep = 0.0
        for self.rounds in range(1, MOST_ROUNDS + 1):
            bound, news = self.ask(used)
            if bound > self.bound:
                self.bound, best = bound, used
            if (news == 0 and keep == 0) or self.elapsed() > PRICING_SHARE:
                break
            value, fresh = self.master()
            if value - self.bound <= GOOD_GAP * value:
                break
            keep = SMOOTHING if news else 0.0
            used = Prices(
                keep * best.shelf + (1 - keep) * fresh.shelf,
                keep * best.place + (1 - keep) * fresh.place,
                fresh.order,
            )
            self.told("pricing", min(1.0, self.elapsed() / PRICING_SHARE))
        return best

    def ask(self, prices: Prices) -> tuple[float, int]:
        """What all orders pay at these prices less what is sold at them: a bound; how many ways are new."""
        limited = np.isfinite(self.stock.room)
        total = -float(prices.shelf @ self.stock.free)
        total -= float(prices.place[limited] @ self.stock.room[limited])
        news = 0
        for job, chooser in enumerate(self.choosers):
            if job in self.hopeless:
                total += self.waiting
                continue
            least, ways = chooser.best(prices.shelf, prices.place)
            if not ways:
                self.hopeless.add(job)
                least = self.waiting
            total += min(least, self.waiting)
            news += sum(self.pool.add(job, way) for way in ways)
        return total, news

    def master(self) -> tuple[float, Prices]:
        """The least cost of combining shares of the ways in the pool, and the prices that go with it."""
        held = limits(self.pool, self.stock)
        ways, orders = len(self.pool.ways), len(self.choosers)
        cost = np.array([way.cost for way in self.pool.ways] + [self.waiting] * orders, dtype=float)
        each = csr_array(
            (np.ones(ways + orders), (self.pool.jobs + list(range(orders)), range(ways + orders))),
            shape=(orders, ways + orders),
        )
        wide = csr_array(held.matrix)
        wide.resize((held.matrix.shape[0], ways + orders))
        result = linprog(
            cost, A_ub=wide, b_ub=held.most, A_eq=each, b_eq=np.ones(orders), bounds=(0, None), method="highs"
        )
        shelf, place = np.zeros(len(self.stock.free)), np.zeros(len(self.stock.room))
        marginals = -np.asarray(result.ineqlin.marginals)
        shelf[held.shelves] = marginals[: len(held.shelves)]
        place[held.places] = marginals[len(held.shelves) :]
        return float(result.fun), Prices(shelf, place, np.asarray(result.eqlin.marginals))

    def combined(self) -> list[Way | None]:
        """The best whole choice among the ways in the pool that HiGHS finds in the time left."""
        self.told("combining", 0.0)
        held = limits(self.pool, self.stock)
        ways, orders = len(self.pool.ways), len(self.choosers)
        cost = np.array([way.cost for way in self.pool.ways] + [self.waiting] * orders, dtype=float)
        each = csr_array(
            (np.ones(ways + orders), (self.pool.jobs + list(range(orders)), range(ways + orders))),
            shape=(orders, ways + orders),
        )
        wide = csr_array(held.matrix)
        wide.resize((held.matrix.shape[0], ways + orders))
        constraints = [LinearConstraint(each, 1, 1)]
        if wide.shape[0]:
            constraints.append(LinearConstraint(wide, -np.inf, held.most))
        result = milp(
            cost,
            integrality=np.ones(ways + orders),
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={
                "time_limit": max(1.0, 0.9 * self.seconds * (1 - self.elapsed())),
                "mip_rel_gap": GOOD_GAP,
            },
        )
        chosen: list[Way | None] = [None] * orders
        if result.x is not None:
            for column in np.flatnonzero(result.x[:ways] > 0.5).tolist():
                chosen[self.pool.jobs[column]] = self.pool.ways[column]
        return chosen

    def in_turn(self, prices: Prices) -> list[Way | None]:
        """Orders choose one after the other from what is left, the ones that lose most by waiting first."""
        free, room = self.stock.free.copy(), self.stock.room.copy()
        chosen: list[Way | None] = [None] * len(self.choosers)
        for job in np.argsort(-prices.order, kind="stable").tolist():
            way = self.choosers[job].now(free, room, prices.shelf, prices.place)
            chosen[job] = way
            take(free, room, way)
        return chosen

    def mended(self, chosen: list[Way | None]) -> list[Way | None]:
        """Each order chooses again from what is left with its own, until none finds better."""
        free, room = self.stock.free.copy(), self.stock.room.copy()
        nothing = self.no_prices()
        for way in chosen:
            take(free, room, way)
        better = True
        while better and self.elapsed() < 1:
            better = False
            for job, chooser in enumerate(self.choosers):
                before = chosen[job]
                take(free, room, before, -1)
                after = chooser.now(free, room, nothing.shelf, nothing.place)
                if after and (before is None or after.cost < before.cost):
                    chosen[job], better = after, True
                take(free, room, chosen[job])
        return chosen


def take(free: Numbers, room: Numbers, way: Way | None, times: int = 1) -> None:
    for place, parcel in way.parcels if way else ():
        room[place] -= times
        for shelf, count in parcel:
            free[shelf] -= times * count


def by_prices(batch: Batch, seconds: float, told: Told = silent) -> Assignment:
    """A plan close to the cheapest, and a bound, in about so many seconds."""
    if not batch.jobs:
        return Assignment([], 0, 0)
    return Planner(batch, seconds, told).plan()
