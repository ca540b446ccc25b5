"""Plans for many orders at once: within every limit, and as cheap as trying everything."""

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.fulfillment.batches import prices as batch_prices
from backoffice.fulfillment.batches.batching import Batch, Job, Sends, cost_of, cost_of_one, faults
from backoffice.fulfillment.batches.exact import exact
from backoffice.fulfillment.batches.prices import Planner, by_prices
from bench.trade.routing import made, nearest_first

PLACES, SKUS = range(1, 5), range(1, 4)


@st.composite
def batches(draw: st.DrawFn, most_jobs: int = 3) -> Batch:
    free = draw(
        st.fixed_dictionaries(
            {at: st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3)) for at in PLACES}
        )
    )
    jobs = st.builds(
        Job,
        st.dictionaries(st.sampled_from(SKUS), st.integers(1, 2), min_size=1, max_size=2),
        st.dictionaries(st.sampled_from(PLACES), st.integers(0, 900), min_size=1),
        st.integers(1, 3),
    )
    return Batch(
        draw(st.lists(jobs, max_size=most_jobs)),
        free,
        {at: {sku: 60 // pieces for sku, pieces in held.items()} for at, held in free.items()},
        draw(st.dictionaries(st.sampled_from(PLACES), st.integers(0, 2))),
    )


def ways(batch: Batch, job: Job) -> list[Sends | None]:
    """Every way of sending an order as if it were alone, and letting it wait."""
    found: list[Sends | None] = [None]
    alone = Batch([job], batch.free, batch.piece_fen, batch.room)
    for size in range(1, job.split_limit + 1):
        for places in combinations(sorted(job.parcel_fen), size):
            counts = [range(wanted + 1) for wanted in job.needs.values() for _ in places]
            for split in product(*counts):
                shares = iter(split)
                sent: dict[int, dict[int, int]] = {place: {} for place in places}
                for sku in job.needs:
                    for place in places:
                        if count := next(shares):
                            sent[place][sku] = count
                if not list(faults(alone, [sent])):
                    found.append(sent)
    return found


def cheapest(batch: Batch) -> int:
    """The least cost, by trying everything."""
    best = batch.waiting_fen * len(batch.jobs)
    options = [sorted(ways(batch, job), key=lambda way: cost_of_one(batch, job, way)) for job in batch.jobs]

    def extend(chosen: list[Sends | None], cost: int) -> None:
        nonlocal best
        if cost >= best:
            return
        if len(chosen) == len(options):
            best = cost
            return
        job = batch.jobs[len(chosen)]
        for way in options[len(chosen)]:
            sends = [*chosen, way]
            part = Batch(batch.jobs[: len(sends)], batch.free, batch.piece_fen, batch.room)
            if not list(faults(part, sends)):
                extend(sends, cost + cost_of_one(batch, job, way))

    extend([], 0)
    return best


@settings(deadline=None, max_examples=40)
@given(batches())
def test_small_batches_cost_as_little_as_trying_everything(batch: Batch) -> None:
    least, solved, priced = cheapest(batch), exact(batch, 10), by_prices(batch, 10)
    assert list(faults(batch, solved.sends)) == list(faults(batch, priced.sends)) == []
    assert solved.cost_fen == cost_of(batch, solved.sends) == least
    assert solved.gap <= 1e-6
    assert priced.bound_fen <= least <= priced.cost_fen


@settings(deadline=None, max_examples=40)
@given(batches(most_jobs=8))
def test_no_batch_takes_more_than_there_is(batch: Batch) -> None:
    solved, priced = exact(batch, 10), by_prices(batch, 10)
    assert list(faults(batch, priced.sends)) == []
    assert priced.bound_fen - 1e-6 <= solved.cost_fen <= priced.cost_fen


@pytest.mark.parametrize("locations", [10, 30])
def test_prices_come_within_a_hundredth_of_the_exact_cost(locations: int) -> None:
    batch = made(150, locations, seed=3)
    priced, solved, nearest = by_prices(batch, 20), exact(batch, 20), nearest_first(batch)
    assert list(faults(batch, priced.sends)) == list(faults(batch, nearest.sends)) == []
    assert priced.cost_fen <= 1.01 * solved.cost_fen
    assert priced.bound_fen <= solved.cost_fen < nearest.cost_fen


def test_orders_too_wide_for_vectors_are_planned_too() -> None:
    free = {at: {sku: 4 for sku in range(12) if sku % 3 != at} for at in range(3)}
    prices = {at: dict.fromkeys(held, 5) for at, held in free.items()}
    wide = Job(dict.fromkeys(range(12), 2), {0: 500, 1: 600, 2: 700}, 2)
    batch = Batch([wide, Job({1: 1}, {0: 500, 2: 300}, 1)], free, prices, {})
    planner = Planner(batch, 10)
    assert [chooser.wide for chooser in planner.choosers] == [True, False]
    found = planner.plan()
    assert list(faults(batch, found.sends)) == []
    assert found.cost_fen == exact(batch, 10).cost_fen == 500 + 600 + 24 * 5 + 300 + 5


def test_the_hour_of_the_near_location_goes_to_whom_it_saves_most() -> None:
    jobs = [Job({1: 1}, {1: 100, 2: 150}, 1), Job({1: 1}, {1: 100, 2: 900}, 1), Job({1: 1}, {1: 100}, 1)]
    batch = Batch(jobs, {1: {1: 9}, 2: {1: 1}}, {1: {1: 0}, 2: {1: 0}}, {1: 2})
    for found in (exact(batch, 5), by_prices(batch, 5)):
        assert found.sends == [{2: {1: 1}}, {1: {1: 1}}, {1: {1: 1}}]
        assert found.left == 0


def test_a_deadline_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float]] = []
    monkeypatch.setattr(batch_prices, "GOOD_GAP", 0.0)
    batch = made(60, 10, seed=1)
    found = by_prices(batch, 0.5, lambda stage, share: told.append((stage, share)))
    assert list(faults(batch, found.sends)) == []
    assert told
    assert all(0 <= share <= 1 for _, share in told)
