"""Prices of unpaid orders that supervisors change. Session first, no commit inside."""

from typing import Any

from backoffice.events import audit
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from backoffice.trade import repository
from backoffice.trade.access import any_known
from backoffice.trade.history_repository import change, hold
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.payments import repository as paying_repository
from backoffice.trade.schemas import OrderView, PriceChange
from backoffice.trade.telling import told
from backoffice.trade.viewing import shown

MOST_FEN = 2**31 - 1


async def change_price(session: WriteSession, staff_id: int, number: str, asked: PriceChange) -> OrderView:
    """Set prices of single pieces and the postage of an unpaid order; what was taken off stays taken off.

    Who has begun to pay the old amount begins anew: what arrives of it goes back. The same again changes
    nothing. Raises `NotFound` (`order_not_found`, `line_not_found`), `Conflict` (`order_not_unpaid` with its
    `state`), `Invalid` (`price_below_discount` with `line_id`, `too_much`).
    """
    order_id = (await any_known(session, number)).id
    unpaid = await hold(session, order_id, ["unpaid"])
    order = await any_known(session, number)
    if not unpaid:
        raise Conflict("order_not_unpaid", f"this order is {order.state}", state=order.state)
    before = order.total_fen
    postage = order.shipping_fen if asked.shipping_fen is None else asked.shipping_fen
    same_postage = postage == order.shipping_fen
    lines = await repriced(session, order, {each.line_id: each.price_fen for each in asked.lines})
    after = await any_known(session, number)
    if not lines and same_postage:
        return await shown(session, after)
    items = sum(line.price_fen * (line.quantity - line.cancelled) for line in after.lines)
    total = sum(line.paid_fen for line in after.lines) + postage
    if max(items, total) > MOST_FEN:
        raise Invalid("too_much", "an order costs less than that")
    amounts: dict[str, Any] = {"items_fen": items, "shipping_fen": postage, "total_fen": total}
    by, detail = f"staff:{staff_id}", {"reason": asked.reason, "before_fen": before}
    await change(session, order_id, "price_changed", by, lines=lines, detail=detail, **amounts)
    await paying_repository.outdate(session, order_id, now())
    money = {"before_fen": before, "after_fen": total}
    await audit.record(session, staff_id, "price_changed", f"order:{number}", asked.reason, **money)
    await told(session, "order.price_changed", order, total_fen=total)
    return await shown(session, await any_known(session, number))


async def repriced(session: WriteSession, order: Order, prices: dict[int, int]) -> dict[int, dict[str, Any]]:
    """Set the prices (line to fen) of an order that is held; the columns of lines that changed."""
    changed: dict[int, dict[str, Any]] = {}
    by_id = {line.id: line for line in order.lines}
    for line_id, price_fen in prices.items():
        if line_id not in by_id:
            raise NotFound("line_not_found")
        line = by_id[line_id]
        paid_fen = line.paid_fen + (price_fen - line.price_fen) * (line.quantity - line.cancelled)
        if paid_fen < 0:
            raise Invalid("price_below_discount", "less than what is taken off", line_id=line_id)
        if paid_fen > MOST_FEN:
            raise Invalid("too_much", "an order costs less than that")
        if price_fen != line.price_fen:
            values = {"price_fen": price_fen, "paid_fen": paid_fen}
            columns = await repository.change_line(
                session, line_id, OrderLine.price_fen == line.price_fen, **values
            )
            assert columns, "the order is held"
            changed[line_id] = columns
    return changed
