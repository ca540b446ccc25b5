"""Invoices over what was paid and kept. Session first, no commit inside."""

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from backoffice.trade import domain, repository
from backoffice.trade.access import any_known, known
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import hold, record
from backoffice.trade.schemas import InvoiceRequest, InvoiceView
from backoffice.trade.telling import told
from backoffice.trade.viewing import invoice_view
from backoffice.users.identity import Shopper


async def put_invoice(
    session: WriteSession, shopper: Shopper, number: str, asked: InvoiceRequest
) -> InvoiceView:
    """Ask for an invoice over what was paid and kept, or change what was asked.

    Raises `Invalid` (`tax_number_invalid`), `Conflict` (`invoice_issued`, `order_cancelled`, `order_unpaid`).
    """
    found = await known(session, shopper, number)
    tax_number = domain.tax_number(asked.tax_number) if asked.kind == "company" else ""
    if tax_number is None:
        raise Invalid("tax_number_invalid", "a tax number has 15, 18 or 20 letters and digits")
    if not await hold(session, found.id, domain.PAID_STATES):
        state = (await known(session, shopper, number)).state
        raise Conflict("order_cancelled" if state == "cancelled" else "order_unpaid")
    asked_for = await repository.put_invoice(
        session,
        found.id,
        now(),
        kind=asked.kind,
        title=asked.title,
        tax_number=tax_number,
        email=asked.email,
        amount_fen=await left(session, found.id),
    )
    if not asked_for:
        raise Conflict("invoice_issued", "this order's invoice is already issued")
    await record(session, found.id, "invoice_requested", shopper.scope)
    await told(session, "order.invoice_requested", found)
    return invoice_view((await repository.invoices(session, [found.id]))[found.id])


async def issue(session: WriteSession, staff_id: int, number: str) -> InvoiceView:
    """Issue what was asked for, over what is left of what was paid; an issued one is only shown.

    Raises `NotFound` (`order_not_found`, `invoice_not_requested`), `Conflict` (`nothing_to_invoice`).
    """
    order = await any_known(session, number)
    await hold(session, order.id, ANY)
    invoice = (await repository.invoices(session, [order.id])).get(order.id)
    if invoice is None:
        raise NotFound("invoice_not_requested")
    if invoice.state == "requested":
        amount = await left(session, order.id)
        if amount <= 0:
            raise Conflict("nothing_to_invoice", "nothing is left of what was paid")
        await repository.issue_invoice(session, invoice.id, amount, now())
        await record(session, order.id, "invoice_issued", f"staff:{staff_id}", amount_fen=amount)
        await audit.record(session, staff_id, "invoice_issued", f"order:{number}", amount_fen=amount)
        await told(session, "order.invoice_issued", order)
    invoice = (await repository.invoices(session, [order.id]))[order.id]
    return invoice_view(invoice, (await repository.corrections(session, [order.id]))[order.id])


async def correct(session: WriteSession, order_id: int) -> None:
    """Correct an issued invoice by a red one when less is left of what was paid than it says.

    For an order that is held, when money is back: what is on its way back is not corrected before.
    """
    invoice = (await repository.invoices(session, [order_id])).get(order_id)
    if invoice is None or invoice.state != "issued":
        return
    reds = (await repository.corrections(session, [order_id]))[order_id]
    payments = (await repository.payments(session, [order_id])).get(order_id, [])
    refunds = (await repository.refunds(session, [order_id])).get(order_id, [])
    kept = sum(each.amount_fen for each in payments)
    kept -= sum(each.amount_fen for each in refunds if each.state == "settled")
    amount = invoice.amount_fen - sum(each.amount_fen for each in reds) - kept
    if amount > 0:
        red = await repository.add_correction(session, order_id, amount, now())
        await record(session, order_id, "invoice_corrected", "system", number=red, amount_fen=amount)
        order = await repository.order_by_id(session, order_id)
        assert order is not None
        await told(session, "order.invoice_corrected", order, amount_fen=amount)


async def left(session: ReadSession, order_id: int) -> int:
    """What of the money paid is neither back nor on its way back, in fen."""
    payments = (await repository.payments(session, [order_id])).get(order_id, [])
    return sum(payment.amount_fen - payment.refunded_fen for payment in payments)
