"""Price protection: what is owed because prices fell since the purchase."""

from typing import Any

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import variant
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.trade import domain, repository
from backoffice.trade.access import known
from backoffice.trade.domain import PricedLine
from backoffice.trade.history_repository import hold, record
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import ProtectedLine, Protection, RefundView
from backoffice.users.identity import Shopper


async def priced_lines(session: ReadSession, order: Order) -> list[tuple[OrderLine, PricedLine]]:
    """The lines beside today's prices; one that is no longer sold keeps its price."""
    current = await catalog.prices(session, [line.sku_id for line in order.lines])
    return [
        (
            line,
            PricedLine(
                quantity=line.quantity,
                gone=line.returned + line.cancelled,
                paid_fen=line.paid_fen,
                protected_fen=line.protected_fen,
                current_fen=current.get(line.sku_id, line.price_fen),
            ),
        )
        for line in order.lines
    ]


async def protection(session: ReadSession, shopper: Shopper, number: str) -> Protection:
    """What is owed because prices fell since the purchase, and until when it can be asked for."""
    found = await known(session, shopper, number)
    priced = await priced_lines(session, found)
    reason = domain.protection_reason(found.state, found.paid_at, [line for _, line in priced], now())
    lines = [
        ProtectedLine(
            line_id=line.id,
            name=line.name,
            variant=variant(line.colour, line.size),
            paid_fen=price.paid_fen - price.protected_fen,
            current_fen=price.current_fen * price.quantity,
            difference_fen=price.difference_fen if reason == "ok" else 0,
        )
        for line, price in priced
    ]
    return Protection(
        lines=lines,
        difference_fen=sum(line.difference_fen for line in lines),
        deadline=domain.protection_deadline(found.paid_at) if found.paid_at else None,
        eligible=reason == "ok",
        reason=reason,
    )


async def protect(session: WriteSession, shopper: Shopper, number: str) -> RefundView:
    """Pay the difference back. Raises `Conflict` (`not_eligible`, with `reason`)."""
    found = await known(session, shopper, number)
    moment = now()
    await hold(session, found.id, domain.PAID_STATES)
    found = await known(session, shopper, number)
    priced = await priced_lines(session, found)
    reason = domain.protection_reason(found.state, found.paid_at, [line for _, line in priced], moment)
    if reason != "ok":
        raise Conflict("not_eligible", f"no difference is owed: {reason}", reason=reason)
    protected: dict[int, dict[str, Any]] = {}
    owed = 0
    for line, price in priced:
        difference = price.difference_fen
        changed = difference and await repository.protect(session, line.id, line.protected_fen, difference)
        if changed:
            protected[line.id] = changed
            owed += difference
    if not owed:
        raise Conflict("not_eligible", "no difference is owed any more", reason="no_drop")
    payments = (await repository.payments(session, [found.id])).get(found.id, [])
    payment = max(payments, key=lambda payment: payment.amount_fen - payment.refunded_fen)
    await record(session, found.id, "price_protected", shopper.scope, protected)
    refund_number = await refunding.request(session, payment, owed, "price_protection", moment, shopper.scope)
    made = (await repository.refunds(session, [found.id]))[found.id]
    return refunding.view(found, next(refund for refund in made if refund.number == refund_number), payments)
