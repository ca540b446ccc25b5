"""A batch as one mixed-integer programme for HiGHS: exact, for what it can solve in time. Pure rules."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from backoffice.fulfillment.batches.batching import Assignment, Batch, Sends, cost_of

NO_GAP = 1e-9


def shelves(batch: Batch) -> list[tuple[int, int, int, int]]:
    """Order, location, SKU and the most pieces it can take of it there."""
    return [
        (number, place, sku, most)
        for number, job in enumerate(batch.jobs)
        for place in job.parcel_fen
        if batch.room.get(place, 1)
        for sku, wanted in job.needs.items()
        if (place, sku) not in job.barred
        if (most := min(wanted, batch.free.get(place, {}).get(sku, 0)))
    ]


def exact(batch: Batch, seconds: float) -> Assignment:
    """The cheapest plan; when the time is over the best one found, none sent if there is none.

    An order waits or not (`u`), a location sends something to an order or not (`y`), and how many pieces
    (`x`). Given whole `u` and `y` the `x` are flows from shelves to lines, whole by themselves.
    """
    if not batch.jobs:
        return Assignment([], 0, 0)
    taken = shelves(batch)
    pairs = {pair: at for at, pair in enumerate(dict.fromkeys((job, place) for job, place, _, _ in taken))}
    lines = {
        line: at
        for at, line in enumerate((number, sku) for number, job in enumerate(batch.jobs) for sku in job.needs)
    }
    stock = {key: at for at, key in enumerate(dict.fromkeys((place, sku) for _, place, sku, _ in taken))}
    rooms = {place: at for at, place in enumerate(sorted({place for _, place in pairs} & batch.room.keys()))}
    orders, first_x = len(batch.jobs), len(batch.jobs) + len(pairs)
    cost = np.concatenate(
        [
            np.full(orders, batch.waiting_fen),
            [batch.jobs[number].parcel_fen[place] for number, place in pairs],
            [batch.piece_fen[place][sku] for _, place, sku, _ in taken],
        ]
    )
    cells: list[tuple[int, int, float]] = []
    for (number, sku), row in lines.items():
        cells.append((row, number, batch.jobs[number].needs[sku]))
    top = len(lines)
    for column, (number, place, sku, most) in enumerate(taken, first_x):
        cells.append((lines[number, sku], column, 1))
        cells += [(top, column, 1), (top, orders + pairs[number, place], -most)]
        top += 1
    at_stock, at_splits = top, top + len(stock)
    at_rooms = at_splits + orders
    cells += [
        (at_stock + stock[place, sku], column, 1) for column, (_, place, sku, _) in enumerate(taken, first_x)
    ]
    for (number, place), at in pairs.items():
        cells.append((at_splits + number, orders + at, 1))
        if place in rooms:
            cells.append((at_rooms + rooms[place], orders + at, 1))
    rows, columns, values = zip(*cells, strict=True)
    matrix = csr_array((values, (rows, columns)), shape=(at_rooms + len(rooms), len(cost)))
    wanted = np.array([batch.jobs[number].needs[sku] for number, sku in lines], dtype=float)
    high = np.concatenate(
        [
            wanted,
            np.zeros(len(taken)),
            [batch.free[place][sku] for place, sku in stock],
            [job.split_limit for job in batch.jobs],
            [batch.room[place] for place in rooms],
        ]
    )
    low = np.concatenate([wanted, np.full(len(high) - len(wanted), -np.inf)])
    most_each = np.concatenate([np.ones(first_x), [most for _, _, _, most in taken]])
    result = milp(
        cost,
        integrality=np.concatenate([np.ones(first_x), np.zeros(len(taken))]),
        bounds=Bounds(np.zeros(len(cost)), most_each),
        constraints=LinearConstraint(matrix, low, high),
        options={"time_limit": seconds, "mip_rel_gap": NO_GAP},
    )
    bound = float(result.mip_dual_bound or 0) if result.mip_dual_bound is not None else 0.0
    if result.x is None:
        nothing: Sequence[Sends | None] = [None] * orders
        return Assignment(nothing, cost_of(batch, nothing), max(0.0, bound))
    sent: list[dict[int, dict[int, int]] | None] = [
        None if waits else {} for waits in np.rint(result.x[:orders]).astype(int).tolist()
    ]
    for (number, place, sku, _), pieces in zip(
        taken, np.rint(result.x[first_x:]).astype(int).tolist(), strict=True
    ):
        parcels = sent[number]
        if pieces and parcels is not None:
            parcels.setdefault(place, {})[sku] = pieces
    found = cost_of(batch, sent)
    return Assignment(sent, found, min(bound, found))
