"""The verbs of orders. Each looks only at orders the shopper may see: anybody else's is not found."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import asdict, replace

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import image, variant
from backoffice.fulfillment import fulfilments
from backoffice.fulfillment import service as fulfillment
from backoffice.fulfillment.fulfilment_schemas import Receiver
from backoffice.inventory import holds
from backoffice.kit.attempts import allow_attempt
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import end_of_shop_day, now
from backoffice.trade import domain, history_repository, places, repository
from backoffice.trade.access import known
from backoffice.trade.addresses import AddressLine, cities, parse_address
from backoffice.trade.checkout.placing import main_location
from backoffice.trade.history import ANY, Event, Standing
from backoffice.trade.history_repository import change, hold, record
from backoffice.trade.lifecycle import cancelling, loyalty
from backoffice.trade.models import Order, OrderLine
from backoffice.trade.offers import service as offers
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import (
    BoughtLine,
    NewAddress,
    Orders,
    OrderView,
    Proof,
    Proven,
    Urged,
    Which,
    WhichOrder,
)
from backoffice.trade.telling import told
from backoffice.trade.viewing import can_be_stopped, facts, files, views, with_codes
from backoffice.users.identity import Shopper

PROOFS_PER_CONVERSATION = 5
PROOFS_PER_ORDER = 20
ORDERS_LOOKED_AT = 100
SURELY_NAMED = 85
UNPAID = "unpaid"


# Seeing


async def order(session: ReadSession, shopper: Shopper, number: str) -> OrderView:
    """One order. Raises `NotFound` (`order_not_found`) for an unknown number and for another's alike."""
    found = await known(session, shopper, number)
    shown = (await views(session, await files(session, [found])))[0]
    waits = shopper.customer_id is not None and any(each.state == "ready_for_pickup" for each in shown.parts)
    return await with_codes(session, found, shown) if waits else shown


async def orders(session: ReadSession, shopper: Shopper, state: str | None, page: Page) -> Orders:
    """A page of the shopper's orders, newest first."""
    found = await repository.orders(session, shopper, state, page)
    total = await repository.count_orders(session, shopper, state)
    return Orders(orders=await views(session, await files(session, found)), total=total)


async def past(session: ReadSession, number: str) -> tuple[list[Event], Standing]:
    """What happened to an order, whoever's it is, and how it stands. Raises `NotFound`."""
    found = await repository.any_order(session, number)
    if found is None:
        raise NotFound("order_not_found")
    return await history_repository.events(session, found.id), history_repository.standing(found)


async def order_ids(session: ReadSession, shopper: Shopper) -> dict[int, str]:
    """The shopper's newest orders as id -> number."""
    return await repository.order_ids(session, shopper, ORDERS_LOOKED_AT)


async def owner(session: ReadSession, order_id: int) -> tuple[int, str] | None:
    """The customer and the number of an order, for who tells them of it; None for one that is not there."""
    return await repository.owner(session, order_id)


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


# Errands


async def urge(session: WriteSession, shopper: Shopper, number: str) -> Urged:
    """Ask the warehouse to hurry. Raises `Conflict` (`order_not_waiting`) unless it waits to be shipped."""
    found = await known(session, shopper, number)
    if not await repository.urge(session, found.id, shopper.scope, now()):
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
    waiting = await cancelling.held(session, found.id)
    if waiting is None:
        raise await refusal(session, found.id)
    await cancelling.call_off(session, waiting, reason, shopper.scope)
    return await order(session, shopper, number)


async def refusal(session: WriteSession, order_id: int) -> Conflict:
    """Why an order that must not be shipped yet cannot be changed."""
    found = await repository.order_by_id(session, order_id)
    if found is None or found.state == "cancelled":
        return Conflict("order_cancelled", "this order is already cancelled")
    if found.state == "shipped":
        shipments = (await fulfillment.shipments_of(session, [found.id]))[found.id]
        return Conflict(
            "order_shipped",
            "this order has left the warehouse",
            intercept_possible=can_be_stopped(found, shipments),
        )
    return Conflict("order_finished", "this order has arrived")


async def intercept(session: WriteSession, shopper: Shopper, number: str) -> OrderView:
    """Ask the carrier to turn the parcel round; asking again changes nothing.

    Raises `Conflict` (`intercept_impossible`) when no parcel can be stopped.
    """
    found = await known(session, shopper, number)
    if await repository.ask_back(session, found.id, shopper.scope, now()):
        await fulfillment.ask_intercept(session, found.id)
        await told(session, "order.intercept_asked", found)
    elif (await known(session, shopper, number)).intercept_at is None:
        raise Conflict("intercept_impossible", "this order is not on its way")
    return await order(session, shopper, number)


