"""Paying an order: what is tried, and what becomes of money that arrives. Session first, no commit inside.

Money is written down first. Then it pays its order, or goes back: there is no third way. `order.paid` and
`payment.returned` tell which, keyed `order:<id>`.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Literal

from backoffice.events import service as events
from backoffice.inventory import holds
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from backoffice.trade import places
from backoffice.trade import repository as orders
from backoffice.trade.access import known
from backoffice.trade.checkout.placing import main_location
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import change, hold
from backoffice.trade.lifecycle.cancelling import let_go
from backoffice.trade.models import Order, Payment
from backoffice.trade.offers import service as offers
from backoffice.trade.payments import refunding, repository
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import Paid
from backoffice.trade.payments.schemas import (
    AttemptView,
    PaymentsView,
    PaymentView,
    Unaccounted,
    method_label,
)
from backoffice.trade.telling import told
from backoffice.users.identity import Shopper

Outcome = Literal["paid", "returned", "repeated"]
NO_DEADLINE = timedelta(hours=2)
"""So long is an attempt open for an order that need not be paid by any time."""
FIRST_LOOK = timedelta(seconds=10)


async def open_attempt(
    session: WriteSession, shopper: Shopper, number: str, method: str, offered: Collection[str]
) -> AttemptView:
    """Begin to pay an order in one way; while that is open it is the same attempt, however often it is asked.

    An order that costs nothing is paid by this. Raises `NotFound`, `Invalid` (`method_not_offered`),
    `Conflict` (`order_not_unpaid` with its `state`, `payment_over`, `payment_closing`: what was begun before
    the price changed is being closed).
    """
    if method not in offered:
        raise Invalid("method_not_offered", "this way of paying is not offered", offered=sorted(offered))
    order_id = (await known(session, shopper, number)).id
    payable = await hold(session, order_id, ["unpaid"])
    order = await known(session, shopper, number)
    if not payable:
        raise Conflict("order_not_unpaid", f"this order is {order.state}", state=order.state)
    moment = now()
    if order.pay_by and order.pay_by <= moment:
        raise Conflict("payment_over", "it was to be paid before")
    if found := await repository.started(session, order_id, method):
        if found.amount_fen != order.total_fen:
            raise Conflict("payment_closing", "what is to be paid has changed: ask again in a moment")
        return attempt_view(found)
    reference = f"{number}{secrets.token_hex(4)}"
    await repository.add_attempt(
        session,
        reference=reference,
        order_id=order_id,
        method=method,
        amount_fen=order.total_fen,
        state="started" if order.total_fen else "captured",
        started_at=moment,
        expires_at=order.pay_by or moment + NO_DEADLINE,
        due_at=moment + FIRST_LOOK,
    )
    if not order.total_fen and not await settle(session, order, None, moment):
        raise Conflict("out_of_stock", "its pieces are sold", lines=[])
    return attempt_view(await attempt(session, reference))


async def attempt(session: ReadSession, reference: str) -> PaymentAttempt:
    """Raises `NotFound` (`payment_not_found`) for a reference that is not ours."""
    found = await repository.attempt(session, reference)
    if found is None:
        raise NotFound("payment_not_found")
    return found


async def captured(session: WriteSession, method: str, paid: Paid) -> Outcome:
    """Take in that money has arrived, however often and late it is told: the inserted row decides.

    It pays the order when that is unpaid and costs as much, and all its pieces are there; else it goes back,
    and an order whose pieces are not there any more is cancelled. Raises `NotFound` (`payment_not_found`).
    """
    tried = await attempt(session, paid.reference)
    if tried.method != method:
        raise NotFound("payment_not_found")
    payment = await repository.add_payment(session, tried.order_id, method, paid)
    if payment is None:
        return "repeated"
    moment = now()
    await hold(session, tried.order_id, ANY)
    await repository.end_attempt(session, paid.reference, "captured", moment, whatever=True)
    await repository.hurry(session, tried.order_id, moment)
    order = await orders.order_by_id(session, tried.order_id)
    assert order is not None
    if reason := objection(order, paid.amount_fen):
        await give_back(session, order, payment, reason)
        return "returned"
    return "paid" if await settle(session, order, payment, moment_paid(order, paid)) else "returned"


def objection(order: Order, amount_fen: int) -> str | None:
    """Why this money does not pay this order."""
    if order.state == "cancelled":
        return refunding.ORDER_DEAD
    if order.state != "unpaid":
        return refunding.PAID_TWICE
    return None if amount_fen == order.total_fen else refunding.WRONG_AMOUNT


def moment_paid(order: Order, paid: Paid) -> datetime:
    """When it was paid: as the provider says, but not before it was placed nor in the future."""
    return max(order.placed_at, min(paid.at, now()))


async def settle(session: WriteSession, order: Order, payment: Payment | None, at: datetime) -> bool:
    """Make an unpaid order that is held `paid`; when its pieces are gone it is cancelled: False."""
    detail = {"reference": payment.reference, "method": payment.method} if payment else {}
    await change(session, order.id, "paid", "system", detail=detail, paid_at=at)
    if await promised(session, order):
        await told(session, "order.paid", order)
        return True
    reason: dict[str, Any] = {"cancelled_at": now(), "cancel_reason": refunding.NO_STOCK}
    await change(session, order.id, "cancelled", "system", **reason)
    await let_go(session, order)
    await offers.give_back(session, order.id)
    await told(session, "order.cancelled", order)
    if payment:
        await give_back(session, order, payment, refunding.NO_STOCK)
    return False


async def promised(session: WriteSession, order: Order) -> bool:
    """Allocate the pieces held for an order; when that is over, again where they were, or elsewhere."""
    holder = holds.order_holder(order.id)
    if await holds.confirm(session, holder):
        return True
    await holds.let_go(session, holder)
    before = await places.before(session, order)
    picks = await places.first(
        session, order, lambda found: holds.allocate(session, holder, found, order.channel)
    )
    if picks and picks != before:
        moved: dict[str, Any] = {"detail": {"picks": picks}, "location_id": main_location(picks)}
        await change(session, order.id, "moved", "system", **moved)
    return picks is not None


async def give_back(session: WriteSession, order: Order, payment: Payment, reason: str) -> None:
    """Pay back, at once and in full, what does not pay its order."""
    number = await refunding.request(session, payment, payment.amount_fen, reason, now(), "system")
    about = {"order_id": order.id, "order_number": order.number, "customer_id": order.customer_id}
    money = {"amount_fen": payment.amount_fen, "method": payment.method, "reason": reason}
    await events.publish(session, "payment.returned", f"order:{order.id}", about | money | {"number": number})


async def payments_audit(session: ReadSession, after: int = 0, limit: int = 1000) -> list[Unaccounted]:
    """Payments with an id above `after` that neither pay their order nor go back; nothing is repaired."""
    return await repository.unaccounted(session, after, limit)


async def count_payments(session: ReadSession) -> int:
    return await repository.count_payments(session)


# Views


async def payments(
    session: ReadSession, shopper: Shopper, number: str, offered: Collection[str]
) -> PaymentsView:
    """What was tried and what was paid for an order, and how it can be paid. Raises `NotFound`."""
    order = await known(session, shopper, number)
    paid = (await orders.payments(session, [order.id])).get(order.id, [])
    return PaymentsView(
        offered=sorted(offered) if order.state == "unpaid" else [],
        attempts=[attempt_view(each) for each in await repository.attempts(session, order.id)],
        payments=[
            PaymentView(
                method=each.method,
                method_label=method_label(each.method),
                amount_fen=each.amount_fen,
                refunded_fen=each.refunded_fen,
                at=each.at,
            )
            for each in paid
        ],
    )


def attempt_view(found: PaymentAttempt) -> AttemptView:
    return AttemptView(
        reference=found.reference,
        method=found.method,
        method_label=method_label(found.method),
        amount_fen=found.amount_fen,
        state=found.state,
        client=found.client if found.state == "started" and found.expires_at > now() else None,
        expires_at=found.expires_at,
    )
