"""Promises: pieces held for a while in a checkout, allocated to an order, let go or shipped.

`holder` names for whom, e.g. `order:7`. A holder holds once: `let_go` comes before it holds anew.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial

from backoffice.events import service as events
from backoffice.inventory import holds_repository as repository
from backoffice.inventory import ledger_repository
from backoffice.inventory.domain import in_order, moved
from backoffice.inventory.ledger_repository import Promising, Short
from backoffice.inventory.schemas import Move, Pick, Promise
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now

EXPIRED = "stock.hold_expired"
"""Published with the holder, perhaps more than once for one hold."""
SWEEP_SECONDS = 5.0
AT_ONCE, BATCH = 20, 100
Picks = Iterable[tuple[int, int, int]]


def order_holder(order_id: int) -> str:
    """The holder of what an order was promised."""
    return f"order:{order_id}"


def order_of(holder: str) -> int | None:
    """The order that a holder is, if it is one."""
    kind, _, id = holder.partition(":")
    return int(id) if kind == "order" else None


async def hold(session: WriteSession, holder: str, picks: Picks, until: datetime, channel: str = "") -> None:
    """Promise (location, SKU, quantity) until a time, all of it or nothing, within the shares of a channel.

    Raises `Conflict` (`out_of_stock`, with `lines` of sku_id, location_id, wanted, available). Other pieces
    of a promise of the same holder raise `Conflict` (`already_promised`), to be followed by a roll-back.
    """
    await promise(session, "reserved", holder, picks, Promising("held", until), channel)


async def allocate(session: WriteSession, holder: str, picks: Picks, channel: str = "") -> None:
    """Promise for good, without a hold before. Raises as `hold` does, but adds to what is allocated."""
    await promise(session, "allocated", holder, picks, Promising("allocated", None), channel)


async def promise(
    session: WriteSession, kind: str, holder: str, picks: Picks, promising: Promising, channel: str
) -> None:
    wanted = in_order(picks)
    short = await take(session, kind, moved(kind, wanted), holder, promising, channel)
    if short:
        raise out_of_stock(wanted, short)


async def take(
    session: WriteSession,
    kind: str,
    moves: Sequence[Move],
    holder: str,
    promising: Promising | None = None,
    channel: str = "",
    spare: bool = True,
    reason: str = "",
) -> list[Short]:
    """As `ledger_repository.move`, with what is still kept there for holds that are over."""
    do = partial(ledger_repository.move, session, kind, moves, holder, reason, promising, spare, channel)
    short = await do()
    while short and await end_some(session, [each[:2] for each in short]):
        short = await do()
    return short


def out_of_stock(wanted: Iterable[Pick], short: Iterable[Short]) -> Conflict:
    asked = {pick[:2]: pick.quantity for pick in wanted}
    lines = [
        {
            "sku_id": each.sku_id,
            "location_id": each.location_id,
            "wanted": asked[each.location_id, each.sku_id],
            "available": each.free,
        }
        for each in short
    ]
    return Conflict("out_of_stock", "not enough pieces", lines=lines)


async def lock_levels(session: WriteSession, sku_ids: Collection[int]) -> None:
    """Keep the levels of SKUs at all locations from others: who moves pieces between two would else wait for
    one who moves others the other way.
    """
    await ledger_repository.lock_levels(session, sku_ids)


async def confirm(session: WriteSession, holder: str) -> bool:
    """Make what is held allocated; False when it was let go or is over, nothing has changed then.

    True again when all was confirmed before.
    """
    promises = await repository.lock(session, holder)
    held = [each for each in promises if each.state == "held"]
    if not held:
        return bool(promises)
    moment = now()
    if len(held) < held[0].parts or any(each.until is None or each.until <= moment for each in held):
        return False
    await repository.confirm(session, holder)
    await record(session, "confirmed", holder, map(pick_of, held))
    return True


async def let_go(session: WriteSession, holder: str, picks: Picks | None = None) -> None:
    """Make free again what was promised, all of it or these pieces; nothing promised, nothing done.

    Raises `Conflict` (`not_promised`) when fewer than `picks` were.
    """
    promises = await repository.lock(session, holder)
    gone = taken(promises, picks) if picks is not None else promises
    await leave(session, holder, promises, gone)
    if rows := [each for each in gone if each.state == "held" and each in promises]:
        await repository.fewer_parts(session, holder, len(rows))
    for state, kind in (("held", "let_go"), ("allocated", "released")):
        await record(session, kind, holder, (pick_of(each) for each in gone if each.state == state))


async def ship(session: WriteSession, holder: str, picks: Picks) -> None:
    """Let allocated pieces leave, all that was allocated or a part.

    Raises `Conflict` (`not_promised`) when fewer are allocated.
    """
    promises = await repository.lock(session, holder)
    gone = taken([each for each in promises if each.state == "allocated"], picks)
    await leave(session, holder, promises, gone)
    await record(session, "shipped", holder, map(pick_of, gone))


async def promised(session: ReadSession, holders: Collection[str]) -> list[Promise]:
    """Who was promised what where, by holder, location and SKU; a hold that is over is none."""
    moment = now()
    found = await repository.promised(session, holders)
    return [each for each in found if each.until is None or each.until > moment]


def taken(promises: Iterable[Promise], picks: Picks) -> list[Promise]:
    """The promises that picks are taken from, with what is taken. Raises `Conflict` (`not_promised`)."""
    by_key = {(each.location_id, each.sku_id): each for each in promises}
    found = []
    for pick in in_order(picks):
        each = by_key.get(pick[:2])
        if each is None or each.quantity < pick.quantity:
            raise Conflict("not_promised", "less than that is promised there")
        found.append(each._replace(quantity=pick.quantity))
    return found


async def leave(
    session: WriteSession, holder: str, promises: Iterable[Promise], gone: Iterable[Promise]
) -> None:
    """Take pieces off the locked promises they belong to."""
    pieces = {pick_of(each)[:2]: each.quantity for each in promises}
    left = [Pick(*pick[:2], pieces[pick[:2]] - pick.quantity) for pick in map(pick_of, gone)]
    await repository.reduce(session, holder, left)


async def record(session: WriteSession, kind: str, holder: str, picks: Iterable[Pick]) -> None:
    """Change the levels as the promises were changed. They cannot refuse: they are the sums of those."""
    if short := await ledger_repository.move(session, kind, moved(kind, in_order(picks)), holder):
        raise RuntimeError(f"levels differ from the promises of {holder}: {short}")


def pick_of(promise: Promise) -> Pick:
    return Pick(promise.location_id, promise.sku_id, promise.quantity)


async def end_some(session: WriteSession, keys: Collection[tuple[int, int]]) -> int:
    """Make free some of what is still kept for holds that are over, at these levels; how many promises."""
    return await expire(session, await repository.end_holds_at(session, now(), keys, AT_ONCE))


async def expire(session: WriteSession, over: Collection[Promise]) -> int:
    """Book and tell that these holds are over; how many promises."""
    by_holder: dict[str, list[Pick]] = {}
    for each in over:
        by_holder.setdefault(each.holder, []).append(pick_of(each))
    for holder, picks in sorted(by_holder.items()):
        await record(session, "expired", holder, picks)
        await events.publish(session, EXPIRED, holder, {"holder": holder})
    return len(over)


class Sweeper:
    """Makes holds that are over free again. Any number of processes may run one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Every few seconds, until cancelled."""
        await again(self.sweep_all, SWEEP_SECONDS, "sweep_failed")

    async def sweep_all(self) -> None:
        while await self.sweep():
            pass

    async def sweep(self) -> int:
        """A batch of holders, each in a transaction of its own; how many promises ended.

        Levels are locked in the order of their keys, which those of several holders together are not.
        """
        async with self._database.read() as session:
            holders = await repository.holders_over(session, now(), BATCH)
        return await each_of(holders, self._end, "hold_not_ended")

    async def _end(self, holder: str) -> int:
        async with self._database.write() as session:
            return await expire(session, await repository.end_hold(session, now(), holder))
