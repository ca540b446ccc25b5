"""What the shopper of a case pays and gets back: the courier, the worth of the goods, the first shipping."""

from datetime import datetime, timedelta
from typing import cast

from backoffice.kit.attempts import allow_attempt, give_back_attempt
from backoffice.kit.database import WriteSession
from backoffice.kit.time import SHOP_ZONE
from backoffice.returns import domain, repository
from backoffice.returns.domain import Postage
from backoffice.returns.models import Return
from backoffice.returns.rules import Kind, Reason, rules
from backoffice.trade.returning import held_order
from backoffice.users import service as users

FREE_PICKUPS = "free_pickups"
LONGER_THAN_A_MONTH = timedelta(days=32)


async def postage(
    session: WriteSession, customer_id: int, kind: Kind, reason: Reason, fetched: bool, moment: datetime
) -> Postage:
    """Who pays the courier; one that the shopper's level has free is used up."""
    paid_by = domain.postage(kind, reason, fetched, False, rules())
    if paid_by in domain.SHOPPER_PAYS and await takes_free_pickup(session, customer_id, moment):
        return "level"
    return paid_by


async def takes_free_pickup(session: WriteSession, customer_id: int, moment: datetime) -> bool:
    customer = (await users.customers(session, [customer_id])).get(customer_id)
    free = rules().free_pickups_of(customer.level) if customer else 0
    return free > 0 and await allow_attempt(
        session, FREE_PICKUPS, month_of(customer_id, moment), free, LONGER_THAN_A_MONTH
    )


async def give_back_pickup(session: WriteSession, found: Return) -> None:
    """A case that is withdrawn has used no free pickup, unless the courier came."""
    if found.postage == "level" and not found.handed_over:
        await give_back_attempt(session, FREE_PICKUPS, month_of(found.customer_id, found.requested_at))


def month_of(customer_id: int, moment: datetime) -> str:
    return f"{customer_id}:{moment.astimezone(SHOP_ZONE):%Y-%m}"


async def first_shipping(
    session: WriteSession, order_id: int, kind: str, reason: str, case_id: int | None = None
) -> int:
    """What is paid back of the first shipping with this case or a new one, in fen: all of it, once, when
    nothing is left with the shopper and everything came back for such reasons.
    """
    if not returns_shipping(kind, reason):
        return 0
    order = await held_order(session, order_id)
    others = await repository.others(session, order_id, case_id)
    alike = all(returns_shipping(each.kind, each.reason) and not each.shipping_fen for each in others)
    return order.shipping_fen if order.all_back and alike else 0


def returns_shipping(kind: str, reason: str) -> bool:
    return kind != "exchange" and rules().reasons[cast(Reason, reason)].first_shipping


async def charge(session: WriteSession, found: Return) -> int:
    """Write down what a held case pays back with the lines it has now; the amount in fen."""
    found = await repository.as_it_is(session, found.id)
    shipping = await first_shipping(session, found.order_id, found.kind, found.reason, found.id)
    worth = sum(line.worth_fen for line in found.standing)
    amount = domain.refund_fen(found.kind, worth, found.postage, found.postage_fen, shipping)
    await repository.change(session, found.id, amount_fen=amount, shipping_fen=shipping)
    return amount
