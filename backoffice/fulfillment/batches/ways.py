"""The ways in which one order of a batch can be sent, and the cheapest of them at any prices. Pure rules.

A parcel is a vector: pieces of each line. The cheapest location for every vector is found at once, then
vectors that add up to the order are put together. Arrays count by number of the location and of the shelf.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from backoffice.fulfillment.batches.batching import Batch, Job, Sends
from backoffice.fulfillment.planning.costs import Offer, solved

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]
MOST_VECTORS = 256
ALTERNATIVES = 3
OFFERS_OF_WIDE = 30
"""So many locations are looked at for an order of too many lines and pieces for vectors."""


@dataclass(frozen=True)
class Way:
    """An order's parcels: pieces by location number and shelf number; `cost` without prices."""

    parcels: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    cost: int


@dataclass(frozen=True)
class Vectors:
    """All that a parcel of an order of such a shape can hold (rows; the first is nothing, the last all), and
    every pair of rows that make a third: `one[i] + other[i] = sum`, sums ascending from `starts`.
    """

    rows: Numbers
    one: Indices
    other: Indices
    starts: Indices


@cache
def vectors(shape: tuple[int, ...]) -> Vectors:
    rows = list(product(*(range(count + 1) for count in shape)))
    place = {row: at for at, row in enumerate(rows)}
    one, other, starts = list[int](), list[int](), list[int]()
    for row in rows:
        starts.append(len(one))
        for part in product(*(range(count + 1) for count in row)):
            one.append(place[part])
            other.append(place[tuple(a - b for a, b in zip(row, part, strict=True))])
    return Vectors(np.array(rows, dtype=float), np.array(one), np.array(other), np.array(starts))


class Stock:
    """What a batch shares, in arrays. The last shelf is one that has nothing."""

    def __init__(self, batch: Batch) -> None:
        self.places = sorted({place for job in batch.jobs for place in job.parcel_fen})
        self.place_number = {place: number for number, place in enumerate(self.places)}
        wanted = {sku for job in batch.jobs for sku in job.needs}
        self.shelves = [
            (place, sku)
            for place in self.places
            for sku, pieces in sorted(batch.free.get(place, {}).items())
            if pieces > 0 and sku in wanted
        ]
        self.shelf_number = {shelf: number for number, shelf in enumerate(self.shelves)}
        pieces = [batch.free[place][sku] for place, sku in self.shelves]
        self.free = np.array([*pieces, 0], dtype=float)
        self.piece_fen = np.array(
            [*(batch.piece_fen[place][sku] for place, sku in self.shelves), 0], dtype=float
        )
        self.room = np.array([batch.room.get(place, np.inf) for place in self.places], dtype=float)

    def shelf(self, place: int, sku: int, job: Job) -> int:
        """Where an order would take a SKU from at a location."""
        nothing = len(self.shelves)
        return nothing if (place, sku) in job.barred else self.shelf_number.get((place, sku), nothing)

    def sends(self, way: Way) -> Sends:
        return {
            self.places[place]: {self.shelves[shelf][1]: pieces for shelf, pieces in parcel}
            for place, parcel in way.parcels
        }


