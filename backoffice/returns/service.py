"""The verbs of returns and exchanges."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.events import service as events
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import end_of_shop_day, now
from backoffice.returns import charging, domain, exchanging, repository
from backoffice.returns.domain import LineFacts
from backoffice.returns.models import Return
from backoffice.returns.rules import Kind, rules
from backoffice.returns.schemas import (
    AskedLine,
    AskReturn,
    Choice,
    Returnable,
    ReturnableLine,
    Returns,
    ReturnView,
    Terms,
)
from backoffice.returns.viewing import views
from backoffice.trade import service as trade
from backoffice.trade.schemas import BoughtLine
from backoffice.users.identity import Shopper

NUMBER = re.compile(r"R\d{13}")
RETURNS_SHOWN = 50


def facts(line: BoughtLine, sku: SkuView | None) -> LineFacts:
    """A product that is no longer in the catalogue can go back."""
    returnable = sku is None or sku.returnable
    left, category = line.quantity - line.returned, sku.category if sku else ""
    return LineFacts(line.order_state, line.delivered_at, left, returnable, category)


async def returnable(session: ReadSession, shopper: Shopper, number: str, kind: Kind) -> Returnable:
    """What of an order can still go back, and why not. Raises `NotFound` (`order_not_found`)."""
    lines = await trade.bought_lines(session, shopper, number)
    skus = await catalog.skus(session, [line.sku_id for line in lines])
    moment = now()
    shown, refusals = [], []
    for line in lines:
        line_facts = facts(line, skus.get(line.sku_id))
        reasons = domain.reasons(line_facts, moment, rules())
        if not reasons:
            refusals.append(domain.refusal(line_facts, "defective", moment, rules()))
            continue
        left = line_facts.left
        shown.append(
            ReturnableLine(
                line_id=line.id,
                name=line.name,
                variant=line.variant,
                quantity=left,
                amount_fen=line.worth(line.returned, left),
                until=domain.last_moment(line_facts, False, rules()),
                fault_until=domain.last_moment(line_facts, True, rules()),
                reasons=reasons,
                image=line.image,
                choices=await choices(session, line, skus.get(line.sku_id)) if kind == "exchange" else [],
            )
        )
    refused = next((reason for reason in refusals if reason), None)
    return Returnable(lines=shown, eligible=bool(shown), reason="ok" if shown else refused or "already")


async def choices(session: ReadSession, line: BoughtLine, sku: SkuView | None) -> list[Choice]:
    """The variants of the same product at the same price."""
    if sku is None:
        return []
    same_price = [
        variant
        for variant in await catalog.variants(session, line.product_id)
        if variant.price_fen == sku.price_fen
    ]
    free = await inventory.sellable(session, [variant.id for variant in same_price])
    return [
        Choice(
            sku_id=variant.id,
            colour=variant.colour,
            size=variant.size,
            variant=variant.variant,
            available=free[variant.id],
        )
        for variant in same_price
    ]


async def ask(session: WriteSession, shopper: Shopper, number: str, asked: AskReturn) -> ReturnView:
    """Begin a return, an exchange or a claim.

    Raises `NotFound` (`order_not_found`, `line_not_found`, `store_not_found`, `photo_not_found`), `Invalid`
    (`not_a_claim`, `photos_required` with how many are `needed`), `Conflict` (`not_returnable` with `reason`,
    `out_of_stock` when an exchange cannot be sent: with what it can be `instead`).
    """
    needed = rules().photos_of(asked.kind, asked.reason)
    if len(set(asked.photos)) < needed:
        raise Invalid("photos_required", f"a claim for this needs {needed} photos", needed=needed)
    return await begin(session, shopper, number, asked)


async def begin(session: WriteSession, shopper: Shopper, number: str, asked: AskReturn) -> ReturnView:
    rule = rules().reasons[asked.reason]
    if asked.kind == "claim" and not rule.fault:
        raise Invalid("not_a_claim", "a claim needs a fault of the shop")
    if asked.store_id and asked.store_id not in {each.id for each in await inventory.store_names(session)}:
        raise NotFound("store_not_found")
    bought = {line.id: line for line in await trade.bought_lines(session, shopper, number)}
    if any(each.line_id not in bought for each in asked.asked_lines):
        raise NotFound("line_not_found", "this order has no such line")
    moment = now()
    first = bought[asked.asked_lines[0].line_id]
    taken = [
        await take(session, shopper, bought[each.line_id], each, asked, moment) for each in asked.asked_lines
    ]
    if asked.kind == "exchange":
        for line, place in zip(taken, await exchanging.keep(session, first.order_id, taken), strict=True):
            line["held_at"] = place
    goods_back = asked.kind != "claim" or rule.goods_back
    fetched = goods_back and asked.store_id is None
    paid_by = await charging.postage(session, first.customer_id, asked.kind, asked.reason, fetched, moment)
    postage_fen = rules().pickup_fen if paid_by in domain.SHOPPER_PAYS else 0
    shipping = await charging.first_shipping(session, first.order_id, asked.kind, asked.reason)
    worth = sum(line["worth_fen"] for line in taken)
    return_number, return_id = await repository.add(
        session,
        moment,
        taken,
        kind=asked.kind,
        customer_id=first.customer_id,
        order_id=first.order_id,
        reason=asked.reason,
        detail=asked.detail,
        amount_fen=domain.refund_fen(asked.kind, worth, paid_by, postage_fen, shipping),
        postage=paid_by,
        postage_fen=postage_fen,
        shipping_fen=shipping,
        goods_back=goods_back,
        store_id=asked.store_id if goods_back else None,
        pickup_at=domain.pickup_after(moment, rules()) if fetched else None,
        hand_over_by=end_of_shop_day(moment, rules().hand_over_days) if goods_back else None,
    )
    await attach(session, shopper, return_id, asked.photos)
    made = await one(session, shopper, return_number)
    await told(session, "return.requested", await known(session, shopper, return_number))
    return made


async def take(
    session: WriteSession,
    shopper: Shopper,
    line: BoughtLine,
    each: AskedLine,
    asked: AskReturn,
    moment: datetime,
) -> dict[str, Any]:
    """Count pieces of a line as coming back; the values of its row."""
    sku = (await catalog.skus(session, [line.sku_id])).get(line.sku_id)
    if refused := domain.refusal(facts(line, sku), asked.reason, moment, rules()):
        raise Conflict("not_returnable", f"this cannot go back: {refused}", reason=refused)
    wanted = None
    if asked.kind == "exchange":
        wanted = each.wanted_sku_id or line.sku_id
        if wanted not in {choice.sku_id for choice in await choices(session, line, sku)}:
            raise exchanging.sold_out(wanted)
    taken = await trade.take_back(session, line, each.quantity, shopper.scope)
    if taken is None:
        raise Conflict("not_returnable", "not that many are left to go back", reason="already")
    before = await repository.worth_of(session, line.id)
    return {
        "line_id": line.id,
        "quantity": each.quantity,
        "worth_fen": domain.worth_more(taken.paid_fen, taken.quantity, taken.returned, before),
        "wanted_sku_id": wanted,
    }


async def told(session: WriteSession, topic: str, found: Return) -> None:
    payload = {"number": found.number, "order_id": found.order_id, "customer_id": found.customer_id}
    await events.publish(session, topic, f"order:{found.order_id}", payload)


async def preview(session: WriteSession, shopper: Shopper, number: str, asked: AskReturn) -> Terms:
    """What a case would cost and pay back; roll back afterwards. Raises as `ask`, but needs no photos."""
    asked = asked.model_copy(update={"photos": []})
    return Terms.model_validate(await begin(session, shopper, number, asked), from_attributes=True)


def owner_of(shopper: Shopper) -> str:
    """Whose photos these are."""
    return shopper.scope if shopper.customer_id is None else f"customer:{shopper.customer_id}"


async def attach(session: WriteSession, shopper: Shopper, return_id: int, photos: Sequence[str]) -> None:
    """Put stored photos to a case. Raises `NotFound` (`photo_not_found`) unless all are free and theirs."""
    if photos and await repository.attach(session, owner_of(shopper), return_id, photos) < len(set(photos)):
        raise NotFound("photo_not_found")


async def known(session: ReadSession, shopper: Shopper, number: str) -> Return:
    found = await repository.by_number(session, number) if NUMBER.fullmatch(number) else None
    if found is None or not await is_theirs(session, shopper, found):
        raise NotFound("return_not_found")
    return found


async def is_theirs(session: ReadSession, shopper: Shopper, found: Return) -> bool:
    if shopper.customer_id is not None:
        return found.customer_id == shopper.customer_id
    return found.order_id in await trade.order_ids(session, shopper)


async def one(session: ReadSession, shopper: Shopper, number: str) -> ReturnView:
    """One return. Raises `NotFound` (`return_not_found`) for an unknown number and another's alike."""
    return (await views(session, [await known(session, shopper, number)]))[0]


async def returns(session: ReadSession, shopper: Shopper, order_number: str | None) -> Returns:
    """The shopper's returns, of one order or of all, newest first. Raises `NotFound` (`order_not_found`)."""
    if order_number:
        order_id = await trade.order_id(session, shopper, order_number)
        found = await repository.of_orders(session, [order_id])
    elif shopper.customer_id is not None:
        found = await repository.of_customer(session, shopper.customer_id, RETURNS_SHOWN)
    else:
        found = await repository.of_orders(session, list(await trade.order_ids(session, shopper)))
    return Returns(returns=await views(session, found))
