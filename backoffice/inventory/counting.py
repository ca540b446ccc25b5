"""Cycle counts: a figure counts for the moment when it is entered, whatever is sold before and after."""

from collections.abc import Sequence

from backoffice.events import service as events
from backoffice.inventory import counts_repository as repository
from backoffice.inventory import holds, ledger_repository, moving
from backoffice.inventory.schemas import Move
from backoffice.inventory.stock_models import StockCount, StockCountLine
from backoffice.inventory.stock_schemas import (
    CountDetail,
    Counted,
    CountFilter,
    CountLineView,
    Counts,
    CountView,
    NewCount,
)
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now

REASON = "count"
SHORT = "stock.short"
"""Published (key `sku:11`) when a count did not find pieces that are promised."""


async def open_count(session: WriteSession, wanted: NewCount, by: int) -> CountView:
    """Count these SKUs at a location, without any: all that have a level there.

    Raises `NotFound` (`location_not_found`, `sku_not_found`), `Invalid` (`nothing_to_count`).
    """
    sku_ids = None if wanted.sku_ids is None else set(wanted.sku_ids)
    await moving.known_places(session, {wanted.location_id})
    await moving.known_skus(session, sku_ids or ())
    id, lines = await repository.open_count(
        session, sku_ids, location_id=wanted.location_id, note=wanted.note, opened_by=by
    )
    if not lines:
        raise Invalid("nothing_to_count", "no SKU was ever there")
    return (await views(session, [await known(session, id)]))[0]


async def enter(session: WriteSession, count_id: int, sku_id: int, seen: Counted, by: int) -> CountLineView:
    """Book the difference between what was counted and what is on hand now.

    A round is entered once: the same figure again changes nothing. Pieces that are promised stay on the
    counter, `short` says how many of them were not found. Raises `NotFound` (`count_not_found`,
    `not_to_be_counted`), `Conflict` (`count_closed`; `already_counted`, with the last `round`).
    """
    if not await repository.begin_round(session, count_id, sku_id, seen.round):
        return await repeated(session, count_id, sku_id, seen)
    location_id = (await known(session, count_id)).location_id
    key = location_id, sku_id
    await ledger_repository.open_levels(session, [key])
    on_hand, promised = await ledger_repository.lock_level(session, key)
    while seen.counted < promised and await holds.end_some(session, [key]):
        on_hand, promised = await ledger_repository.lock_level(session, key)
    kept = max(seen.counted, promised)
    if kept != on_hand:
        move = Move(location_id, sku_id, kept - on_hand, 0, 0)
        await moving.take_out(session, "adjusted", [move], REASON, f"count:{count_id}")
    if short := kept - seen.counted:
        payload = {"location_id": location_id, "sku_id": sku_id, "missing": short}
        await events.publish(session, SHORT, f"sku:{sku_id}", payload)
    await repository.set_line(
        session,
        count_id,
        sku_id,
        counted=seen.counted,
        expected=on_hand,
        short=short,
        counted_by=by,
        counted_at=now(),
    )
    return line_view(await line(session, count_id, sku_id))


async def repeated(session: WriteSession, count_id: int, sku_id: int, seen: Counted) -> CountLineView:
    """The line, if this figure is the one of its last round. Raises as `enter` does."""
    count = await known(session, count_id)
    found = await line(session, count_id, sku_id)
    if (found.rounds, found.counted) == (seen.round, seen.counted):
        return line_view(found)
    if count.state != "open":
        raise Conflict("count_closed", "this count is over")
    raise Conflict("already_counted", "somebody else counted it", round=found.rounds)


async def close(session: WriteSession, count_id: int) -> CountView:
    """No more figures. Raises `NotFound` (`count_not_found`), `Conflict` (`count_closed`)."""
    closed = await repository.close(session, count_id, now())
    count = await known(session, count_id)
    if not closed:
        raise Conflict("count_closed", "this count is over")
    return (await views(session, [count]))[0]


async def listed(session: ReadSession, wanted: CountFilter) -> Counts:
    """A page of counts, the newest first."""
    found, total = await repository.counts(session, wanted)
    return Counts(counts=await views(session, found), total=total)


async def shown(session: ReadSession, count_id: int, page: Page) -> CountDetail:
    """A count with a page of its lines. Raises `NotFound` (`count_not_found`)."""
    (view,) = await views(session, [await known(session, count_id)])
    lines = [line_view(each) for each in await repository.lines(session, count_id, page)]
    return CountDetail(**view.model_dump(), lines=lines)


async def known(session: ReadSession, count_id: int) -> StockCount:
    found = await repository.one(session, count_id)
    if found is None:
        raise NotFound("count_not_found")
    return found


async def line(session: ReadSession, count_id: int, sku_id: int) -> StockCountLine:
    found = await repository.line(session, count_id, sku_id)
    if found is None:
        raise NotFound("not_to_be_counted", "that SKU is not in this count")
    return found


async def views(session: ReadSession, counts: Sequence[StockCount]) -> list[CountView]:
    done = await repository.progress(session, [each.id for each in counts])
    return [
        CountView(
            id=each.id,
            location_id=each.location_id,
            state=each.state,
            note=each.note,
            opened_at=each.opened_at,
            closed_at=each.closed_at,
            total=done.get(each.id, (0, 0))[0],
            counted=done.get(each.id, (0, 0))[1],
        )
        for each in counts
    ]


def line_view(found: StockCountLine) -> CountLineView:
    difference = None
    if found.counted is not None and found.expected is not None:
        difference = found.counted - found.expected
    return CountLineView(
        sku_id=found.sku_id,
        round=found.rounds,
        counted=found.counted,
        expected=found.expected,
        difference=difference,
        short=found.short,
        counted_at=found.counted_at,
    )
