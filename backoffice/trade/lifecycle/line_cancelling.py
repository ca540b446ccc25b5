"""Single pieces that are not wanted any more, of an order of which they have not left. Session first, no
commit inside.

The order is locked before its parts, these before promises and levels: who packs at the same time either was
first, and the pieces stay, or finds the part cancelled and another one in its place.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from backoffice.events import audit
from backoffice.fulfillment import fulfilments
from backoffice.fulfillment.fulfilment_schemas import CalledOff, PlacedPart
from backoffice.inventory import holds
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.trade import service
from backoffice.trade.access import any_known, known
from backoffice.trade.lifecycle import cancelling, sourcing
from backoffice.trade.lifecycle.sourcing import Key
from backoffice.trade.models import Order
from backoffice.trade.schemas import CancelLines, OrderView
from backoffice.trade.telling import told
from backoffice.trade.viewing import shown
from backoffice.users.identity import Shopper

FIXED = ("packed", "ready_for_pickup")
NOT_WANTED = "pieces_cancelled"


async def cancel_lines(session: WriteSession, shopper: Shopper, number: str, asked: CancelLines) -> OrderView:
    """For a shopper. Raises `NotFound`, and as `cancel_pieces` does."""
    found = await known(session, shopper, number)
    await cancel_pieces(session, found.id, asked, shopper.scope)
    return await service.order(session, shopper, number)


async def cancel_by_staff(session: WriteSession, staff_id: int, number: str, asked: CancelLines) -> OrderView:
    """For staff, audited. Raises `NotFound`, and as `cancel_pieces` does."""
    found = await any_known(session, number)
    await cancel_pieces(session, found.id, asked, f"staff:{staff_id}")
    pieces = {str(each.line_id): each.quantity for each in asked.lines}
    subject = f"order:{number}"
    await audit.record(session, staff_id, "pieces_cancelled", subject, asked.reason, pieces=pieces)
    return await shown(session, await any_known(session, number))


async def cancel_pieces(session: WriteSession, order_id: int, asked: CancelLines, by: str) -> None:
    """Take pieces off an order: they are free again, their share is paid back or not to be paid.

    With the last that were bought the order is cancelled: gifts alone are not sent. Pieces in a part that is
    not packed leave it, which is given to its location anew.

    Raises `NotFound` (`line_not_found`), `Conflict`: `fewer_pieces` (with `line_id`, `left`),
    `pieces_packed` (with `sku_id`, `left`), `order_shipped`, `order_cancelled`, `order_finished`.
    """
    order = await cancelling.held(session, order_id)
    if order is None:
        raise await service.refusal(session, order_id)
    pieces = checked(order, asked)
    if cancelling.is_all(order, pieces):
        await cancelling.call_off(session, order, asked.reason, by)
        return
    wanted = Counter[int]()
    for line in order.lines:
        wanted[line.sku_id] += pieces.get(line.id, 0)
    off = await free(session, order, await fulfilments.held(session, order_id), +wanted)
    owed = await cancelling.take_off(session, order, pieces, asked.reason, by)
    await told(session, cancelling.LINES_CANCELLED, order, amount_fen=owed)
    if order.state == "paid":
        await sourcing.source(session, order_id, off)


def checked(order: Order, asked: CancelLines) -> Mapping[int, int]:
    """Pieces by line. Raises as `cancel_pieces` does."""
    pieces = Counter[int]()
    for each in asked.lines:
        pieces[each.line_id] += each.quantity
    left = {line.id: line.quantity - line.cancelled for line in order.lines}
    for line_id, wanted in pieces.items():
        if line_id not in left:
            raise NotFound("line_not_found")
        if wanted > left[line_id]:
            raise Conflict("fewer_pieces", "fewer are left", line_id=line_id, left=left[line_id])
    return pieces


async def free(
    session: WriteSession, order: Order, parts: Sequence[PlacedPart], wanted: Counter[int]
) -> list[CalledOff]:
    """Let pieces (SKU to number) go that are promised and not packed, first those that are in no part; whose
    hours are free again.
    """
    left = Counter[int]()
    for ordered in order.lines:
        left[ordered.sku_id] += ordered.quantity - ordered.cancelled
    for part in parts:
        for line in part.lines:
            left[line.sku_id] -= line.quantity if part.state in FIXED else line.sent
    for sku_id, pieces in wanted.items():
        if pieces > left[sku_id]:
            raise Conflict(
                "pieces_packed", "they are packed or have left", sku_id=sku_id, left=max(left[sku_id], 0)
            )
    gone, off = Counter[Key](), list[CalledOff]()
    there = await sourcing.promised(session, order)
    for (location_id, sku_id), pieces in sorted(sourcing.idle(there, parts).items()):
        taken = max(min(pieces, wanted[sku_id]), 0)
        gone[location_id, sku_id] += taken
        wanted[sku_id] -= taken
    for part in sorted(parts, key=lambda each: (each.state != "planned", -each.id)):
        if part.state not in ("planned", "accepted"):
            continue
        taking = Counter({line.sku_id: min(line.quantity, wanted[line.sku_id]) for line in part.lines})
        if +taking:
            await fulfilments.cancel(session, part.id, NOT_WANTED)
            off.append(CalledOff(part.location_id, part.created_at))
        for sku_id, pieces in taking.items():
            gone[part.location_id, sku_id] += pieces
            wanted[sku_id] -= pieces
    await holds.let_go(session, holds.order_holder(order.id), sourcing.picks_of(gone & there))
    return off
