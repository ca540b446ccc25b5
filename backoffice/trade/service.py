"""The verbs of orders. Each looks only at orders the shopper may see: anybody else's is not found."""

import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import image, variant
from backoffice.events import service as events
from backoffice.fulfillment import service as fulfillment
from backoffice.fulfillment.schemas import ShipmentView
from backoffice.inventory import service as inventory
from backoffice.kit.attempts import allow_attempt
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.masking import mask_email, mask_name, mask_phone, mask_street
from backoffice.kit.messages import catalogue, message
from backoffice.kit.paging import Page
from backoffice.kit.time import end_of_shop_day, now
from backoffice.trade import domain, repository
from backoffice.trade.addresses import AddressLine, cities, parse_address
from backoffice.trade.domain import Item, OrderFacts, PricedLine
from backoffice.trade.models import Invoice, Order, OrderLine, Payment, Refund
from backoffice.trade.schemas import (
    BoughtLine,
    Coupons,
    CouponView,
    InvoiceRequest,
    InvoiceView,
    LineView,
    NewAddress,
    Orders,
    OrderView,
    Proof,
    ProtectedLine,
    Protection,
    Proven,
    Refunds,
    RefundView,
    Step,
    Urged,
    Which,
    WhichOrder,
)
from backoffice.users.identity import Shopper

PROOFS_PER_CONVERSATION = 5
PROOFS_PER_ORDER = 20
ORDERS_LOOKED_AT = 100
SURELY_NAMED = 85
REFUND_DAYS = {"card": 7}
GOODWILL = "goodwill"


# Seeing


async def known(session: ReadSession, shopper: Shopper, number: str) -> Order:
    found = await repository.order(session, shopper, number) if domain.NUMBER.fullmatch(number) else None
    if found is None:
        raise NotFound("order_not_found")
    return found


async def order(session: ReadSession, shopper: Shopper, number: str) -> OrderView:
    """One order. Raises `NotFound` (`order_not_found`) for an unknown number and for another's alike."""
    found = await known(session, shopper, number)
    return (await views(session, await files(session, [found])))[0]


async def orders(session: ReadSession, shopper: Shopper, state: str | None, page: Page) -> Orders:
    """A page of the shopper's orders, newest first."""
    found = await repository.orders(session, shopper, state, page)
    total = await repository.count_orders(session, shopper, state)
    return Orders(orders=await views(session, await files(session, found)), total=total)


async def order_ids(session: ReadSession, shopper: Shopper) -> dict[int, str]:
    """The shopper's newest orders as id -> number."""
    return await repository.order_ids(session, shopper, ORDERS_LOOKED_AT)


async def order_id(session: ReadSession, shopper: Shopper, number: str) -> int:
    """The id behind a number. Raises `NotFound`."""
    return (await known(session, shopper, number)).id


async def which(session: ReadSession, shopper: Shopper, asked: Which) -> WhichOrder:
    """The order a shopper's words mean for an errand, or up to five candidates."""
    mine = await repository.orders(session, shopper, None, Page(limit=ORDERS_LOOKED_AT))
    visitor = shopper.customer_id is None
    if visitor and not mine:
        return WhichOrder(verdict="sign_in", orders=[], reason="visitor")
    named: frozenset[int] = frozenset()
    if asked.text.strip():
        named = await catalog.named(session, asked.text, SURELY_NAMED)
    number, tail = digits(asked.order_no or "") or None, digits(asked.last4 or "")
    filed = await files(session, mine)
    meant = domain.which_order(
        asked.text,
        asked.errand,
        [facts(file) for file in filed],
        now(),
        number,
        tail if len(tail) >= 4 else None,
        named,
        [domain.SpokenTime(time.words, time.since, time.until) for time in asked.times],
    )
    if visitor and meant.verdict == "unknown_number":
        return WhichOrder(verdict="sign_in", orders=[], reason=meant.reason)
    by_number = {file.order.number: file for file in filed}
    candidates = await views(session, [by_number[number] for number in meant.numbers])
    return WhichOrder(verdict=meant.verdict, orders=candidates, reason=meant.reason)


