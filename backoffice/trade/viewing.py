"""Orders as shoppers see them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backoffice.catalog.schemas import image, variant
from backoffice.fulfillment import pickups, worklist
from backoffice.fulfillment import service as fulfillment
from backoffice.fulfillment.fulfilment_schemas import Piece
from backoffice.fulfillment.schemas import ShipmentView
from backoffice.kit.database import ReadSession
from backoffice.kit.masking import mask_email, mask_name, mask_phone, mask_street
from backoffice.kit.messages import message
from backoffice.kit.time import now
from backoffice.trade import domain, repository
from backoffice.trade.domain import Item, OrderFacts
from backoffice.trade.models import Invoice, InvoiceCorrection, Order, OrderLine, Payment, Refund
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import InvoiceCorrectionView, InvoiceView, LineView, OrderPart, OrderView, Step


def state_label(order: Order, shipments: Sequence[ShipmentView]) -> str:
    if order.state == "shipped" and order.intercept_at:
        return message("trade", "states.intercepting")
    if order.state == "shipped" and shipments:
        return shipments[-1].state_label
    return message("trade", f"states.{order.state}")


@dataclass(frozen=True)
class File:
    """An order and what was written down about it since."""

    order: Order
    shipments: list[ShipmentView]
    parts: list[OrderPart]
    refunds: Sequence[Refund]
    invoice: Invoice | None
    corrections: Sequence[InvoiceCorrection]


async def files(session: ReadSession, orders: Sequence[Order]) -> list[File]:
    ids = [order.id for order in orders]
    shipments = await fulfillment.shipments_of(session, ids)
    parts = await parts_of(session, orders)
    refunds = await repository.refunds(session, ids)
    invoices = await repository.invoices(session, ids)
    reds = await repository.corrections(session, invoices)
    return [
        File(
            order,
            shipments[order.id],
            parts.get(order.id, []),
            refunds.get(order.id, []),
            invoices.get(order.id),
            reds[order.id],
        )
        for order in orders
    ]


async def parts_of(session: ReadSession, orders: Sequence[Order]) -> dict[int, list[OrderPart]]:
    """The parts of those that are under way or there, but for what was given up."""
    ids = [order.id for order in orders if order.state not in ("unpaid", "cancelled")]
    if not ids:
        return {}
    return {
        order_id: [
            OrderPart(
                id=part.id,
                kind=part.kind,
                kind_label=part.kind_label,
                state=part.state,
                state_label=part.state_label,
                leave_by=part.leave_by,
                pieces=[Piece(sku_id=line.sku_id, quantity=line.quantity) for line in part.lines],
            )
            for part in parts
            if part.state not in ("declined", "cancelled")
        ]
        for order_id, parts in (await worklist.of_orders(session, ids)).items()
    }


async def with_codes(session: ReadSession, order: Order, shown: OrderView) -> OrderView:
    """The same with what its owner needs to collect what waits."""
    waiting = {each.fulfilment_id: each for each in (await pickups.waiting(session, [order.id]))[order.id]}
    for part in shown.parts:
        part.pickup = waiting.get(part.id)
    return shown


def facts(file: File) -> OrderFacts:
    order = file.order
    back = [refund for refund in file.refunds if refund.state != "withdrawn"]
    settled = [refund.settled_at for refund in back if refund.settled_at]
    is_open = any(refund.state in repository.REFUND_OPEN for refund in back)
    return OrderFacts(
        number=order.number,
        state=order.state,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        delivered_at=order.delivered_at,
        completed_at=order.completed_at,
        cancelled_at=order.cancelled_at,
        items=tuple(Item(line.product_id, line.name, line.colour) for line in order.lines),
        parcels=tuple(shipment.number for shipment in file.shipments),
        stoppable=can_be_stopped(order, file.shipments),
        refund="open" if is_open else "settled" if settled else "none",
        refund_sent=any(refund.state == "processing" and refund.due_at for refund in back),
        refunded_at=None if is_open else max(settled, default=None),
        returning=any(line.returned for line in order.lines),
        invoiced=file.invoice is not None and file.invoice.state == "issued",
    )


def can_be_stopped(order: Order, shipments: Iterable[ShipmentView]) -> bool:
    on_the_way = any(shipment.state in ("in_transit", "exception") for shipment in shipments)
    return order.state == "shipped" and order.intercept_at is None and on_the_way


async def shown(session: ReadSession, order: Order) -> OrderView:
    """One order, whoever's it is."""
    return (await views(session, await files(session, [order])))[0]


async def views(session: ReadSession, filed: Sequence[File]) -> list[OrderView]:
    repaid = [file.order.id for file in filed if file.refunds]
    payments = await repository.payments(session, repaid) if repaid else {}
    return [view(file, payments.get(file.order.id, [])) for file in filed]


def region(order: Order) -> str:
    """Province, city and district; a city that is its own province is named once."""
    return "".join(dict.fromkeys((order.province, order.city, order.district)))


def view(file: File, payments: Sequence[Payment]) -> OrderView:
    order, known_facts = file.order, facts(file)
    return OrderView(
        number=order.number,
        state=order.state,
        state_label=state_label(order, file.shipments),
        channel=order.channel,
        placed_at=order.placed_at,
        ship_by=order.ship_by,
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        delivered_at=order.delivered_at,
        completed_at=order.completed_at,
        cancelled_at=order.cancelled_at,
        items_fen=order.items_fen,
        discount_fen=order.discount_fen,
        shipping_fen=order.shipping_fen,
        total_fen=order.total_fen,
        receiver=mask_name(order.receiver),
        phone=mask_phone(order.phone),
        city=order.city,
        address=region(order) + mask_street(order.street),
        note=order.note,
        lines=[line_view(line) for line in order.lines],
        shipments=file.shipments,
        parts=file.parts,
        refunds=[refunding.view(order, refund, payments) for refund in file.refunds],
        invoice=invoice_view(file.invoice, file.corrections) if file.invoice else None,
        urges=order.urges,
        intercept_at=order.intercept_at,
        can=domain.allowed(known_facts, now()),
        progress=[
            Step(label=message("trade", f"steps.{step}"), at=at, done=done)
            for step, at, done in domain.progress(known_facts)
        ],
    )


def line_view(line: OrderLine) -> LineView:
    return LineView(
        id=line.id,
        product_id=line.product_id,
        sku_id=line.sku_id,
        name=line.name,
        variant=variant(line.colour, line.size),
        colour=line.colour,
        size=line.size,
        quantity=line.quantity,
        cancelled=line.cancelled,
        price_fen=line.price_fen,
        paid_fen=line.paid_fen,
        image=image(line.product_id),
    )


def invoice_view(invoice: Invoice, corrections: Iterable[InvoiceCorrection] = ()) -> InvoiceView:
    return InvoiceView(
        number=invoice.number,
        kind=invoice.kind,
        title=invoice.title,
        tax_number=invoice.tax_number,
        email=mask_email(invoice.email) if invoice.email else "",
        amount_fen=invoice.amount_fen,
        state=invoice.state,
        state_label=message("trade", f"invoices.{invoice.state}"),
        requested_at=invoice.requested_at,
        issued_at=invoice.issued_at,
        corrections=[
            InvoiceCorrectionView(number=each.number, amount_fen=each.amount_fen, issued_at=each.issued_at)
            for each in corrections
        ],
    )
