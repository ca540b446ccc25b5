"""Promotions and coupons: which run, who takes one, in which order they count.

An offer with a quota has a counter that only a conditional UPDATE raises. What one customer may have once, or
a few times, is a numbered slot, unique by its row. Both are freed when the order is cancelled.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from backoffice.catalog import service as catalog
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.time import now
from backoffice.trade.checkout.schemas import OfferUse
from backoffice.trade.offers import repository
from backoffice.trade.offers.domain import Goods, Line, Offer, Source, Terms
from backoffice.trade.offers.models import OfferVersion, Redemption, StoredOffer
from backoffice.trade.offers.schemas import Coupons, CouponView, Promotions, PromotionView
from backoffice.trade.offers.words import in_words

TERMS: TypeAdapter[Terms] = TypeAdapter(Terms)


def offer_of(version: OfferVersion, source: Source) -> Offer:
    """The rule of a stored version."""
    return Offer(
        source=source,
        id=version.offer_id,
        version=version.version,
        name=version.name,
        starts_at=version.starts_at,
        ends_at=version.ends_at,
        terms=TERMS.validate_python(version.terms),
    )


# Seeing


async def promotions(session: ReadSession, channel: str, moment: datetime) -> Promotions:
    """The promotions that anybody can have in a channel at a moment."""
    found = [
        offer_of(version, "promotion")
        for _, version in await repository.running(session, "promotion", moment)
    ]
    return Promotions(
        promotions=[
            PromotionView(
                id=offer.id,
                name=offer.name,
                text=in_words(offer.terms),
                categories=list(offer.terms.only.categories),
                ends_at=offer.ends_at,
            )
            for offer in found
            if offer.terms.runs_at(moment) and (not offer.terms.channels or channel in offer.terms.channels)
        ]
    )


async def coupons(
    session: ReadSession, customer_id: int | None, product_id: int | None, amount_fen: int | None
) -> Coupons:
    """The running coupons that the customer can take or has not used yet, those that apply first.

    Raises `NotFound` (`product_not_found`).
    """
    about: Line | None = None
    if product_id is not None:
        product = await catalog.product(session, product_id)
        amount_fen = product.price_to_fen if amount_fen is None else amount_fen
        about = Line(0, product_id, product.category, product.brand, amount_fen, 1)
    moment = now()
    mine = await repository.pocket(session, customer_id) if customer_id is not None else []
    taken = {version.offer_id for version, _ in mine}
    pocketed = [
        version for version, unused in mine if unused and version.starts_at <= moment < version.ends_at
    ]
    others = [
        version for row, version in await repository.running(session, "coupon", moment) if row.id not in taken
    ]
    shown = [coupon_view(version, True, about, amount_fen) for version in pocketed]
    shown += [coupon_view(version, False, about, amount_fen) for version in others]
    return Coupons(coupons=sorted(shown, key=lambda each: (not each.applies, -each.off_fen, each.id)))


def coupon_view(
    version: OfferVersion, mine: bool, about: Line | None = None, amount_fen: int | None = None
) -> CouponView:
    terms = offer_of(version, "coupon").terms
    rule, only = terms.rule, terms.only
    covered = about is None or covers(terms, about)
    return CouponView(
        id=version.offer_id,
        name=version.name,
        text=in_words(terms),
        category=only.categories[0] if only == Goods(categories=only.categories[:1]) and only else "",
        threshold_fen=rule.from_fen,
        off_fen=min(rule.steps, key=lambda step: step.from_fen).off_fen if rule.kind == "threshold" else 0,
        ends_at=version.ends_at,
        mine=mine,
        applies=covered and (amount_fen is None or amount_fen >= rule.from_fen),
    )


def covers(terms: Terms, about: Line) -> bool:
    """Whether a product, of which the SKU is not said, can be one that the terms are for."""
    return (not terms.only or bool(terms.only.skus) or terms.only.hold(about)) and not terms.excluded.hold(
        about
    )


# Taking


async def take(session: WriteSession, customer_id: int, coupon_id: int) -> CouponView:
    """Put a coupon into the customer's pocket; one that is there stays there and is not counted again.

    Raises `NotFound` (`coupon_not_found`), `Conflict` (`coupon_used`, `coupon_not_running`, `coupon_gone`).
    """
    found, moment = await repository.offer(session, coupon_id), now()
    if found is None or found[0].source != "coupon":
        raise NotFound("coupon_not_found")
    stored, version = found
    refused = None
    if not (stored.active and version.starts_at <= moment < version.ends_at):
        refused = Conflict("coupon_not_running", "it cannot be taken now")
    elif stored.quota is not None and stored.taken >= stored.quota:
        refused = Conflict("coupon_gone", "all of these coupons are taken")
    elif await repository.claim(session, coupon_id, customer_id, version.version, moment):
        if stored.quota is None or await repository.count_up(
            session, coupon_id, StoredOffer.active.is_(True)
        ):
            return coupon_view(version, True)
        raise Conflict("coupon_gone", "all of these coupons are taken")
    if kept := await in_pocket(session, customer_id, coupon_id):
        return kept
    raise refused or NotFound("coupon_not_found")


async def in_pocket(session: ReadSession, customer_id: int, coupon_id: int) -> CouponView | None:
    """A coupon the customer took. Raises `Conflict` (`coupon_used`)."""
    for version, unused in await repository.pocket(session, customer_id, coupon_id):
        if not unused:
            raise Conflict("coupon_used", "this coupon counts in an order already")
        return coupon_view(version, True)
    return None


# Quoting


@dataclass(frozen=True)
class OnOffer:
    """What a quote may choose from."""

    promotions: list[Offer]
    coupons: list[Offer]


async def on_offer(
    session: ReadSession, customer_id: int | None, coupon: int | Literal["best", "none"], moment: datetime
) -> OnOffer:
    """The promotions that run, and the coupon chosen or all that the customer could use.

    Raises `NotFound` (`coupon_not_found`: not in the pocket), `Conflict` (`coupon_used`).
    """
    rows = await repository.running(session, "promotion", moment, customer_id)
    found = OnOffer([offer_of(version, "promotion") for _, version in rows], [])
    if coupon == "none" or (coupon == "best" and customer_id is None):
        return found
    chosen = coupon if isinstance(coupon, int) else None
    mine = await repository.pocket(session, customer_id, chosen) if customer_id is not None else []
    if chosen is not None and not mine:
        raise NotFound("coupon_not_found", "take the coupon first")
    if chosen is not None and not mine[0][1]:
        raise Conflict("coupon_used", "this coupon counts in an order already")
    for version, unused in mine:
        if unused and (chosen is not None or version.starts_at <= moment < version.ends_at):
            found.coupons.append(offer_of(version, "coupon"))
    return found


async def first_order(session: ReadSession, customer_id: int) -> bool:
    return not await repository.has_ordered(session, customer_id)


# Counting


async def redeem(session: WriteSession, order_id: int, customer_id: int, used: Iterable[OfferUse]) -> None:
    """Count the offers of a quote in its order, whatever has become of them since but for their limits.

    Raises `Conflict` with the offer's `offer_id` and `name`: `promotion_gone` (its quota is used up),
    `promotion_limit` (the customer has it as often as allowed), `coupon_used`.
    """
    by_id = {each.id: each for each in used}
    for stored in await repository.limits(session, list(by_id)) if by_id else []:
        use = by_id[stored.id]
        values = {"version": use.version, "off_fen": use.off_fen}
        if refused := await counted(session, order_id, customer_id, stored, values):
            raise Conflict(refused, "ask for a new quote", offer_id=use.id, name=use.name)


async def counted(
    session: WriteSession, order_id: int, customer_id: int, stored: StoredOffer, values: dict[str, Any]
) -> str | None:
    """Count an offer in an order; the code of what forbids it, if something does."""
    coupon = stored.source == "coupon"
    if not coupon and stored.quota is not None and not await repository.count_up(session, stored.id):
        return "promotion_gone"
    slots: Iterable[int | None] = [None]
    if stored.per_customer is not None:
        slots = range(1, stored.per_customer + 1)
    for slot in slots:
        row = {"order_id": order_id, "offer_id": stored.id, "customer_id": customer_id, "slot": slot}
        if await repository.redeem(session, **row, **values, at=now()):
            return None
    return "coupon_used" if coupon else "promotion_limit"


async def give_back(session: WriteSession, order_id: int) -> None:
    """Let the offers of an order that is cancelled be used again; to be called under the order's lock."""
    moment = now()
    for each in await repository.redemptions(session, order_id):
        if each.given_back_at is None:
            await repository.count_down(session, each.offer_id)
            await repository.give_back(session, each.id, moment)


async def count_again(session: WriteSession, order_id: int, customer_id: int) -> bool:
    """Count what was given back in an order whose cancelling is undone; False when it cannot be had again."""
    last: dict[int, Redemption] = {}
    for each in await repository.redemptions(session, order_id):
        last.setdefault(each.offer_id, each)
    for stored in await repository.limits(session, list(last)):
        each = last[stored.id]
        values = {"version": each.version, "off_fen": each.off_fen}
        if each.given_back_at and await counted(session, order_id, customer_id, stored, values):
            return False
    return True