async def prove(session: WriteSession, shopper: Shopper, proof: Proof) -> Proven:
    """Let a conversation see an order whose number and phone's last four digits were named.

    A try is counted whether or not it succeeds: commit what this returns. Unknown numbers and wrong digits
    cost the same work and get the same answer. Raises `Invalid` (`visitors_only`).
    """
    if shopper.conversation_id is None or shopper.customer_id is not None:
        raise Invalid("visitors_only", "an order is proved by a visitor within a conversation")
    number, tail = digits(proof.order_no), digits(proof.phone_last4)
    if not (
        await allow_attempt(session, "prove_conversation", shopper.conversation_id, PROOFS_PER_CONVERSATION)
        and await allow_attempt(session, "prove_order", number, PROOFS_PER_ORDER)
    ):
        return Proven(limited=True)
    order_id, phone = await repository.phone_of(session, number) or (0, "-" * 11)
    if not hmac.compare_digest(phone[-4:].encode(), tail.encode()):
        return Proven()
    await repository.grant(session, shopper.conversation_id, order_id, now())
    return Proven(order=await order(session, shopper, number))


def digits(text: str) -> str:
    return re.sub(r"\D", "", text, flags=re.ASCII)[:20]


# Views


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
    refunds: Sequence[Refund]
    invoice: Invoice | None


async def files(session: ReadSession, orders: Sequence[Order]) -> list[File]:
    ids = [order.id for order in orders]
    shipments = await fulfillment.shipments_of(session, ids)
    refunds = await repository.refunds(session, ids)
    invoices = await repository.invoices(session, ids)
    return [
        File(order, shipments[order.id], refunds.get(order.id, []), invoices.get(order.id))
        for order in orders
    ]


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
        refunded_at=None if is_open else max(settled, default=None),
        returning=any(line.returned for line in order.lines),
        invoiced=file.invoice is not None and file.invoice.state == "issued",
    )


def can_be_stopped(order: Order, shipments: Iterable[ShipmentView]) -> bool:
    on_the_way = any(shipment.state in ("in_transit", "exception") for shipment in shipments)
    return order.state == "shipped" and order.intercept_at is None and on_the_way


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
        refunds=[refund_view(order, refund, payments) for refund in file.refunds],
        invoice=invoice_view(file.invoice) if file.invoice else None,
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
        price_fen=line.price_fen,
        paid_fen=line.paid_fen,
        image=image(line.product_id),
    )


def refund_view(order: Order, refund: Refund, payments: Iterable[Payment]) -> RefundView:
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


def invoice_view(invoice: Invoice) -> InvoiceView:
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
    )


# Errands


async def told(session: WriteSession, topic: str, order: Order) -> None:
    payload = {"order_id": order.id, "number": order.number, "customer_id": order.customer_id}
    await events.publish(session, topic, f"order:{order.id}", payload)


async def urge(session: WriteSession, shopper: Shopper, number: str) -> Urged:
    """Ask the warehouse to hurry. Raises `Conflict` (`order_not_waiting`) unless it waits to be shipped."""
    found = await known(session, shopper, number)
    if not await repository.urge(session, found.id, now()):
        raise Conflict("order_not_waiting", "only a paid order that is not shipped can be urged")
    urged = await known(session, shopper, number)
    await told(session, "order.urged", urged)
    return Urged(ship_by=urged.ship_by, urges=urged.urges, first=urged.urges == 1)