async def undo_cancel(session: WriteSession, shopper: Shopper, number: str) -> OrderView:
    """Take a cancellation back: the refund is withdrawn and the stock promised again.

    Raises `Conflict` (`undo_impossible`, `reason`: not_cancelled, turned_back, too_late, refund_sent,
    refund_settled, out_of_stock, offer_gone).
    """
    found = await known(session, shopper, number)
    if not await hold(session, found.id, ["cancelled"]):
        raise impossible("not_cancelled")
    found = await known(session, shopper, number)
    if found.cancelled_at is None:
        raise impossible("not_cancelled")
    if found.shipped_at:
        raise impossible("turned_back")
    if found.paid_at is None and found.pay_by and found.pay_by <= now():
        raise impossible("too_late")
    await repository.restore(session, found.id, shopper.scope)
    if found.paid_at or found.pay_by:
        for refund in (await repository.refunds(session, [found.id])).get(found.id, []):
            if refund.requested_at < found.cancelled_at or refund.state == "withdrawn":
                continue
            if refund.reason == refunding.NO_STOCK:
                raise impossible("out_of_stock")
            if refund.reason != refunding.CANCELLED:
                continue
            if not await repository.withdraw_refund(session, refund):
                raise impossible("refund_sent" if refund.settled_at is None else "refund_settled")
        await promise_again(session, await known(session, shopper, number), shopper.scope)
    if not await offers.count_again(session, found.id, found.customer_id):
        raise impossible("offer_gone")
    await told(session, "order.restored", found)
    return await order(session, shopper, number)


def impossible(reason: str) -> Conflict:
    return Conflict("undo_impossible", f"the cancellation cannot be taken back: {reason}", reason=reason)


async def promise_again(session: WriteSession, order: Order, by: str) -> None:
    """Promise the order's pieces where they were, or at one location that has them all; spend its points."""
    holder, pay_by = holds.order_holder(order.id), order.pay_by

    async def promise(found: places.Picks) -> None:
        if order.paid_at:
            await holds.allocate(session, holder, found, order.channel)
        elif pay_by:
            await holds.hold(session, holder, found, pay_by, order.channel)

    picks = await places.first(session, order, promise)
    if picks is None:
        raise impossible("out_of_stock")
    await loyalty.spend_again(session, order)
    detail, ship_by = {"picks": picks}, max(order.ship_by, end_of_shop_day(now(), 1))
    location_id = main_location(picks)
    await change(session, order.id, "moved", by, detail=detail, location_id=location_id, ship_by=ship_by)


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
    if not await change(session, found.id, "address_changed", shopper.scope, **changes):
        raise await refusal(session, found.id)
    await readdress(session, await known(session, shopper, number))
    await told(session, "order.address_changed", found)
    return await order(session, shopper, number)


async def readdress(session: WriteSession, order: Order) -> None:
    """Have the parts of an order sent where it goes now. Raises `Conflict` (`order_shipped`) when one is
    packed: its label is written.
    """
    parts = await fulfilments.held(session, order.id)
    if any(part.state in ("packed", "shipped") for part in parts if not part.fetched):
        raise Conflict("order_shipped", "a part of this order is packed", intercept_possible=False)
    await fulfilments.readdress(session, order.id, receiver(order))


def receiver(order: Order) -> Receiver:
    return Receiver(**{name: getattr(order, name) for name in Receiver.model_fields})


def read_address(wanted: NewAddress) -> AddressLine:
    """The parts said, the free line where a part is not said. Raises `Invalid` when a place is incomplete."""
    line = replace(parse_address(wanted.text), **wanted.model_dump(exclude={"text"}, exclude_none=True))
    province, city = cities().get(line.city, (line.province, line.city))
    line = replace(line, province=line.province or province, city=city)
    missing = line.missing + (["province"] if line.city and not line.province else [])
    if missing:
        raise Invalid("address_unclear", "the address is not complete", missing=missing)
    return line


# For the returns room


async def bought_lines(session: ReadSession, shopper: Shopper, number: str) -> list[BoughtLine]:
    """The lines of an order. Raises `NotFound`."""
    found = await known(session, shopper, number)
    return [bought_line(line, found) for line in found.lines]


async def lines(session: ReadSession, line_ids: Sequence[int]) -> dict[int, BoughtLine]:
    """Lines by id; unknown ones are left out."""
    return {line.id: bought_line(line, order) for line, order in await repository.lines(session, line_ids)}


def bought_line(line: OrderLine, order: Order) -> BoughtLine:
    """Without the pieces that were taken off, which are paid back."""
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
        quantity=line.quantity - line.cancelled,
        returned=line.returned,
        paid_fen=line.paid_fen - line.protected_fen,
        image=image(line.product_id),
    )


async def take_back(
    session: WriteSession, line: BoughtLine, pieces: int, by: str = "system"
) -> BoughtLine | None:
    """Count pieces of a received line as returned; the line as it is then, None when it has not that many."""
    if not await hold(session, line.order_id, domain.RECEIVED_STATES):
        return None
    changed = await repository.take_back(session, line.id, pieces)
    if changed is None:
        return None
    await record(session, line.order_id, "returned", by, {line.id: changed}, pieces=pieces)
    return (await lines(session, [line.id]))[line.id]


async def leave_with_shopper(session: WriteSession, line_id: int, pieces: int, by: str = "system") -> None:
    """Count pieces no longer as returned. Raises `LookupError` when fewer were."""
    order_id = domain.order_of(line_id)
    await hold(session, order_id, ANY)
    changed = await repository.take_back(session, line_id, -pieces)
    if changed is None:
        raise LookupError(f"less than {pieces} of line {line_id} is being returned")
    await record(session, order_id, "return_ended", by, {line_id: changed}, pieces=pieces)
