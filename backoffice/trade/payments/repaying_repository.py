"""All SQL of refunds on their way to a provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.paging import Page
from backoffice.trade.history_repository import QUIETLY
from backoffice.trade.models import Order, Payment, Refund

FRESH = {"populate_existing": True}
SENDING = ("requested", "processing")
Found = tuple[Refund, Payment]


async def due(session: ReadSession, methods: Sequence[str], moment: datetime, limit: int) -> list[Found]:
    """Refunds about which a provider is to be asked, each with its payment, the longest due first."""
    found = (
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.due_at <= moment, Refund.state.in_(SENDING), Payment.method.in_(methods))
        .order_by(Refund.due_at)
        .limit(limit)
    )
    return [(refund, payment) for refund, payment in await session.execute(found)]


async def claim(session: WriteSession, refund: Refund, due_at: datetime) -> bool:
    """Take on sending a refund, due again then; False when somebody else has, or it was withdrawn."""
    as_seen = Refund.state == refund.state, Refund.due_at == refund.due_at
    return await done(session, refund.id, *as_seen, state="processing", due_at=due_at, tries=Refund.tries + 1)


async def numbered(session: ReadSession, number: str) -> Found | None:
    found = select(Refund, Payment).join(Payment, Payment.id == Refund.payment_id)
    row = await session.execute(found.where(Refund.number == number).execution_options(**FRESH))
    both = row.one_or_none()
    return (both[0], both[1]) if both else None


async def settle(session: WriteSession, refund_id: int, states: Sequence[str], at: datetime) -> bool:
    """Whether this made it `settled`."""
    guard = Refund.state.in_(states)
    return await done(session, refund_id, guard, state="settled", settled_at=at, due_at=None, failure="")


async def fail(session: WriteSession, refund_id: int, edition: int, why: str) -> bool:
    """Whether this made it `failed`: only as it was sent last, and while it is on its way."""
    guards = Refund.state.in_(SENDING), Refund.edition == edition
    return await done(session, refund_id, *guards, state="failed", due_at=None, failure=why[:120])


async def send_again(session: WriteSession, refund_id: int, moment: datetime) -> bool:
    values: dict[str, Any] = {"edition": Refund.edition + 1, "tries": 0, "failure": ""}
    return await done(
        session, refund_id, Refund.state == "failed", state="requested", due_at=moment, **values
    )


async def done(session: WriteSession, refund_id: int, *guards: Any, **values: Any) -> bool:
    statement = update(Refund).where(Refund.id == refund_id, *guards).values(**values).returning(Refund.id)
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def listed(
    session: ReadSession, states: Sequence[str], page: Page
) -> tuple[list[tuple[Refund, Payment, str]], int]:
    """Refunds in these states, each with its payment and its order's number, the oldest first; how many."""
    wanted = Refund.state.in_(states)
    found = (
        select(Refund, Payment, Order.number)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Refund.order_id)
        .where(wanted)
        .order_by(Refund.requested_at, Refund.id)
    )
    rows = await session.execute(found.limit(page.limit).offset(page.offset))
    total = await session.scalar(select(func.count()).select_from(Refund).where(wanted))
    return [(refund, payment, number) for refund, payment, number in rows], total or 0