async def cancel(session: WriteSession, shopper: Shopper, number: str, reason: str) -> OrderView:
    """Cancel an order that is not shipped: its stock is free again, what was paid goes back in full.

    A coupon used on it is free again. Raises `Conflict`: `order_shipped` (with `intercept_possible`),
    `order_cancelled` or `order_finished`.
    """
    found = await known(session, shopper, number)
    moment = now()
    values = {"state": "cancelled", "cancelled_at": moment, "cancel_reason": reason}
    if await repository.change(session, found.id, ["paid"], **values):
        picks = [(found.location_id, line.sku_id, line.quantity) for line in found.lines]
        await inventory.release(session, found.id, picks)
        for payment in (await repository.payments(session, [found.id])).get(found.id, []):
            if rest := payment.amount_fen - payment.refunded_fen:
                await request_refund(session, payment, rest, "cancelled", moment)
    elif not await repository.change(session, found.id, ["unpaid"], **values):
        raise await refusal(session, shopper, number)
    await told(session, "order.cancelled", found)
    return await order(session, shopper, number)


async def refusal(session: WriteSession, shopper: Shopper, number: str) -> Conflict:
    """Why an order that must not be shipped yet cannot be changed."""
    found = await known(session, shopper, number)
    if found.state == "cancelled":
        return Conflict("order_cancelled", "this order is already cancelled")
    if found.state == "shipped":
        shipments = (await fulfillment.shipments_of(session, [found.id]))[found.id]
        return Conflict(
            "order_shipped",
            "this order has left the warehouse",
            intercept_possible=can_be_stopped(found, shipments),
        )
    return Conflict("order_finished", "this order has arrived")


async def request_refund(
    session: WriteSession, payment: Payment, amount_fen: int, reason: str, moment: datetime
) -> str:
    """Start paying back a part of a payment; the refund's number.

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
        expected_by=end_of_shop_day(moment, REFUND_DAYS.get(payment.method, 3)),
    )
    payload = {"number": number, "order_id": payment.order_id, "amount_fen": amount_fen, "reason": reason}
    await events.publish(session, "refund.requested", f"order:{payment.order_id}", payload)
    return number


async def intercept(session: WriteSession, shopper: Shopper, number: str) -> OrderView:
    """Ask the carrier to turn the parcel round; asking again changes nothing.

    Raises `Conflict` (`intercept_impossible`) when no parcel can be stopped.
    """
    found = await known(session, shopper, number)
    if await repository.ask_back(session, found.id, now()):
        await fulfillment.ask_intercept(session, found.id)
        await told(session, "order.intercept_asked", found)
    elif (await known(session, shopper, number)).intercept_at is None:
        raise Conflict("intercept_impossible", "this order is not on its way")
    return await order(session, shopper, number)


async def undo_cancel(session: WriteSession, shopper: Shopper, number: str) -> OrderView:
    """Take a cancellation back: the refund is withdrawn and the stock promised again.

    Raises `Conflict` (`undo_impossible`, `reason`: not_cancelled, refund_settled, out_of_stock).
    """
    found = await known(session, shopper, number)
    if not await repository.restore(session, found.id) or found.cancelled_at is None:
        raise impossible("not_cancelled")
    if found.paid_at:
        for refund in (await repository.refunds(session, [found.id])).get(found.id, []):
            for_this = refund.requested_at >= found.cancelled_at and refund.state != "withdrawn"
            if for_this and not await repository.withdraw_refund(session, refund):
                raise impossible("refund_settled")
        await promise_again(session, found)
    await told(session, "order.restored", found)
    return await order(session, shopper, number)


def impossible(reason: str) -> Conflict:
    return Conflict("undo_impossible", f"the cancellation cannot be taken back: {reason}", reason=reason)


async def promise_again(session: WriteSession, order: Order) -> None:
    """Allocate the order's stock where it was, or in a warehouse that has it all."""
    needs: dict[int, int] = {}
    for line in order.lines:
        needs[line.sku_id] = needs.get(line.sku_id, 0) + line.quantity
    able = await inventory.warehouses_with(session, needs)
    location = order.location_id if order.location_id in able or not able else able[0]
    try:
        await inventory.allocate(session, order.id, [(location, sku, n) for sku, n in needs.items()])
    except Conflict as short:
        raise impossible("out_of_stock") from short
    ship_by = max(order.ship_by, end_of_shop_day(now(), 1))
    await repository.change(session, order.id, ["paid"], location_id=location, ship_by=ship_by)


