"""The best price of a basket whose gifts are in stock too."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Plan, PlanLine, PlanRequest
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import Conflict
from backoffice.trade.checkout import quoting
from backoffice.trade.checkout.quoting import Quote, QuotedGift
from backoffice.trade.offers.domain import Line, Offer, Who

MOST_OF_A_SKU, MOST_SKUS = 9999, 100
"""What can be planned at once."""


@dataclass(frozen=True)
class Asked:
    """A basket, what may be off it, and how it shall be sent."""

    lines: Sequence[Line]
    who: Who
    points: int
    promotions: Sequence[Offer]
    coupons: Sequence[Offer]
    request: PlanRequest


@dataclass(frozen=True)
class Deal:
    """A price with the plan that sends its goods and gifts; `gifts` by SKU."""

    priced: Quote
    plan: Plan
    gifts: Mapping[int, SkuView]
    left_out: Sequence[QuotedGift]


async def agree(session: ReadSession, asked: Asked) -> Deal:
    """An offer whose gift cannot be sent counts no more, and the rest is priced anew without it.

    Raises `Conflict` (`out_of_stock`, `not_deliverable` or `split_limit`, with `lines`) for the basket alone.
    """
    gifts = await catalog.skus(session, gift_skus([*asked.promotions, *asked.coupons]))
    missing: set[int] = set()
    left_out: list[QuotedGift] = []
    while True:
        priced = quoting.quote(
            asked.lines,
            [offer for offer in asked.promotions if offer.id not in missing],
            asked.who,
            [coupon for coupon in asked.coupons if coupon.id not in missing],
            asked.points,
        )
        pieces = {line.sku_id: line.quantity for line in asked.request.lines}
        gone = [gift for gift in priced.gifts if not added(pieces, gift, gifts)]
        if not gone:
            lines = plan_lines(pieces)
            plan = await planning.plan(session, asked.request.model_copy(update={"lines": lines}))
            if not plan.refusal or not priced.gifts:
                return Deal(priced, feasible(plan), gifts, left_out)
            short = {line.sku_id for line in plan.refusal.short}
            gone = [gift for gift in priced.gifts if gift.sku_id in short] or list(priced.gifts)
        left_out += gone
        missing |= {gift.promotion_id for gift in gone}


def gift_skus(offers: Sequence[Offer]) -> list[int]:
    return sorted({offer.terms.rule.sku_id for offer in offers if offer.terms.rule.kind == "gift"})


def added(pieces: dict[int, int], gift: QuotedGift, sold: Collection[int]) -> bool:
    """Add a gift to what is to be sent; False when it is not sold, or it would be too much."""
    after = Counter(pieces) + Counter({gift.sku_id: gift.quantity})
    if gift.sku_id not in sold or after[gift.sku_id] > MOST_OF_A_SKU or len(after) > MOST_SKUS:
        return False
    pieces[gift.sku_id] = after[gift.sku_id]
    return True


def plan_lines(pieces: Mapping[int, int]) -> list[PlanLine]:
    return [PlanLine(sku_id=id, quantity=quantity) for id, quantity in pieces.items()]


def feasible(plan: Plan) -> Plan:
    """The plan. Raises `Conflict` with the code and the lines of its refusal."""
    if plan.refusal:
        lines = [line.model_dump() for line in plan.refusal.short]
        raise Conflict(plan.refusal.code, "this basket cannot be sent like that", lines=lines)
    return plan
