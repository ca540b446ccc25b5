"""The verbs of returns and exchanges."""

import re
from collections.abc import Sequence
from datetime import datetime

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.events import service as events
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.returns import domain, repository
from backoffice.returns.domain import Kind, LineFacts
from backoffice.returns.models import Return
from backoffice.returns.schemas import (
    AskReturn,
    Choice,
    Returnable,
    ReturnableLine,
    Returns,
    ReturnView,
)
from backoffice.trade import service as trade
from backoffice.trade.schemas import BoughtLine, Step
from backoffice.users.identity import Shopper

NUMBER = re.compile(r"R\d{13}")
RETURNS_SHOWN = 50


def facts(line: BoughtLine, sku: SkuView | None) -> LineFacts:
    """A product that is no longer in the catalogue can go back."""
    returnable = sku is None or sku.returnable
    return LineFacts(line.order_state, line.delivered_at, line.quantity - line.returned, returnable)


async def returnable(session: ReadSession, shopper: Shopper, number: str, kind: Kind) -> Returnable:
    """What of an order can still go back, and why not. Raises `NotFound` (`order_not_found`)."""
    lines = await trade.bought_lines(session, shopper, number)
    skus = await catalog.skus(session, [line.sku_id for line in lines])
    moment = now()
    shown, refusals = [], []
    for line in lines:
        line_facts = facts(line, skus.get(line.sku_id))
        reasons = domain.reasons(line_facts, moment)
        if not reasons:
            refusals.append(domain.refusal(line_facts, "defective", moment))
            continue
        left = line_facts.left
        delivered = line.delivered_at
        shown.append(
            ReturnableLine(
                line_id=line.id,
                name=line.name,
                variant=line.variant,
                quantity=left,
                amount_fen=line.worth(line.returned, left),
                until=domain.until(delivered, "unwanted") if delivered and line_facts.returnable else None,
                fault_until=domain.until(delivered, "defective") if delivered else None,
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
    """Begin a return or an exchange of some pieces of one line.

    Raises `NotFound` (`order_not_found`, `line_not_found`), `Conflict` (`not_returnable` with `reason`,
    `out_of_stock` when an exchange cannot be sent).
    """
    lines = await trade.bought_lines(session, shopper, number)
    line = next((line for line in lines if line.id == asked.line_id), None)
    if line is None:
        raise NotFound("line_not_found", "this order has no such line")
    moment = now()
    sku = (await catalog.skus(session, [line.sku_id])).get(line.sku_id)
    if refused := domain.refusal(facts(line, sku), asked.reason, moment):
        raise Conflict("not_returnable", f"this cannot go back: {refused}", reason=refused)
    wanted = None
    if asked.kind == "exchange":
        wanted = asked.wanted_sku_id or line.sku_id
        offered = {choice.sku_id: choice.available for choice in await choices(session, line, sku)}
        if offered.get(wanted, 0) < asked.quantity:
            raise Conflict("out_of_stock", "the variant wanted cannot be sent", sku_id=wanted)
    taken = await trade.take_back(session, line, asked.quantity)
    if taken is None:
        raise Conflict("not_returnable", "not that many are left to go back", reason="already")
    worth = taken.worth(taken.returned - asked.quantity, asked.quantity)
    return_number = await repository.add(
        session,
        moment,
        kind=asked.kind,
        customer_id=line.customer_id,
        order_id=line.order_id,
        line_id=line.id,
        quantity=asked.quantity,
        reason=asked.reason,
        detail=asked.detail,
        wanted_sku_id=wanted,
        amount_fen=worth if asked.kind == "return" else 0,
        pickup_at=domain.pickup_after(moment),
    )
    await told(session, "return.requested", return_number, line)
    return await one(session, shopper, return_number)


async def told(session: WriteSession, topic: str, return_number: str, line: BoughtLine) -> None:
    payload = {"number": return_number, "order_id": line.order_id, "customer_id": line.customer_id}
    await events.publish(session, topic, f"order:{line.order_id}", payload)


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


async def undo(session: WriteSession, shopper: Shopper, number: str) -> ReturnView:
    """Withdraw a return before it is picked up.

    Raises `NotFound` (`return_not_found`), `Conflict` (`undo_impossible`).
    """
    found = await known(session, shopper, number)
    if not await repository.withdraw(session, found.id, now()):
        raise Conflict("undo_impossible", "only a return that is not picked up yet can be withdrawn")
    await trade.leave_with_shopper(session, found.line_id, found.quantity)
    line = (await trade.lines(session, [found.line_id]))[found.line_id]
    await told(session, "return.withdrawn", number, line)
    return await one(session, shopper, number)


async def views(session: ReadSession, found: Sequence[Return]) -> list[ReturnView]:
    lines = await trade.lines(session, [one.line_id for one in found])
    wanted = await catalog.skus(session, [one.wanted_sku_id for one in found if one.wanted_sku_id])
    return [view(one, lines[one.line_id], wanted) for one in found]


def view(found: Return, line: BoughtLine, skus: dict[int, SkuView]) -> ReturnView:
    reached = {step.state: step.at for step in found.steps}
    wanted = skus.get(found.wanted_sku_id or 0)
    return ReturnView(
        number=found.number,
        kind=found.kind,
        kind_label=message("returns", f"kinds.{found.kind}"),
        state=found.state,
        state_label=message("returns", f"states.{found.state}"),
        order_number=line.order_number,
        item=line.name,
        variant=line.variant,
        quantity=found.quantity,
        reason=found.reason,
        reason_label=message("returns", f"reasons.{found.reason}"),
        amount_fen=found.amount_fen,
        pickup_at=found.pickup_at,
        requested_at=found.requested_at,
        closed_at=found.closed_at,
        progress=[
            Step(label=message("returns", f"steps.{step}"), at=at, done=done)
            for step, at, done in domain.progress(found.kind, found.state, reached)
        ],
        next=message(
            "returns",
            f"next.{found.kind}.{found.state}",
            pickup=spoken(found.pickup_at or found.requested_at),
            amount=yuan(found.amount_fen),
        ),
        wanted_variant=wanted.variant if wanted else None,
    )


def spoken(moment: datetime) -> str:
    """`11月23日 10:00` where the shop is."""
    local = moment.astimezone(SHOP_ZONE)
    return message("returns", "day", month=local.month, day=local.day, hour=local.hour, minute=local.minute)