async def change_address(
    session: WriteSession, shopper: Shopper, number: str, wanted: NewAddress
) -> OrderView:
    """Send an order that is not shipped elsewhere; what is not said stays.

    Raises `Invalid` (`address_unclear`, with `missing`), `Conflict` (`order_shipped`, `order_cancelled`,
    `order_finished`).
    """
    found = await known(session, shopper, number)
    line = read_address(wanted)
    changes = {name: value for name, value in asdict(line).items() if value}
    if line.city:
        changes["district"] = line.district
    if not await repository.change(session, found.id, ["unpaid", "paid"], **changes):
        raise await refusal(session, shopper, number)
    await told(session, "order.address_changed", found)
    return await order(session, shopper, number)


def read_address(wanted: NewAddress) -> AddressLine:
    """The parts said, the free line where a part is not said. Raises `Invalid` when a place is incomplete."""
    line = replace(parse_address(wanted.text), **wanted.model_dump(exclude={"text"}, exclude_none=True))
    province, city = cities().get(line.city, (line.province, line.city))
    line = replace(line, province=line.province or province, city=city)
    missing = line.missing + (["province"] if line.city and not line.province else [])
    if missing:
        raise Invalid("address_unclear", "the address is not complete", missing=missing)
    return line


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
    if not await repository.hold(session, found.id, domain.PAID_STATES):
        state = (await known(session, shopper, number)).state
        raise Conflict("order_cancelled" if state == "cancelled" else "order_unpaid")
    payments = (await repository.payments(session, [found.id])).get(found.id, [])
    asked_for = await repository.put_invoice(
        session,
        found.id,
        now(),
        kind=asked.kind,
        title=asked.title,
        tax_number=tax_number,
        email=asked.email,
        amount_fen=sum(payment.amount_fen - payment.refunded_fen for payment in payments),
    )
    if not asked_for:
        raise Conflict("invoice_issued", "this order's invoice is already issued")
    await told(session, "order.invoice_requested", found)
    return invoice_view((await repository.invoices(session, [found.id]))[found.id])


# Price protection


