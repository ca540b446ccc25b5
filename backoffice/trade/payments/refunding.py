"""Money on its way back: asked for, shown, never more than was paid. Session first, no commit inside."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from backoffice.events import service as events
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.messages import catalogue, message
from backoffice.kit.paging import Page
from backoffice.kit.time import end_of_shop_day, now
from backoffice.trade import domain, repository
from backoffice.trade.access import known
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import hold, record
from backoffice.trade.models import Order, Payment, Refund
from backoffice.trade.schemas import Refunds, RefundView
from backoffice.users.identity import Shopper

ORDERS_LOOKED_AT = 100
REFUND_DAYS = {"card": 7}
GOODWILL = "goodwill"
CANCELLED = "cancelled"
ORDER_DEAD, PAID_TWICE, WRONG_AMOUNT, NO_STOCK = "order_dead", "paid_twice", "wrong_amount", "no_stock"
"""Why a payment is given back that was taken for nothing."""
NEVER_KEPT = (ORDER_DEAD, PAID_TWICE, WRONG_AMOUNT)
"""Such a payment has never paid its order."""
UNDO_WITHIN = timedelta(minutes=5)
"""So long a cancellation can be taken back before its money leaves."""


async def request(
    session: WriteSession,
    payment: Payment,
    amount_fen: int,
    reason: str,
    moment: datetime,
    by: str,
    return_number: str | None = None,
) -> str:
    """Start paying back a part of a payment; the refund's number.

    What came by a gateway goes back by it, else people pay it back.
    Raises `Conflict` (`refund_not_covered`) when less than that is left of it.
    """
    if not await repository.promise_back(session, payment.id, amount_fen):
        raise Conflict("refund_not_covered", "less than that is left of the payment")
    number = await repository.add_refund(
        session,
        moment,
        order_id=payment.order_id,
        payment_id=payment.id,
        amount_fen=amount_fen,
        state="requested",
        reason=reason,
        return_number=return_number,
        expected_by=end_of_shop_day(moment, REFUND_DAYS.get(payment.method, 3)),
        due_at=sent_at(payment, reason, moment),
    )
    told: dict[str, Any] = {"number": number, "amount_fen": amount_fen, "reason": reason}
    await record(session, payment.order_id, "refund_requested", by, **told)
    payload = told | {"order_id": payment.order_id}
    await events.publish(session, "refund.requested", f"order:{payment.order_id}", payload)
    return number


def sent_at(payment: Payment, reason: str, moment: datetime) -> datetime | None:
    """When the provider is asked to pay it back; None: by people."""
    if payment.transaction_id is None:
        return None
    return moment + UNDO_WITHIN if reason == CANCELLED else moment


async def pay_back(
    session: WriteSession, order_id: int, amount_fen: int, return_number: str, by: str = "system"
) -> int:
    """Refund what comes back in the ways the order was paid with, the one with most left first.

    What is no longer left of the payments is not paid; returns what is, in fen.
    """
    await hold(session, order_id, ANY)
    return await spread(session, order_id, amount_fen, "returned", by, return_number)


async def spread(
    session: WriteSession,
    order_id: int,
    amount_fen: int | None,
    reason: str,
    by: str,
    return_number: str | None = None,
) -> int:
    """Refund so much of what was paid for a held order, the payment with most left first; None: all that is
    left. What was, in fen.
    """
    payments = (await repository.payments(session, [order_id])).get(order_id, [])
    paid, moment = 0, now()
    for payment in sorted(payments, key=lambda each: (each.refunded_fen - each.amount_fen, each.id)):
        left = payment.amount_fen - payment.refunded_fen
        if part := left if amount_fen is None else min(left, amount_fen - paid):
            await request(session, payment, part, reason, moment, by, return_number)
            paid += part
    return paid


async def compensate(
    session: WriteSession, shopper: Shopper, number: str, amount_fen: int, limit_fen: int
) -> RefundView:
    """Pay a part of an order back out of goodwill, at most `limit_fen` for the order in all.

    Raises `Invalid` (`bad_amount`), `Conflict` (`order_not_paid`, `over_limit` with `left_fen`,
    `refund_not_covered`).
    """
    if amount_fen <= 0:
        raise Invalid("bad_amount", "an amount above 0")
    found = await known(session, shopper, number)
    if not await hold(session, found.id, domain.PAID_STATES):
        raise Conflict("order_not_paid", "only a paid order can be paid back")
    before = (await repository.refunds(session, [found.id])).get(found.id, [])
    given = sum(each.amount_fen for each in before if each.reason == GOODWILL and each.state != "withdrawn")
    if given + amount_fen > limit_fen:
        raise Conflict("over_limit", "more than may be given", left_fen=max(limit_fen - given, 0))
    payments = (await repository.payments(session, [found.id])).get(found.id, [])
    if not payments:
        raise Conflict("order_not_paid", "nothing was paid")
    payment = max(payments, key=lambda payment: payment.amount_fen - payment.refunded_fen)
    refund_number = await request(session, payment, amount_fen, GOODWILL, now(), shopper.scope)
    made = (await repository.refunds(session, [found.id]))[found.id]
    return view(found, next(refund for refund in made if refund.number == refund_number), payments)


async def refunds(session: ReadSession, shopper: Shopper, number: str | None) -> Refunds:
    """The shopper's refunds, of one order or of all, newest first. Raises `NotFound`."""
    if number:
        mine = [await known(session, shopper, number)]
    else:
        mine = await repository.orders(session, shopper, None, Page(limit=ORDERS_LOOKED_AT))
    ids = [order.id for order in mine]
    made, payments = await repository.refunds(session, ids), await repository.payments(session, ids)
    shown = [
        view(order, refund, payments.get(order.id, [])) for order in mine for refund in made.get(order.id, [])
    ]
    return Refunds(refunds=sorted(shown, key=lambda refund: refund.requested_at, reverse=True))


def view(order: Order, refund: Refund, payments: Iterable[Payment]) -> RefundView:
    method = next((payment.method for payment in payments if payment.id == refund.payment_id), "other")
    ways, reasons = catalogue("trade")["destinations"], catalogue("trade")["refund_reasons"]
    return RefundView(
        number=refund.number,
        order_number=order.number,
        amount_fen=refund.amount_fen,
        state=refund.state,
        state_label=message("trade", f"refunds.{refund.state}"),
        destination=ways.get(method, ways["other"]),
        reason=reasons.get(refund.reason, refund.reason),
        requested_at=refund.requested_at,
        expected_by=refund.expected_by,
        settled_at=refund.settled_at,
        item=order.lines[0].name if len(order.lines) == 1 else "",
    )
