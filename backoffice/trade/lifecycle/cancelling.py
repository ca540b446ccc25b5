"""Orders and pieces that are not sent: taken off, paid back, told. Session first, no commit inside."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from backoffice.fulfillment import fulfilments
from backoffice.fulfillment.fulfilment_schemas import CalledOff, GoneParcel
from backoffice.inventory import holds
from backoffice.kit.database import WriteSession
from backoffice.kit.time import now
from backoffice.trade import repository
from backoffice.trade.domain import share_of
from backoffice.trade.history import NOT_SHIPPED, Kind
from backoffice.trade.history_repository import change, hold
from backoffice.trade.lifecycle import loyalty
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.offers import service as offers
from backoffice.trade.payments import refunding
from backoffice.trade.payments import repository as paying_repository
from backoffice.trade.telling import told
from backoffice.users import points

PIECES_CANCELLED, GIVEN_UP = "order.pieces_cancelled", "order.given_up"
LINES_CANCELLED = "order.lines_cancelled"
UNPAID = "unpaid"
OUT_OF_STOCK, NOT_COLLECTED, TURNED_BACK, LOST = "out_of_stock", "not_collected", "turned_back", "lost"
BY = "system"


async def held(session: WriteSession, order_id: int) -> Order | None:
    """An order that has not left, kept as it is until this transaction ends; None for another."""
    if not await hold(session, order_id, NOT_SHIPPED):
        return None
    return await repository.order_by_id(session, order_id)


async def call_off(session: WriteSession, order: Order, reason: str, by: str = BY) -> int:
    """Undo every step of an order that is `held` and of which nothing has left: its parts, its stock, its
    money, its offers; how much goes back. Raises `Conflict` (`order_shipped`) when a part has left.
    """
    moment, back = now(), 0
    values = dict[str, Any](cancelled_at=moment, cancel_reason=reason)
    await change(session, order.id, "cancelled", by, **values)
    if order.state == "paid":
        await let_go(session, order, await fulfilments.call_off(session, order.id, "order_cancelled"))
        back = await refunding.spread(session, order.id, None, refund_reason(reason), by)
    elif order.pay_by:
        await let_go(session, order)
    await offers.give_back(session, order.id)
    await paying_repository.hurry(session, order.id, moment)
    await told(session, "order.cancelled", order)
    return back


async def lapse(session: WriteSession, order_id: int) -> bool:
    """Cancel an order that was not paid in time; whether it was one."""
    order = await held(session, order_id)
    if order is None or order.state != "unpaid" or order.pay_by is None or order.pay_by > now():
        return False
    await call_off(session, order, UNPAID)
    return True


async def let_go(session: WriteSession, order: Order, parts: Sequence[CalledOff] = ()) -> None:
    """Free what an order was promised and the hours of parts that are called off; give back its points."""
    await holds.let_go(session, holds.order_holder(order.id))
    await fulfilments.unclaim(session, parts)
    await loyalty.give_back(session, order)


async def give_up(
    session: WriteSession, order: Order, lacking: Counter[int], reason: str, any_sent: bool
) -> bool:
    """Take pieces (SKU to number) that are promised nowhere off a paid order that is held; off with all of
    it, True, when nothing but gifts would be sent.
    """
    pieces = lines_of(order, lacking)
    if is_all(order, pieces) and not any_sent:
        back = await call_off(session, order, reason)
        await told(session, GIVEN_UP, order, reason=reason, amount_fen=back)
        return True
    if paid_back := await take_off(session, order, pieces, reason):
        await told(session, PIECES_CANCELLED, order, reason=reason, amount_fen=paid_back)
    return False


def is_all(order: Order, pieces: Mapping[int, int]) -> bool:
    """Whether nothing that was bought is left but gifts without these pieces (line to number)."""
    return all(
        line.price_fen == 0 or line.quantity - line.cancelled == pieces.get(line.id, 0)
        for line in order.lines
    )


def lines_of(order: Order, lacking: Counter[int]) -> dict[int, int]:
    """From which lines so many pieces (SKU to number) are taken: line to number."""
    left, pieces = Counter(lacking), dict[int, int]()
    for line in order.lines:
        if taken := min(left[line.sku_id], line.quantity - line.cancelled - line.returned):
            left[line.sku_id] -= taken
            pieces[line.id] = taken
    return pieces


async def take_off(
    session: WriteSession, order: Order, pieces: Mapping[int, int], reason: str, by: str = BY
) -> int:
    """Take pieces (line to number) off an order that is held: what was paid for them goes back, what is not
    paid yet is not to be paid; how much that is. Less goes back of what was paid back before. Their promises
    are not touched.
    """
    cancelled, owed, listed = {}, 0, 0
    for line in order.lines:
        if taken := pieces.get(line.id):
            left = line.quantity - line.cancelled
            off = share_of(line.paid_fen - line.protected_fen, left, line.returned, taken)
            values = {"cancelled": line.cancelled + taken, "paid_fen": line.paid_fen - off}
            changed = await repository.change_line(
                session, line.id, OrderLine.cancelled == line.cancelled, **values
            )
            assert changed, "the order is held"
            cancelled[line.id] = changed
            owed += off
            listed += line.price_fen * taken
    amounts: dict[str, Any] = {}
    if order.state == "unpaid":
        amounts = {
            "items_fen": order.items_fen - listed,
            "discount_fen": order.discount_fen - (listed - owed),
            "total_fen": order.total_fen - owed,
            "points": order.points - await points_back(session, order, pieces),
        }
    detail = {"reason": reason, "amount_fen": owed}
    verb: Kind = "line_cancelled" if order.state in NOT_SHIPPED else "not_arrived"
    await change(session, order.id, verb, by, lines=cancelled, detail=detail, **amounts)
    if order.state != "unpaid":
        return await refunding.spread(session, order.id, owed, refund_reason(reason), by)
    await paying_repository.outdate(session, order.id, now())
    return owed


async def points_back(session: WriteSession, order: Order, pieces: Mapping[int, int]) -> int:
    """Give back the points that pieces were to be paid with; how many."""
    left = taken = 0
    for line in order.lines:
        fen = sum(each["fen"] for each in line.discounts if each["source"] == "points")
        left += share_of(fen, line.quantity, line.cancelled, line.quantity - line.cancelled)
        taken += share_of(fen, line.quantity, line.cancelled, pieces.get(line.id, 0))
    back = order.points * taken // left if left else 0
    if back:
        await points.give_back(session, order.customer_id, back, f"order:{order.id}:{order.version}")
    return back


async def not_arrived(session: WriteSession, order: Order, gone: Sequence[GoneParcel]) -> None:
    """Put on the shelf what came back of an order that is held, and pay back what of it did not arrive, each
    parcel once; a shipped order of which nothing is left is cancelled.
    """
    await fulfilments.shelve(session, gone, f"{TURNED_BACK}: {order.number}")
    owing = await fulfilments.to_pay_back(session, gone)
    if not owing or order.state == "cancelled":
        return
    reason = LOST if any(each.lost for each in owing) else TURNED_BACK
    lacking = Counter[int]()
    for each in owing:
        lacking.update(each.pieces)
    pieces = lines_of(order, lacking)
    if sum(pieces.values()) < sum(line.quantity - line.cancelled for line in order.lines):
        if paid_back := await take_off(session, order, pieces, reason):
            await told(session, PIECES_CANCELLED, order, reason=reason, amount_fen=paid_back)
    elif await change(session, order.id, "turned_back", BY, cancelled_at=now(), cancel_reason=reason):
        paid_back = await refunding.spread(session, order.id, None, refunding.CANCELLED, BY)
        await offers.give_back(session, order.id)
        await told(session, "order.cancelled", order)
        await told(session, GIVEN_UP, order, reason=reason, amount_fen=paid_back)
    else:
        paid_back = await take_off(session, order, pieces, reason)
        await told(session, PIECES_CANCELLED, order, reason=reason, amount_fen=paid_back)


def refund_reason(reason: str) -> str:
    return refunding.NO_STOCK if reason == OUT_OF_STOCK else refunding.CANCELLED
