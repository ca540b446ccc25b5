"""Placing an order: one transaction that speaks to nothing but the database."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from backoffice.events import service as events
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Barred, Decided, Plan
from backoffice.inventory import holds
from backoffice.inventory.schemas import Pick
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.time import now
from backoffice.kit.together import together
from backoffice.trade.checkout import repository
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.deals import feasible
from backoffice.trade.checkout.repository import Opened
from backoffice.trade.checkout.schemas import Frozen, Placed
from backoffice.trade.offers import service as offers
from backoffice.users import points
from backoffice.users.identity import Shopper

TRIES = 3


async def place(
    session: WriteSession, shopper: Shopper, quote_id: str, pay_within: timedelta, by: str = ""
) -> Placed:
    """Order what was quoted: its pieces are promised, its points are spent, its offers are counted.

    A promotion that changed or ended since is kept to, one whose quota is used up is not.

    Raises `NotFound` (`quote_not_found`), `Conflict` (`quote_used`, `quote_expired`, `not_enough_points`;
    `out_of_stock`, `not_deliverable` or `split_limit`, with `lines`; `promotion_gone`, `promotion_limit`,
    `coupon_used`).
    """
    customer_id, moment = shopper.signed_in, now()
    pay_by = moment + pay_within
    opened = await used(session, quote_id, customers(customer_id), moment)
    order_id, frozen = opened.order_id, Frozen.model_validate_json(opened.content)
    picks, plan = await promised(session, order_id, frozen, pay_by)
    if frozen.points:
        await points.spend(session, customer_id, frozen.points, f"order:{order_id}")
    if frozen.offers:
        await offers.redeem(session, order_id, customer_id, frozen.offers)
    order = {
        "id": order_id,
        "version": 1,
        "number": opened.number,
        "placed_at": moment,
        "customer_id": customer_id,
        "channel": frozen.channel,
        "state": "unpaid",
        "items_fen": frozen.items_fen,
        "discount_fen": frozen.discount_fen,
        "shipping_fen": frozen.shipping_fen,
        "total_fen": frozen.total_fen,
        "ship_by": frozen.ship_by,
        **frozen.to.model_dump(),
        "note": frozen.note,
        "location_id": main_location(picks),
        "delivery": frozen.delivery,
        "pay_by": pay_by,
        "points": frozen.points,
    }
    lines = [line.model_dump() for line in frozen.lines]
    payload = {"order_id": order_id, "number": opened.number, "customer_id": customer_id}
    async with together(session):
        if plan:
            await planning.record(session, order_id, plan)
        await repository.begin(session, order, by or shopper.scope, lines, picks)
        await events.publish(session, "order.placed", f"order:{order_id}", payload)
    return Placed.model_validate(order)


async def used(session: WriteSession, quote_id: str, owner: str, moment: datetime) -> Opened:
    """A quote, used up by this for a new order. Raises as `place` does."""
    if opened := await repository.open_order(session, quote_id, owner, moment):
        return opened
    found = await repository.quote(session, quote_id, owner)
    if found is None:
        raise NotFound("quote_not_found")
    if found.used_at:
        raise Conflict("quote_used", "this quote was ordered already")
    raise Conflict("quote_expired", "this quote is over, ask for a new one")


async def promised(
    session: WriteSession, order_id: int, frozen: Frozen, until: datetime
) -> tuple[Sequence[Pick], Plan | Decided | None]:
    """Hold the pieces where they were planned or, when somebody was faster, where else they are; the plan."""
    plan: Plan | Decided | None = frozen.plan
    picks, barred = frozen.picks, list[Barred]()
    for _ in range(TRIES):
        try:
            await holds.hold(session, holds.order_holder(order_id), picks, until, frozen.channel)
        except Conflict as short:
            if short.code != "out_of_stock":
                raise
            barred += [
                Barred(location_id=each["location_id"], sku_id=each["sku_id"])
                for each in short.extra["lines"]
            ]
        else:
            return picks, plan
        plan = feasible(await planning.plan(session, frozen.request(barred)))
        picks = plan.picks
    raise Conflict("out_of_stock", "others were faster", lines=[])


def main_location(picks: Sequence[Pick]) -> int:
    """The location that sends most pieces."""
    pieces: Counter[int] = Counter()
    for pick in sorted(picks):
        pieces[pick.location_id] += pick.quantity
    return pieces.most_common(1)[0][0]
