"""All SQL of payments and of the attempts that lead to them. An order is locked before its attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import aliased

from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.trade.history_repository import QUIETLY
from backoffice.trade.models import Order, Payment, Refund
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import Paid
from backoffice.trade.payments.schemas import Unaccounted

FRESH = {"populate_existing": True}


async def attempt(session: ReadSession, reference: str) -> PaymentAttempt | None:
    return await session.scalar(
        select(PaymentAttempt).where(PaymentAttempt.reference == reference).execution_options(**FRESH)
    )


async def attempts(session: ReadSession, order_id: int) -> list[PaymentAttempt]:
    """All attempts to pay an order, the first first."""
    found = select(PaymentAttempt).where(PaymentAttempt.order_id == order_id)
    ordered = found.order_by(PaymentAttempt.started_at, PaymentAttempt.reference)
    return list(await session.scalars(ordered.execution_options(**FRESH)))


async def started(session: ReadSession, order_id: int, method: str) -> PaymentAttempt | None:
    """The attempt to pay an order in this way that has not ended."""
    found = [each for each in await attempts(session, order_id) if each.method == method]
    return next((each for each in found if each.state == "started"), None)


async def add_attempt(session: WriteSession, **values: Any) -> None:
    await session.execute(insert(PaymentAttempt).values(**values))


async def note_client(session: WriteSession, reference: str, client: dict[str, str]) -> None:
    """Keep what the shopper's side needs, as it was answered first."""
    unknown = PaymentAttempt.client.is_(None), PaymentAttempt.state == "started"
    statement = update(PaymentAttempt).where(PaymentAttempt.reference == reference, *unknown)
    await session.execute(statement.values(client=client), execution_options=QUIETLY)


async def end_attempt(
    session: WriteSession, reference: str, state: str, moment: datetime, *, whatever: bool = False
) -> bool:
    """Let an attempt end that has not, or `whatever` became of it; whether this did."""
    which = [PaymentAttempt.reference == reference]
    if not whatever:
        which.append(PaymentAttempt.state == "started")
    statement = update(PaymentAttempt).where(*which).values(state=state, ended_at=moment)
    ended = await session.scalar(statement.returning(PaymentAttempt.reference), execution_options=QUIETLY)
    return ended is not None


async def hurry(session: WriteSession, order_id: int, moment: datetime) -> None:
    """Let the provider be asked now about all attempts of an order that have not ended."""
    open_ones = PaymentAttempt.order_id == order_id, PaymentAttempt.state == "started"
    statement = update(PaymentAttempt).where(*open_ones).values(due_at=moment)
    await session.execute(statement, execution_options=QUIETLY)


async def outdate(session: WriteSession, order_id: int, moment: datetime) -> None:
    """Let all attempts of an order that have not ended be closed: what is to be paid has changed."""
    open_ones = PaymentAttempt.order_id == order_id, PaymentAttempt.state == "started"
    statement = update(PaymentAttempt).where(*open_ones).values(due_at=moment, expires_at=moment)
    await session.execute(statement, execution_options=QUIETLY)


async def due(
    session: ReadSession, methods: Sequence[str], moment: datetime, limit: int
) -> list[PaymentAttempt]:
    """Attempts whose provider is to be asked, the longest due first."""
    found = select(PaymentAttempt).where(
        PaymentAttempt.state == "started",
        PaymentAttempt.due_at <= moment,
        PaymentAttempt.method.in_(methods),
    )
    return list(await session.scalars(found.order_by(PaymentAttempt.due_at).limit(limit)))


async def claim(session: WriteSession, found: PaymentAttempt, due_at: datetime) -> bool:
    """Take on asking about an attempt, which is due again then; False when somebody else has."""
    as_seen = PaymentAttempt.state == "started", PaymentAttempt.due_at == found.due_at
    statement = (
        update(PaymentAttempt)
        .where(PaymentAttempt.reference == found.reference, *as_seen)
        .values(due_at=due_at, asked=PaymentAttempt.asked + 1)
        .returning(PaymentAttempt.reference)
    )
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def add_payment_elsewhere(session: WriteSession, order: Order, at: datetime) -> Payment | None:
    """Write down that the order's channel has been paid for it; None when it is written down already."""
    paid = {"order_id": order.id, "method": order.channel, "reference": order.number, "at": at}
    if not await insert_once(session, Payment, amount_fen=order.total_fen, refunded_fen=0, **paid):
        return None
    return await session.scalar(select(Payment).where(Payment.reference == order.number))


async def add_payment(session: WriteSession, order_id: int, method: str, paid: Paid) -> Payment | None:
    """Write down money that arrived; None when it is written down already."""
    values = {"transaction_id": paid.transaction_id, "amount_fen": paid.amount_fen, "at": paid.at}
    added = await insert_once(
        session, Payment, order_id=order_id, method=method, reference=paid.reference, refunded_fen=0, **values
    )
    if not added:
        return None
    return await session.scalar(select(Payment).where(Payment.reference == paid.reference))


async def unaccounted(session: ReadSession, after: int, limit: int) -> list[Unaccounted]:
    """Payments with an id above `after` that are not what they should be, by id.

    What is set aside to go back is the sum of the refunds; and of an order only one payment is kept, in part
    at least, and only while that is neither unpaid nor cancelled.
    """
    refunds = (
        select(func.coalesce(func.sum(Refund.amount_fen), 0))
        .where(Refund.payment_id == Payment.id, Refund.state != "withdrawn")
        .scalar_subquery()
    )
    other = aliased(Payment)
    another_kept = (
        select(other.id)
        .where(other.order_id == Payment.order_id, other.id != Payment.id)
        .where(other.refunded_fen < other.amount_fen)
        .exists()
    )
    kept = Payment.refunded_fen < Payment.amount_fen
    wrong = or_(
        Payment.refunded_fen != refunds,
        kept & Order.state.in_(("unpaid", "cancelled")),
        kept & another_kept,
    )
    found = (
        select(
            Payment.id,
            Order.number,
            Order.state,
            Payment.method,
            Payment.amount_fen,
            Payment.refunded_fen,
            refunds,
        )
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.id > after, wrong)
        .order_by(Payment.id)
        .limit(limit)
    )
    return [Unaccounted(*row) for row in await session.execute(found)]


async def count_payments(session: ReadSession) -> int:
    return await session.scalar(select(func.count()).select_from(Payment)) or 0
