"""Quotes: what a basket costs and when it comes, frozen until it expires."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from backoffice.catalog import assortment
from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import SkuView
from backoffice.fulfillment import service as fulfillment
from backoffice.fulfillment.planning.schemas import Destination, PlanRequest
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Invalid, NotFound
from backoffice.kit.ids import secret_id
from backoffice.kit.messages import message
from backoffice.kit.time import end_of_shop_day, now, shop_date
from backoffice.trade.checkout import quoting, repository
from backoffice.trade.checkout.deals import Asked, agree, plan_lines
from backoffice.trade.checkout.quoting import QuotedGift, Refused
from backoffice.trade.checkout.schemas import (
    CouponRefused,
    DiscountView,
    Frozen,
    FrozenLine,
    GiftLeftOut,
    NewQuote,
    OfferUse,
    QuoteView,
    Receiver,
)
from backoffice.trade.offers import service as offers
from backoffice.trade.offers.domain import Line, Offer, Who
from backoffice.trade.offers.words import money
from backoffice.trade.service import read_address
from backoffice.users import contacts
from backoffice.users import service as users

VALID_FOR = timedelta(minutes=15)
MOST_FEN = 2_000_000_000
"""What an order can cost, in four bytes, with its postage."""


async def make(session: WriteSession, owner: str, customer_id: int | None, wanted: NewQuote) -> QuoteView:
    """Price a basket and keep it for fifteen minutes.

    Raises `Invalid` (`cart_empty`, `address_needed`, `address_unclear`, `basket_too_dear`), `NotFound`
    (`sku_not_found`, `no_such_address`, `coupon_not_found`), `Conflict` (`coupon_used`; `not_sold_here`, with
    `sku_ids`; `out_of_stock`, `not_deliverable` or `split_limit`, with `lines`).
    """
    frozen = await freeze(session, owner, customer_id, wanted)
    id, moment = secret_id(), now()
    content = frozen.model_dump(mode="json")
    expires_at = moment + VALID_FOR
    await repository.add_quote(session, id=id, owner=owner, content=content, expires_at=expires_at, at=moment)
    parcels = len({pick.location_id for pick in frozen.picks})
    return QuoteView(**frozen.model_dump(), id=id, parcels=parcels, expires_at=expires_at)


async def freeze(session: ReadSession, owner: str, customer_id: int | None, wanted: NewQuote) -> Frozen:
    pieces = await basket(session, owner, wanted)
    sold = await catalog.skus(session, list(pieces))
    if unknown := pieces.keys() - sold.keys():
        raise NotFound("sku_not_found", "it is not sold", sku_ids=sorted(unknown))
    await assortment.require_sold(session, wanted.channel, sold.keys())
    to = await receiver(session, customer_id, wanted)
    moment = now()
    lines = [
        Line(id, sold[id].product_id, sold[id].category, sold[id].brand, sold[id].price_fen, quantity)
        for id, quantity in pieces.items()
    ]
    if sum(line.price_fen * line.quantity for line in lines) > MOST_FEN:
        raise Invalid("basket_too_dear", "split it into several orders", most_fen=MOST_FEN)
    who, points = await asking(session, customer_id, wanted, moment)
    on_offer = await offers.on_offer(session, customer_id, wanted.coupon, moment)
    request = PlanRequest(
        promise=wanted.delivery,
        lines=plan_lines(pieces),
        destination=Destination(province=to.province, city=to.city),
        store_id=wanted.store_id,
        channel=wanted.channel,
    )
    deal = await agree(session, Asked(lines, who, points, on_offer.promotions, on_offer.coupons, request))
    priced, plan = deal.priced, deal.plan
    weight_g = sum(sold[id].weight_g * quantity for id, quantity in pieces.items())
    postage = fulfillment.postage(wanted.delivery, to.province, priced.total_fen, weight_g)
    leaves = max(parcel.leaves_on for parcel in plan.parcels)
    bought = [
        FrozenLine(
            **described(sold[line.line.sku_id]),
            quantity=line.line.quantity,
            price_fen=line.line.price_fen,
            discounts=discounts(line),
            paid_fen=line.paid_fen,
        )
        for line in priced.lines
    ]
    sources = {offer.id: offer.source for offer in priced.offers}
    return Frozen(
        customer_id=customer_id,
        channel=wanted.channel,
        lines=bought
        + [gift_line(gift, deal.gifts[gift.sku_id], sources[gift.promotion_id]) for gift in priced.gifts],
        offers=[OfferUse(**asdict(each)) for each in priced.offers],
        gifts_left_out=[left_out(gift, deal.gifts) for gift in deal.left_out],
        coupons_refused=[refused(each, on_offer.coupons) for each in priced.refused],
        to=to,
        note=wanted.note,
        delivery=wanted.delivery,
        store_id=wanted.store_id,
        picks=plan.picks,
        plan=plan.decided(),
        arrives_from=min(parcel.arrives_from for parcel in plan.parcels),
        arrives_to=max(parcel.arrives_to for parcel in plan.parcels),
        ship_by=end_of_shop_day(moment, (leaves - shop_date(moment)).days),
        items_fen=priced.list_fen,
        discount_fen=priced.discount_fen + priced.points_fen,
        shipping_fen=postage,
        points=priced.points,
        total_fen=priced.total_fen + postage,
    )


async def basket(session: ReadSession, owner: str, wanted: NewQuote) -> Mapping[int, int]:
    """SKU to pieces, lines that share a SKU summed. Raises `Invalid` (`cart_empty`)."""
    if wanted.lines is None:
        pieces = await repository.cart(session, owner)
    else:
        pieces = {}
        for line in wanted.lines:
            pieces[line.sku_id] = pieces.get(line.sku_id, 0) + line.quantity
    if not pieces:
        raise Invalid("cart_empty", "there is nothing to quote")
    return pieces


async def receiver(session: ReadSession, customer_id: int | None, wanted: NewQuote) -> Receiver:
    """Where it goes: the address told, the one named, or the customer's default.

    Raises `Invalid` (`address_needed`, `address_unclear`), `NotFound` (`no_such_address`).
    """
    if wanted.address:
        line = read_address(wanted.address)
        return complete({name: getattr(line, name) for name in Receiver.model_fields})
    if customer_id is None:
        raise Invalid("address_needed", "say where it shall go")
    address_id = wanted.address_id
    if address_id is None:
        kept = (await contacts.addresses(session, customer_id)).addresses
        address_id = next((each.id for each in kept if each.is_default), None)
    if address_id is None:
        raise Invalid("address_needed", "say where it shall go")
    detail = await contacts.address(session, customer_id, address_id)
    return complete(detail.model_dump(include=set(Receiver.model_fields)))


def complete(told: dict[str, Any]) -> Receiver:
    """Raises `Invalid` (`address_unclear`, with what is `missing` or no order can be sent with)."""
    missing = {name for name, value in told.items() if not value and name != "district"}
    try:
        to = Receiver(**told)
    except ValidationError as wrong:
        missing |= {str(each["loc"][0]) for each in wrong.errors()}
    if missing:
        raise Invalid("address_unclear", "the address is not complete", missing=sorted(missing))
    return to


async def asking(
    session: ReadSession, customer_id: int | None, wanted: NewQuote, moment: datetime
) -> tuple[Who, int]:
    """What offers may look at, and the points to be spent; of a visitor nothing is known."""
    if customer_id is None:
        return Who(wanted.channel, "regular", False, moment), 0
    buyer = await users.points(session, customer_id)
    level: Any = buyer.level
    first = await offers.first_order(session, customer_id)
    return Who(wanted.channel, level, first, moment), min(wanted.points, buyer.points)


def described(sku: SkuView) -> dict[str, Any]:
    named = {name: getattr(sku, name) for name in ("product_id", "name", "colour", "size")}
    return {"sku_id": sku.id, **named}


def discounts(line: quoting.QuotedLine) -> list[DiscountView]:
    """The shares that a line has of the discounts, points among them."""
    shares = [
        DiscountView(source=f"{each.source}:{each.id}", name=each.name, fen=each.off_fen)
        for each in line.discounts
    ]
    if line.points_fen:
        name = message("trade", "points_discount")
        shares.append(DiscountView(source="points", name=name, fen=line.points_fen))
    return shares


def gift_line(gift: QuotedGift, sku: SkuView, source: str) -> FrozenLine:
    """A line that costs nothing."""
    given = DiscountView(source=f"{source}:{gift.promotion_id}", name=gift.name, fen=0)
    return FrozenLine(**described(sku), quantity=gift.quantity, price_fen=0, discounts=[given], paid_fen=0)


def left_out(gift: QuotedGift, sold: Mapping[int, SkuView]) -> GiftLeftOut:
    name = sold[gift.sku_id].name if gift.sku_id in sold else gift.name
    text = message("trade", "gift_left_out", name=name)
    return GiftLeftOut(offer_id=gift.promotion_id, sku_id=gift.sku_id, quantity=gift.quantity, text=text)


def refused(each: Refused, coupons: Sequence[Offer]) -> CouponRefused:
    missing = money(each.missing) if each.reason == "too_little" else each.missing
    return CouponRefused(
        id=each.coupon_id,
        name=next(coupon.name for coupon in coupons if coupon.id == each.coupon_id),
        reason=each.reason,
        missing=each.missing,
        text=message("trade", f"coupon_refused.{each.reason}", missing=missing),
    )