async def priced_lines(session: ReadSession, order: Order) -> list[tuple[OrderLine, PricedLine]]:
    """The lines beside today's prices; one that is no longer sold keeps its price."""
    current = await catalog.prices(session, [line.sku_id for line in order.lines])
    return [
        (
            line,
            PricedLine(
                quantity=line.quantity,
                returned=line.returned,
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
    await repository.hold(session, found.id, domain.PAID_STATES)
    found = await known(session, shopper, number)
    priced = await priced_lines(session, found)
    reason = domain.protection_reason(found.state, found.paid_at, [line for _, line in priced], moment)
    if reason != "ok":
        raise Conflict("not_eligible", f"no difference is owed: {reason}", reason=reason)
    owed = 0
    for line, price in priced:
        difference = price.difference_fen
        if difference and await repository.protect(session, line.id, line.protected_fen, difference):
            owed += difference
    if not owed:
        raise Conflict("not_eligible", "no difference is owed any more", reason="no_drop")
    payments = (await repository.payments(session, [found.id])).get(found.id, [])
    payment = max(payments, key=lambda payment: payment.amount_fen - payment.refunded_fen)
    refund_number = await request_refund(session, payment, owed, "price_protection", moment)
    made = (await repository.refunds(session, [found.id]))[found.id]
    return refund_view(found, next(refund for refund in made if refund.number == refund_number), payments)


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
    if not await repository.hold(session, found.id, domain.PAID_STATES):
        raise Conflict("order_not_paid", "only a paid order can be paid back")
    before = (await repository.refunds(session, [found.id])).get(found.id, [])
    given = sum(each.amount_fen for each in before if each.reason == GOODWILL and each.state != "withdrawn")
    if given + amount_fen > limit_fen:
        raise Conflict("over_limit", "more than may be given", left_fen=max(limit_fen - given, 0))
    payments = (await repository.payments(session, [found.id])).get(found.id, [])
    if not payments:
        raise Conflict("order_not_paid", "nothing was paid")
    payment = max(payments, key=lambda payment: payment.amount_fen - payment.refunded_fen)
    refund_number = await request_refund(session, payment, amount_fen, GOODWILL, now())
    made = (await repository.refunds(session, [found.id]))[found.id]
    return refund_view(found, next(refund for refund in made if refund.number == refund_number), payments)


# Refunds and coupons


async def refunds(session: ReadSession, shopper: Shopper, number: str | None) -> Refunds:
    """The shopper's refunds, of one order or of all, newest first. Raises `NotFound`."""
    if number:
        mine = [await known(session, shopper, number)]
    else:
        mine = await repository.orders(session, shopper, None, Page(limit=ORDERS_LOOKED_AT))
    ids = [order.id for order in mine]
    made, payments = await repository.refunds(session, ids), await repository.payments(session, ids)
    shown = [
        refund_view(order, refund, payments.get(order.id, []))
        for order in mine
        for refund in made.get(order.id, [])
    ]
    return Refunds(refunds=sorted(shown, key=lambda refund: refund.requested_at, reverse=True))


async def coupons(
    session: ReadSession, shopper: Shopper | None, product_id: int | None, amount_fen: int | None
) -> Coupons:
    """The running coupons that the shopper has not used yet, those that apply first."""
    category = None
    if product_id is not None:
        product = await catalog.product(session, product_id)
        category = product.category
        amount_fen = product.price_to_fen if amount_fen is None else amount_fen
    customer_id = shopper.customer_id if shopper else None
    shown = [
        CouponView(
            id=coupon.id,
            name=coupon.name,
            category=coupon.category,
            threshold_fen=coupon.threshold_fen,
            off_fen=coupon.off_fen,
            ends_at=coupon.ends_at,
            mine=claimed,
            applies=(amount_fen is None or amount_fen >= coupon.threshold_fen)
            and (category is None or coupon.category in ("", category)),
        )
        for coupon, claimed, unused in await repository.coupons(session, customer_id, now())
        if not claimed or unused
    ]
    return Coupons(coupons=sorted(shown, key=lambda coupon: (not coupon.applies, -coupon.off_fen)))


# For the returns room


async def bought_lines(session: ReadSession, shopper: Shopper, number: str) -> list[BoughtLine]:
    """The lines of an order. Raises `NotFound`."""
    found = await known(session, shopper, number)
    return [bought_line(line, found) for line in found.lines]


async def lines(session: ReadSession, line_ids: Sequence[int]) -> dict[int, BoughtLine]:
    """Lines by id; unknown ones are left out."""
    return {line.id: bought_line(line, order) for line, order in await repository.lines(session, line_ids)}


def bought_line(line: OrderLine, order: Order) -> BoughtLine:
    return BoughtLine(
        id=line.id,
        order_id=order.id,
        order_number=order.number,
        order_state=order.state,
        customer_id=order.customer_id,
        delivered_at=order.delivered_at,
        product_id=line.product_id,
        sku_id=line.sku_id,
        name=line.name,
        variant=variant(line.colour, line.size),
        quantity=line.quantity,
        returned=line.returned,
        paid_fen=line.paid_fen - line.protected_fen,
        image=image(line.product_id),
    )


async def take_back(session: WriteSession, line: BoughtLine, pieces: int) -> BoughtLine | None:
    """Count pieces of a received line as returned; the line as it is then, None when it has not that many."""
    if not await repository.hold(session, line.order_id, domain.RECEIVED_STATES):
        return None
    if not await repository.take_back(session, line.id, pieces):
        return None
    return (await lines(session, [line.id]))[line.id]


async def leave_with_shopper(session: WriteSession, line_id: int, pieces: int) -> None:
    """Count pieces no longer as returned. Raises `LookupError` when fewer were."""
    if not await repository.take_back(session, line_id, -pieces):
        raise LookupError(f"less than {pieces} of line {line_id} is being returned")
