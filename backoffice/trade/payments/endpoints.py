"""Over HTTP shoppers pay their orders, and staff see to refunds that do not go by themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import HTTPConnection

from backoffice.events import audit
from backoffice.kit.database import Reading, Writing
from backoffice.kit.paging import Page
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.trade.payments import paying, repaying
from backoffice.trade.payments.collecting import Collecting
from backoffice.trade.payments.schemas import (
    AttemptView,
    Pay,
    PaymentsView,
    RefundCase,
    RefundCases,
    RefundState,
)
from backoffice.users.identity import Acting, Asking

router = APIRouter(tags=["payments"])
Supervisor = Annotated[StaffView, Depends(staff("supervisor", "admin"))]


async def collecting_of(connection: HTTPConnection) -> Collecting:
    collecting: Collecting = connection.app.state.collecting
    return collecting


Collects = Annotated[Collecting, Depends(collecting_of)]


class RefundFilter(Page):
    state: Annotated[list[RefundState], Field(default_factory=list)]


@router.post("/orders/{number}/payments", status_code=201)
async def pay(errand: Acting, number: str, wanted: Pay, collecting: Collects) -> AttemptView:
    """Begin to pay an order, or go on with what was begun; the same answer while that is open.

    Raises 404, 409 `order_not_unpaid`, `payment_over`, `payment_refused`, 422 `method_not_offered`,
    503 `payment_away`: ask again.
    """
    opened = await errand.once(
        AttemptView,
        lambda session: paying.open_attempt(
            session, errand.shopper, number, wanted.method, collecting.offered
        ),
    )
    return await collecting.begin(opened.reference)


@router.get("/orders/{number}/payments")
async def payments(session: Reading, shopper: Asking, number: str, collecting: Collects) -> PaymentsView:
    return await paying.payments(session, shopper, number, collecting.offered)


@router.get("/staff/refunds")
async def refunds(_: Supervisor, session: Reading, wanted: Annotated[RefundFilter, Query()]) -> RefundCases:
    """Refunds in these states, the failed ones when none is named; the oldest first."""
    return await repaying.cases(session, wanted.state, wanted)


@router.post("/staff/refunds/{number}/retry")
async def retry(member: Supervisor, session: Writing, number: str) -> RefundCase:
    """Send a failed refund to the provider again."""
    shown = await repaying.retry(session, number)
    await audit.record(session, member.id, "refund_retried", f"refund:{number}")
    return shown


@router.post("/staff/refunds/{number}/settle")
async def settle(member: Supervisor, session: Writing, number: str) -> RefundCase:
    """Note that a refund was paid by hand: one that failed, or of money that came by no gateway."""
    shown = await repaying.settle_by_hand(session, number, f"staff:{member.id}")
    await audit.record(session, member.id, "refund_settled_by_hand", f"refund:{number}")
    return shown
