"""Orders over HTTP. Another's order is answered like one that does not exist."""

from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.kit.database import Reading
from backoffice.kit.errors import NotFound, TooMany
from backoffice.kit.paging import Page
from backoffice.trade import invoicing, plan_endpoints, service, staff_endpoints
from backoffice.trade.channels import endpoints as channel_endpoints
from backoffice.trade.checkout import endpoints as checkout_endpoints
from backoffice.trade.lifecycle import line_cancelling, protecting
from backoffice.trade.offers import endpoints as offer_endpoints
from backoffice.trade.payments import endpoints as paying_endpoints
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import (
    Cancel,
    CancelLines,
    InvoiceRequest,
    InvoiceView,
    NewAddress,
    Orders,
    OrderState,
    OrderView,
    Proof,
    Protection,
    Proven,
    Refunds,
    RefundView,
    Urged,
    Which,
    WhichOrder,
)
from backoffice.users.identity import Acting, Asking

router = APIRouter(prefix="/api", tags=["orders"])
router.include_router(channel_endpoints.router)
router.include_router(checkout_endpoints.router)
router.include_router(offer_endpoints.router)
router.include_router(paying_endpoints.router)
router.include_router(plan_endpoints.router)
router.include_router(staff_endpoints.router)


class OrderFilter(Page):
    """A page of the orders in one state, or in any."""

    state: OrderState | None = None


@router.get("/orders")
async def orders(session: Reading, shopper: Asking, wanted: Annotated[OrderFilter, Query()]) -> Orders:
    return await service.orders(session, shopper, wanted.state, wanted)


@router.post("/orders/meant")
async def which_order(session: Reading, shopper: Asking, asked: Which) -> WhichOrder:
    return await service.which(session, shopper, asked)


@router.post("/orders/verify")
async def verify(errand: Acting, proof: Proof) -> OrderView:
    """Raises `NotFound` (`order_not_found`) for a wrong guess, `TooMany` (`too_many_tries`) after five."""
    proven = await errand.once(Proven, lambda session: service.prove(session, errand.shopper, proof))
    if proven.limited:
        raise TooMany("too_many_tries", "try again in an hour")
    if proven.order is None:
        raise NotFound("order_not_found")
    return proven.order


@router.get("/orders/{number}")
async def order(session: Reading, shopper: Asking, number: str) -> OrderView:
    return await service.order(session, shopper, number)


@router.post("/orders/{number}/urge")
async def urge(errand: Acting, number: str) -> Urged:
    return await errand.once(Urged, lambda session: service.urge(session, errand.shopper, number))


@router.post("/orders/{number}/cancel")
async def cancel(errand: Acting, number: str, asked: Cancel) -> OrderView:
    return await errand.once(
        OrderView, lambda session: service.cancel(session, errand.shopper, number, asked.reason)
    )


@router.post("/orders/{number}/cancel-lines")
async def cancel_lines(errand: Acting, number: str, asked: CancelLines) -> OrderView:
    """Take single pieces off an order: they are paid back, or not to be paid; with the last it is cancelled.

    Raises 404 `line_not_found`, 409 `fewer_pieces`, `pieces_packed`, `order_shipped`, `order_cancelled`.
    """
    return await errand.once(
        OrderView, lambda session: line_cancelling.cancel_lines(session, errand.shopper, number, asked)
    )


@router.post("/orders/{number}/intercept")
async def intercept(errand: Acting, number: str) -> OrderView:
    return await errand.once(OrderView, lambda session: service.intercept(session, errand.shopper, number))


@router.post("/orders/{number}/undo-cancel")
async def undo_cancel(errand: Acting, number: str) -> OrderView:
    return await errand.once(OrderView, lambda session: service.undo_cancel(session, errand.shopper, number))


@router.put("/orders/{number}/address")
async def change_address(errand: Acting, number: str, wanted: NewAddress) -> OrderView:
    return await errand.once(
        OrderView, lambda session: service.change_address(session, errand.shopper, number, wanted)
    )


@router.put("/orders/{number}/invoice")
async def put_invoice(errand: Acting, number: str, asked: InvoiceRequest) -> InvoiceView:
    return await errand.once(
        InvoiceView, lambda session: invoicing.put_invoice(session, errand.shopper, number, asked)
    )


@router.get("/orders/{number}/price-protection")
async def price_protection(session: Reading, shopper: Asking, number: str) -> Protection:
    return await protecting.protection(session, shopper, number)


@router.post("/orders/{number}/price-protection")
async def claim_price_protection(errand: Acting, number: str) -> RefundView:
    return await errand.once(RefundView, lambda session: protecting.protect(session, errand.shopper, number))


@router.get("/refunds")
async def refunds(session: Reading, shopper: Asking, order_number: str | None = None) -> Refunds:
    return await refunding.refunds(session, shopper, order_number)