class Chooser:
    """Finds the cheapest ways of one order."""

    def __init__(self, job: Job, stock: Stock) -> None:
        self.skus = list(job.needs)
        self.needs = np.array([job.needs[sku] for sku in self.skus], dtype=float)
        self.limit = job.split_limit
        self.stock = stock
        nothing = len(stock.shelves)
        kept = [
            (stock.place_number[place], fen, shelves)
            for place, fen in job.parcel_fen.items()
            if stock.room[stock.place_number[place]] > 0
            and min(shelves := [stock.shelf(place, sku, job) for sku in self.skus]) < nothing
        ]
        self.places: Indices = np.array([place for place, _, _ in kept], dtype=np.int64)
        self.parcel_fen: Numbers = np.array([fen for _, fen, _ in kept], dtype=float)
        self.shelves: Indices = (
            np.array([shelves for _, _, shelves in kept], dtype=np.int64).reshape(len(kept), len(self.skus)).T
        )
        shape = tuple(job.needs.values())
        self.wide = prod(count + 1 for count in shape) > MOST_VECTORS
        self.vectors = None if self.wide else vectors(shape)
        self.costs: Numbers | None = None if self.wide else self.of_vectors(stock.free, stock.room)

    def of_vectors(self, free: Numbers, room: Numbers) -> Numbers:
        """What each vector (row) costs from each location (column) where there is so much; else infinite."""
        assert self.vectors
        rows = self.vectors.rows
        have = np.where(room[self.places] > 0, free[self.shelves], 0)
        costs: Numbers = rows @ self.stock.piece_fen[self.shelves] + self.parcel_fen
        for line in range(len(self.skus)):
            costs[rows[:, line, None] > have[line]] = np.inf
        return costs

    def priced(self, costs: Numbers, shelf_price: Numbers, place_price: Numbers) -> Numbers:
        assert self.vectors
        priced: Numbers = costs + self.vectors.rows @ shelf_price[self.shelves] + place_price[self.places]
        return priced

    def best(
        self, shelf_price: Numbers, place_price: Numbers, several: bool = True
    ) -> tuple[float, list[Way]]:
        """The least priced cost of any way, or something below it, and good ways, best first."""
        if not len(self.places):
            return np.inf, []
        if self.costs is None:
            return self.best_of_wide(self.stock.free, self.stock.room, shelf_price, place_price)
        priced = self.priced(self.costs, shelf_price, place_price)
        return self.put_together(priced, self.stock.free, ALTERNATIVES if several else 0)

    def now(self, free: Numbers, room: Numbers, shelf_price: Numbers, place_price: Numbers) -> Way | None:
        """The cheapest way with what is left; None when there is none."""
        if not len(self.places):
            return None
        if self.wide:
            _, ways = self.best_of_wide(free, room, shelf_price, place_price)
        else:
            priced = self.priced(self.of_vectors(free, room), shelf_price, place_price)
            _, ways = self.put_together(priced, free, 0)
        return ways[0] if ways else None

    def put_together(self, priced: Numbers, free: Numbers, alternatives: int) -> tuple[float, list[Way]]:
        assert self.vectors
        where = priced.argmin(axis=1)
        one = priced[np.arange(len(priced)), where]
        one[0] = 0
        levels: list[Numbers] = []
        best = one
        for _ in range(min(self.limit, int(self.needs.sum())) - 1):
            levels.append(one[self.vectors.one] + best[self.vectors.other])
            best = np.minimum.reduceat(levels[-1], self.vectors.starts)
        least = float(best[-1])
        ways: list[Way] = []
        if np.isfinite(least):
            row, parts = len(one) - 1, list[int]()
            for sums in reversed(levels):
                start = self.vectors.starts[row]
                end = self.vectors.starts[row + 1] if row + 1 < len(one) else len(sums)
                at = start + int(sums[start:end].argmin())
                if self.vectors.one[at]:
                    parts.append(int(self.vectors.one[at]))
                row = int(self.vectors.other[at])
            parts += [row] if row else []
            made = self.way([(int(where[part]), part) for part in parts], free)
            made = made or self.way(self.apart(priced, parts), free)
            ways += [made] if made else []
        if np.isfinite(least) and not ways:
            ways = self.solved(free, np.flatnonzero(np.isfinite(priced[1:]).any(axis=0)))
        if alternatives:
            whole = priced[-1]
            count = min(alternatives, len(whole))
            for column in np.argpartition(whole, count - 1)[:count].tolist():
                if np.isfinite(whole[column]) and (made := self.way([(column, len(one) - 1)], free)):
                    ways.append(made)
        return least, ways

    def apart(self, priced: Numbers, parts: Sequence[int]) -> list[tuple[int, int]]:
        """A location of its own for each vector, as cheap as is left; fewer when there are not so many."""
        chosen: list[tuple[int, int]] = []
        for part in parts:
            costs = priced[part].copy()
            costs[[column for column, _ in chosen]] = np.inf
            column = int(costs.argmin())
            if np.isfinite(costs[column]):
                chosen.append((column, part))
        return chosen

    def way(self, parts: Sequence[tuple[int, int]], free: Numbers) -> Way | None:
        """Vectors by column as a way, those of one location in one parcel; None when it has too little."""
        assert self.vectors
        together: dict[int, Numbers] = {}
        for column, row in parts:
            together[column] = together.get(column, 0) + self.vectors.rows[row]
        if not np.array_equal(sum(together.values()), self.needs):
            return None
        parcels, cost = [], 0.0
        for column, pieces in sorted(together.items()):
            shelves = self.shelves[:, column]
            if (pieces > free[shelves]).any():
                return None
            cost += self.parcel_fen[column] + float(pieces @ self.stock.piece_fen[shelves])
            parcel = tuple(
                (shelf, int(count))
                for shelf, count in zip(shelves.tolist(), pieces.tolist(), strict=True)
                if count
            )
            parcels.append((int(self.places[column]), parcel))
        return Way(tuple(parcels), round(cost))

    def best_of_wide(
        self, free: Numbers, room: Numbers, shelf_price: Numbers, place_price: Numbers
    ) -> tuple[float, list[Way]]:
        """For too many vectors: a bound that lets every line choose alone, and a way found by the solver."""
        have = np.minimum(np.where(room[self.places] > 0, free[self.shelves], 0), self.needs[:, None])
        piece = self.stock.piece_fen[self.shelves] + shelf_price[self.shelves]
        parcel = self.parcel_fen + place_price[self.places]
        if not (have.sum(axis=1) >= self.needs).all():
            return np.inf, []
        each = np.where(have > 0, piece, np.inf).min(axis=1)
        bound = float(parcel.min() + each @ self.needs)
        worth = (have * (parcel.mean() + each[:, None] - piece)).sum(axis=0) - parcel
        few = np.argsort(-worth)[:OFFERS_OF_WIDE]
        few = few[room[self.places[few]] > 0]
        ways = self.solved(free, few, shelf_price, place_price)
        return bound, ways or self.solved(free, np.flatnonzero(room[self.places] > 0))

    def solved(
        self,
        free: Numbers,
        columns: Indices,
        shelf_price: Numbers | None = None,
        place_price: Numbers | None = None,
    ) -> list[Way]:
        """The cheapest way by the solver, at most one, from these columns."""
        shelf = self.stock.piece_fen + (0 if shelf_price is None else shelf_price)
        place = 0 if place_price is None else place_price[self.places]
        parcel = self.parcel_fen + place
        offers = [
            Offer(
                {line: int(free[at]) for line, at in enumerate(self.shelves[:, column]) if free[at] > 0},
                round(float(parcel[column])),
                {line: round(float(shelf[at])) for line, at in enumerate(self.shelves[:, column])},
            )
            for column in columns.tolist()
        ]
        needs = {line: int(count) for line, count in enumerate(self.needs.tolist())}
        found = solved(offers, needs, self.limit)
        if found is None:
            return []
        parcels, cost = [], 0.0
        for at, sent in sorted(found.sends.items()):
            column = int(columns[at])
            shelves = [(int(self.shelves[line, column]), count) for line, count in sent.items()]
            cost += self.parcel_fen[column]
            cost += sum(count * self.stock.piece_fen[each] for each, count in shelves)
            parcels.append((int(self.places[column]), tuple(shelves)))
        return [Way(tuple(parcels), round(cost))]
