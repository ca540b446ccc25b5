"""The parts of orders that locations send or hand over: the verbs. Session first, no commit inside.

Each change is told on the topic `fulfilment.<state>`, keyed `order:<id>`. What is declined or cancelled stays
promised to its order where it is: whoever plans the order moves or releases it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement

from backoffice.events import service as events
from backoffice.fulfillment import fulfilments_repository as repository
from backoffice.fulfillment import repository as shipments
from backoffice.fulfillment import stages, worklist
from backoffice.fulfillment.fulfilment_schemas import (
    CalledOff,
    DeclineReason,
    FulfilmentState,
    FulfilmentView,
    GoneParcel,
    Part,
    PartLine,
    Piece,
    PlacedPart,
    Receiver,
)
from backoffice.fulfillment.models import Fulfilment
from backoffice.fulfillment.planning import service as planning
from backoffice.inventory import holds
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.time import now

AT_ONCE = 100


def holder(order_id: int) -> str:
    """What the events of an order are keyed by."""
    return f"order:{order_id}"


async def create(session: WriteSession, order_id: int, parts: Iterable[Part]) -> list[int]:
    """Give each part to its location; one that was made before stays as it is. The ids of those made now.

    Raises `Invalid` (`bad_quantity`).
    """
    ids = []
    for part in parts:
        pieces, moment = summed(part.pieces), now()
        accept_by, leave_by = stages.deadlines(part.kind, moment, part.leave_by)
        fulfilment_id = await repository.add(
            session,
            order_id,
            part.key,
            location_id=part.location_id,
            kind=part.kind,
            pieces=sum(pieces.values()),
            accept_by=accept_by,
            leave_by=leave_by,
            created_at=moment,
            **(part.to.model_dump() if part.to else {}),
        )
        if fulfilment_id is not None:
            await repository.add_lines(session, fulfilment_id, pieces)
            ids.append(fulfilment_id)
            made = {"id": fulfilment_id, "order_id": order_id, "part": part.key, "kind": part.kind}
            where = {"location_id": part.location_id, "state": "planned", "reason": ""}
            await tell(session, Fulfilment(**made, **where))
    return ids


async def accept(session: WriteSession, fulfilment_id: int) -> FulfilmentView:
    """The location will do it. Raises as `moved`."""
    return await moved(session, fulfilment_id, "accepted", accepted_at=now())


async def decline(session: WriteSession, fulfilment_id: int, reason: DeclineReason) -> FulfilmentView:
    """The location cannot do it: whoever planned it finds another. Raises as `moved`."""
    return await moved(session, fulfilment_id, "declined", reason=reason)


async def pack(session: WriteSession, fulfilment_id: int) -> FulfilmentView:
    """All of it lies ready to be sent. Raises as `moved`."""
    return await moved(session, fulfilment_id, "packed", packed_at=now())


async def cancel(session: WriteSession, fulfilment_id: int, reason: str = "") -> FulfilmentView:
    """It is not wanted any more, and nothing of it has left. Raises as `moved`."""
    return await moved(session, fulfilment_id, "cancelled", Fulfilment.sent == 0, reason=reason)


async def held(session: WriteSession, order_id: int) -> list[PlacedPart]:
    """The parts of an order, kept as they are until this transaction ends."""
    return await placed(session, await repository.held_of(session, order_id))


async def of_order(session: ReadSession, order_id: int) -> list[PlacedPart]:
    """The parts of an order as they are at this moment."""
    return await placed(session, await repository.of_orders(session, [order_id]))


async def placed(session: ReadSession, found: Sequence[Fulfilment]) -> list[PlacedPart]:
    gone: defaultdict[int | None, list[GoneParcel]] = defaultdict(list)
    if sent := [each.id for each in found if each.sent]:
        for parcel in await shipments.of_fulfilments(session, sent):
            if parcel.state in ("returned", "lost"):
                pieces = {line.sku_id: line.quantity for line in parcel.lines}
                lost = parcel.state == "lost"
                gone[parcel.fulfilment_id].append(GoneParcel(parcel.id, parcel.location_id, lost, pieces))
    return [
        PlacedPart(
            id=each.id,
            key=each.part,
            location_id=each.location_id,
            state=cast(FulfilmentState, each.state),
            reason=each.reason,
            fetched=each.kind == "store_pickup",
            created_at=each.created_at,
            lines=[PartLine(line.sku_id, line.quantity, line.sent) for line in each.lines],
            gone=gone[each.id],
        )
        for each in found
    ]


async def call_off(session: WriteSession, order_id: int, reason: str) -> list[CalledOff]:
    """Cancel every part of an order that is at work; to be followed by `unclaim` when its pieces are free.

    Raises `Conflict` (`order_shipped`) when something has left.
    """
    gone = []
    for part in await repository.held_of(session, order_id):
        if part.sent:
            raise Conflict("order_shipped", "a part of this order has left", intercept_possible=False)
        if part.state in stages.AT_WORK:
            await cancel(session, part.id, reason)
            gone.append(CalledOff(part.location_id, part.created_at))
    return gone


async def unclaim(session: WriteSession, parts: Iterable[CalledOff]) -> None:
    """The locations of these can take other orders instead. Stock is locked before."""
    for part in sorted(parts):
        await planning.unclaim_at(session, part.location_id, part.created_at)


async def shelve(session: WriteSession, gone: Iterable[GoneParcel], reason: str) -> None:
    """What came back is where it was sent from again, each parcel once."""
    back = [each for each in gone if not each.lost]
    fresh = await shipments.mark(session, [each.id for each in back], "shelved_at", now())
    shelved = [each for each in back if each.id in fresh]
    pieces = [(each.location_id, sku_id, count) for each in shelved for sku_id, count in each.pieces.items()]
    await inventory.receive(session, pieces, reason)


async def to_pay_back(session: WriteSession, gone: Iterable[GoneParcel]) -> list[GoneParcel]:
    """Those that this was not answered of before: they are paid back in this transaction."""
    every = list(gone)
    fresh = await shipments.mark(session, [each.id for each in every], "paid_back_at", now())
    return [each for each in every if each.id in fresh]


async def readdress(session: WriteSession, order_id: int, to: Receiver) -> None:
    """The parts of an order that are not packed go there."""
    await repository.readdress(session, order_id, **to.model_dump())


async def note_late(session: WriteSession, moment: datetime) -> int:
    """Tell once (`fulfilment.late`) what should have been accepted or sent by now; how many, some at most."""
    late = await repository.note_late(session, moment, AT_ONCE)
    for fulfilment_id in late:
        found = await worklist.known(session, fulfilment_id)
        await tell(session, found, "fulfilment.late", stage="accept" if found.state == "planned" else "leave")
    return len(late)


async def moved(
    session: WriteSession,
    fulfilment_id: int,
    to: FulfilmentState,
    *guards: ColumnElement[bool],
    **values: Any,
) -> FulfilmentView:
    """Move it on and tell; when that was done before, only show it.

    Raises `NotFound` (`fulfilment_not_found`), or `Conflict` (`fulfilment_moved_on`, with its `state`) when
    it is not where it could be moved there from.
    """
    done = await repository.move(session, fulfilment_id, to, now(), *guards, **values)
    return await reached(session, fulfilment_id, to, done)


async def reached(
    session: WriteSession, fulfilment_id: int, to: FulfilmentState, done: bool
) -> FulfilmentView:
    """It, told of when it was `done` just now. Raises as `moved` when it is not in `to`."""
    found = await worklist.known(session, fulfilment_id)
    if found.state != to:
        raise Conflict("fulfilment_moved_on", f"it is {found.state}", state=found.state)
    if done:
        await tell(session, found)
    return await worklist.view(session, found)


async def tell(session: WriteSession, found: Fulfilment, topic: str = "", **more: Any) -> None:
    about = {
        "order_id": found.order_id,
        "fulfilment_id": found.id,
        "part": found.part,
        "location_id": found.location_id,
        "kind": found.kind,
        "state": found.state,
        "reason": found.reason,
    }
    await events.publish(session, topic or f"fulfilment.{found.state}", holder(found.order_id), about | more)


async def leave(session: WriteSession, found: Fulfilment, pieces: Mapping[int, int]) -> None:
    """Let pieces (SKU to quantity) leave the location's stock. Raises `Conflict` (`not_promised`)."""
    await holds.ship(session, holds.order_holder(found.order_id), picks(found, pieces))


async def put_back(session: WriteSession, found: Fulfilment) -> None:
    """Its pieces are promised to nobody any more. Raises `Conflict` (`not_promised`)."""
    pieces = {line.sku_id: line.quantity - line.sent for line in found.lines}
    await holds.let_go(session, holds.order_holder(found.order_id), picks(found, pieces))


def picks(found: Fulfilment, pieces: Mapping[int, int]) -> list[tuple[int, int, int]]:
    return [(found.location_id, sku_id, quantity) for sku_id, quantity in pieces.items()]


def summed(pieces: Iterable[Piece]) -> dict[int, int]:
    """Quantities by SKU."""
    sums: Counter[int] = Counter()
    for piece in pieces:
        if piece.quantity < 1:
            raise Invalid("bad_quantity", "a quantity must be at least 1")
        sums[piece.sku_id] += piece.quantity
    return dict(sums)
