"""What staff do to orders, over HTTP; each is on record."""

from typing import Annotated

from fastapi import APIRouter, Depends

from backoffice.kit.database import Writing
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.trade import invoicing
from backoffice.trade.lifecycle import line_cancelling, repricing
from backoffice.trade.schemas import CancelLines, InvoiceView, OrderView, PriceChange

router = APIRouter(prefix="/staff/orders", tags=["orders"])
Supervisor = Annotated[StaffView, Depends(staff("supervisor", "admin"))]


@router.post("/{number}/cancel-lines")
async def cancel_lines(member: Supervisor, session: Writing, number: str, asked: CancelLines) -> OrderView:
    """Take single pieces off an order. Raises 404, 409 `fewer_pieces`, `pieces_packed`, `order_shipped`."""
    return await line_cancelling.cancel_by_staff(session, member.id, number, asked)


@router.put("/{number}/price")
async def change_price(member: Supervisor, session: Writing, number: str, asked: PriceChange) -> OrderView:
    """Set prices of single pieces, and the postage, of an unpaid order.

    Raises 404, 409 `order_not_unpaid`, 422 `price_below_discount`, `too_much`.
    """
    return await repricing.change_price(session, member.id, number, asked)


@router.post("/{number}/invoice/issue")
async def issue_invoice(member: Supervisor, session: Writing, number: str) -> InvoiceView:
    """Issue the invoice that was asked for. Raises 404 `invoice_not_requested`, 409 `nothing_to_invoice`."""
    return await invoicing.issue(session, member.id, number)
