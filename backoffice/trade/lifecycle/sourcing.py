"""Where the pieces of a paid order come from: given to locations, moved on, given up when nobody has them.

What is to be done is read off what is there, under the order's lock: whatever has been promised to an order
and is in no part of it is given to its location; what a location declined or was late with is promised
elsewhere; what is promised nowhere is taken off the order and paid back. Done again it changes nothing.
The order is locked before its parts, these before promises and levels, these before the hours of locations;
levels and hours of several by their numbers.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from backoffice.fulfillment import fulfilments
from backoffice.fulfillment.fulfilment_schemas import (
    CalledOff,
    FulfilmentKind,
    Part,
    Piece,
    PlacedPart,
)
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Barred, Destination, PlanLine, PlanRequest
from backoffice.inventory import holds, moving
from backoffice.inventory.schemas import Pick
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.trade import repository
from backoffice.trade.checkout.placing import main_location
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import change, hold, last
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.models import Order
from backoffice.trade.service import receiver
from backoffice.trade.telling import told

MOVED = "order.moved"
LATE = "late"
AT_WORK = ("planned", "accepted", "packed", "ready_for_pickup")
GIVEN_UP = ("declined", "cancelled", "expired")
ENDED = ("delivered", "collected", "returned", "lost")
MISCOUNTED = ("no_stock", "damaged")
TRIES = 10
Key = tuple[int, int]
"""Location and SKU."""


async def source(session: WriteSession, order_id: int, off: Sequence[CalledOff] = ()) -> str:
    """Bring the parts of an order to what it was promised; the order's state then. The hours of parts that
    were called `off` before are let go with the others, last of all.
    """
    if await hold(session, order_id, ("paid",)):
        order = await read(session, order_id)
        parts = await own_parts(session, order_id)
        there = await promised(session, order)
        refused = await refused_of(session, order, parts)
        barred = keys_of(refused)
        stuck = Counter({key: n for key, n in idle(there, parts).items() if key in barred})
        gone = list(off)
        if stuck:
            gone += await move(session, order, refused, stuck, barred)
            there = await promised(session, order)
        lacking = lacks(order, parts, there)
        if lacking and await cancelling.give_up(session, order, lacking, why_lacking(parts), any_sent(parts)):
            await fulfilments.unclaim(session, gone)
            return "cancelled"
        given = idle(there, parts)
        made = await give(session, order, parts, given)
        await fulfilments.unclaim(session, gone)
        for location_id, moment in made:
            await planning.claim_at(session, location_id, moment)
        if given:
            return order.state
    else:
        await fulfilments.unclaim(session, off)
    return await advance(session, order_id)


async def too_late(session: WriteSession, order_id: int, fulfilment_id: int) -> bool:
    """Take a part that is not packed in time from its location, if others can do it; whether it was."""
    if not await hold(session, order_id, ("paid",)):
        return False
    order = await read(session, order_id)
    parts = await own_parts(session, order_id)
    part = next((each for each in parts if each.id == fulfilment_id), None)
    if part is None or part.state not in ("planned", "accepted"):
        return False
    wanted = Counter({line.sku_id: line.quantity for line in part.lines})
    barred = keys_of(await refused_of(session, order, parts)) | {
        (part.location_id, sku_id) for sku_id in wanted
    }
    if (await planning.plan(session, request(order, wanted, barred))).refusal:
        return False
    await fulfilments.cancel(session, fulfilment_id, LATE)
    await source(session, order_id)
    return True


async def advance(session: WriteSession, order_id: int) -> str:
    """Let an order follow its parts: shipped when all have left, delivered when what has not come back and
    is not lost is there; its state.
    """
    await hold(session, order_id, ANY)
    order = await read(session, order_id)
    parts = [part for part in await own_parts(session, order_id) if part.state not in GIVEN_UP]
    bought = sum(line.quantity - line.cancelled for line in order.lines)
    sent = sum(line.sent for part in parts for line in part.lines)
    moment = now()
    left = bool(parts) and sent >= bought and not any(part.state in AT_WORK for part in parts)
    if left and await change(session, order_id, "shipped", "system", shipped_at=moment):
        await told(session, "order.shipped", order)
        order = await read(session, order_id)
    if order.state == "paid":
        return order.state
    if gone := [each for part in parts for each in part.gone]:
        await cancelling.not_arrived(session, order, gone)
    ended = left and all(part.state in ENDED for part in parts)
    if ended and await change(session, order_id, "delivered", "system", delivered_at=moment):
        await told(session, "order.delivered", order)
    return (await read(session, order_id)).state


async def own_parts(session: WriteSession, order_id: int) -> list[PlacedPart]:
    """The parts that send what was bought, kept as they are; those of other rooms have a colon."""
    return [part for part in await fulfilments.held(session, order_id) if ":" not in part.key]


def any_sent(parts: Iterable[PlacedPart]) -> bool:
    return any(line.sent for part in parts for line in part.lines)


def why_lacking(parts: Iterable[PlacedPart]) -> str:
    expired = any(part.state == "expired" for part in parts)
    return cancelling.NOT_COLLECTED if expired else cancelling.OUT_OF_STOCK


async def read(session: ReadSession, order_id: int) -> Order:
    order = await repository.order_by_id(session, order_id)
    if order is None:
        raise LookupError(f"there is no order {order_id}")
    return order


async def refused_of(session: ReadSession, order: Order, parts: Iterable[PlacedPart]) -> list[PlacedPart]:
    """What locations declined or were late with, since the order was last restored."""
    refused = [
        part for part in parts if part.state == "declined" or (part.state, part.reason) == ("cancelled", LATE)
    ]
    restored = await last(session, order.id, "restored") if refused else None
    return [part for part in refused if restored is None or part.created_at > restored]


def keys_of(parts: Iterable[PlacedPart]) -> set[Key]:
    return {(part.location_id, line.sku_id) for part in parts for line in part.lines}


async def promised(session: ReadSession, order: Order) -> Counter[Key]:
    found = await holds.promised(session, [holds.order_holder(order.id)])
    return Counter({(each.location_id, each.sku_id): each.quantity for each in found})


def idle(there: Counter[Key], parts: Iterable[PlacedPart]) -> Counter[Key]:
    """What of that which is promised to an order is in no part at work at its place."""
    taken = Counter[Key]()
    for part in parts:
        if part.state in AT_WORK:
            for line in part.lines:
                taken[part.location_id, line.sku_id] += line.quantity - line.sent
    return there - taken


def lacks(order: Order, parts: Iterable[PlacedPart], there: Mapping[Key, int]) -> Counter[int]:
    """What was bought and has neither left nor is promised: SKU to pieces."""
    had = summed(there)
    for part in parts:
        for line in part.lines:
            had[line.sku_id] += line.sent
    bought = Counter[int]()
    for ordered in order.lines:
        bought[ordered.sku_id] += ordered.quantity - ordered.cancelled
    return bought - had


async def move(
    session: WriteSession,
    order: Order,
    refused: Sequence[PlacedPart],
    stuck: Counter[Key],
    barred: Collection[Key],
) -> list[CalledOff]:
    """Promise pieces elsewhere, as many as there are, and tell; what is not there is not counted there.
    Whose hours are free again.
    """
    await holds.lock_levels(session, {sku_id for _, sku_id in stuck})
    await holds.let_go(session, holds.order_holder(order.id), picks_of(stuck))
    gone: list[CalledOff] = []
    for part in refused:
        skus = {line.sku_id for line in part.lines if (part.location_id, line.sku_id) in stuck}
        if skus:
            gone.append(CalledOff(part.location_id, part.created_at))
            if part.state == "declined" and part.reason in MISCOUNTED:
                await moving.empty(session, part.location_id, skus, f"declined: {part.reason}")
    found = await elsewhere(session, order, summed(stuck), set(barred))
    if found:
        detail = {"picks": found, "from": sorted({location_id for location_id, _ in stuck})}
        most = main_location(picks_of(await promised(session, order)))
        await change(session, order.id, "moved", "system", detail=detail, location_id=most)
        await told(session, MOVED, order)
    return gone


async def elsewhere(
    session: WriteSession, order: Order, wanted: Counter[int], barred: set[Key]
) -> list[Pick]:
    """Allocate what can be had of it at other locations: all that there is, in several plans if need be."""
    found: list[Pick] = []
    for _ in range(TRIES):
        if not wanted:
            break
        plan = await planning.plan(session, request(order, wanted, barred))
        if plan.refusal:
            there = {each.sku_id: each.available for each in plan.refusal.short}
            fewer = Counter({sku: min(n, there.get(sku, n)) for sku, n in wanted.items()})
            if not +fewer or +fewer == wanted:
                break
            plan = await planning.plan(session, request(order, +fewer, barred))
            if plan.refusal:
                break
        try:
            await holds.allocate(session, holds.order_holder(order.id), plan.picks, order.channel)
        except Conflict as short:
            barred |= {(each["location_id"], each["sku_id"]) for each in short.extra.get("lines", [])}
            continue
        await planning.record(session, order.id, plan)
        found += plan.picks
        for _, sku_id, pieces in plan.picks:
            wanted[sku_id] -= pieces
        wanted = +wanted
    return found


async def give(
    session: WriteSession, order: Order, parts: Sequence[PlacedPart], pieces: Mapping[Key, int]
) -> list[tuple[int, datetime]]:
    """Make parts of these pieces, one for each location; where, each to be counted in this hour."""
    by_location: defaultdict[int, list[Piece]] = defaultdict(list)
    for (location_id, sku_id), quantity in sorted(pieces.items()):
        by_location[location_id].append(Piece(sku_id=sku_id, quantity=quantity))
    kind, moment = kind_of(order), now()
    before = Counter(part.location_id for part in parts)
    made = [
        Part(
            key=f"{location_id}.{before[location_id] + 1}",
            location_id=location_id,
            kind=kind,
            pieces=contents,
            to=None if kind == "store_pickup" else receiver(order),
            leave_by=leave_by(order, kind, moment),
        )
        for location_id, contents in by_location.items()
    ]
    await fulfilments.create(session, order.id, made)
    return [(part.location_id, moment) for part in made]


def leave_by(order: Order, kind: FulfilmentKind, moment: datetime) -> datetime | None:
    """As promised to the shopper; None for the usual, when that is sooner or the promise is broken."""
    return order.ship_by if kind in ("standard", "next_day") and order.ship_by > moment else None


def kind_of(order: Order) -> FulfilmentKind:
    kinds: dict[str, FulfilmentKind] = {
        "next_day": "next_day",
        "instant": "instant",
        "store_pickup": "store_pickup",
        "pickup": "store_pickup",
    }
    return kinds.get(order.delivery, "standard")


def request(order: Order, wanted: Mapping[int, int], barred: Collection[Key]) -> PlanRequest:
    kind = kind_of(order)
    return PlanRequest(
        promise=kind,
        lines=[PlanLine(sku_id=sku_id, quantity=pieces) for sku_id, pieces in sorted(wanted.items())],
        destination=Destination(province=order.province, city=order.city),
        store_id=order.location_id if kind == "store_pickup" else None,
        channel=order.channel,
        barred=[Barred(location_id=location_id, sku_id=sku_id) for location_id, sku_id in sorted(barred)],
    )


def picks_of(pieces: Mapping[Key, int]) -> list[Pick]:
    return [Pick(location_id, sku_id, n) for (location_id, sku_id), n in sorted(pieces.items())]


def summed(pieces: Mapping[Key, int]) -> Counter[int]:
    sums = Counter[int]()
    for (_, sku_id), n in pieces.items():
        sums[sku_id] += n
    return sums
