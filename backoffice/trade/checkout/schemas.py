"""What crosses the API on the way from a cart to an order. Money in fen, times in UTC."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from backoffice.catalog.schemas import Channel
from backoffice.fulfillment.planning.schemas import (
    Barred,
    Decided,
    Destination,
    PlanLine,
    PlanRequest,
    Promise,
)
from backoffice.inventory.schemas import Pick
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId
from backoffice.trade.offers.domain import Refusal, Source
from backoffice.trade.schemas import Name, NewAddress, Phone, Plain

MOST_PIECES = 999
MOST_LINES = 100
Pieces = Annotated[int, Field(ge=1, le=MOST_PIECES)]


class CartChange(BaseModel):
    """`quantity` 0 takes the SKU out; only what `channel` sells is put in."""

    model_config = example(quantity=2, channel="web")

    quantity: Annotated[int, Field(ge=0, le=MOST_PIECES)]
    channel: Channel | None = None


class CartMerge(BaseModel):
    model_config = example(token="9f0c4e2b7a6d41358c1f5e3a2b9d7c60")

    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class CartLineView(BaseModel):
    sku_id: int
    product_id: int
    name: str
    colour: str
    size: str
    quantity: int
    price_fen: int
    image: str


class CartView(BaseModel):
    """`token`: what a visitor shows as `X-Cart` to see this cart again."""

    lines: list[CartLineView]
    items_fen: int
    token: str | None = None


class WantedLine(BaseModel):
    sku_id: RowId
    quantity: Pieces


class NewQuote(BaseModel):
    """Without `lines` the cart's. The address is one of the customer's (`address_id`) or told here.

    `coupon`: one that the customer took, the `best` of them, or `none`.
    """

    model_config = example(
        lines=[{"sku_id": 11, "quantity": 1}],
        channel="app",
        delivery="standard",
        address={"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"},
        coupon="best",
        note="请放门口鞋柜上",
    )

    lines: list[WantedLine] | None = Field(default=None, min_length=1, max_length=MOST_LINES)
    channel: Literal["web", "app", "mini_program"] = "web"
    delivery: Promise = "standard"
    store_id: RowId | None = None
    address_id: RowId | None = None
    address: NewAddress | None = None
    coupon: RowId | Literal["best", "none"] = "best"
    points: Annotated[int, Field(ge=0, lt=2**31)] = 0
    note: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class DiscountView(BaseModel):
    """A share of a discount; `source` e.g. promotion:3, coupon:7, points."""

    source: str
    name: str
    fen: int


class FrozenLine(BaseModel):
    """`price_fen` for one piece, 0 for a gift; price times quantity = the discounts + `paid_fen`."""

    product_id: int
    sku_id: int
    name: str
    colour: str
    size: str
    quantity: int
    price_fen: int
    discounts: list[DiscountView]
    paid_fen: int


class OfferUse(BaseModel):
    """A promotion or a coupon that counts, with what it takes off all lines."""

    source: Source
    id: int
    version: int
    name: str
    off_fen: int


class GiftLeftOut(BaseModel):
    """A gift that is out of stock."""

    offer_id: int
    sku_id: int
    quantity: int
    text: str


class CouponRefused(BaseModel):
    """A coupon that does not count; `missing`: fen or pieces."""

    id: int
    name: str
    reason: Refusal
    missing: int
    text: str


class Receiver(BaseModel):
    receiver: Name
    phone: Phone
    province: str
    city: str
    district: str
    street: str


class Amounts(BaseModel):
    """`total_fen` = items - discounts + postage; points are among the discounts."""

    items_fen: int
    discount_fen: int
    shipping_fen: int
    points: int
    total_fen: int


class Frozen(Amounts):
    """A quote as it is kept: all that an order needs. `plan`: why its picks are taken where they are."""

    customer_id: int | None
    channel: str
    lines: list[FrozenLine]
    offers: list[OfferUse] = []
    gifts_left_out: list[GiftLeftOut] = []
    coupons_refused: list[CouponRefused] = []
    to: Receiver
    note: str
    delivery: Promise
    store_id: int | None
    picks: list[Pick]
    plan: Decided | None = None
    arrives_from: date
    arrives_to: date
    ship_by: datetime

    def request(self, barred: list[Barred]) -> PlanRequest:
        """What is asked of the planner when a location has no longer what was planned."""
        pieces: Counter[int] = Counter()
        for line in self.lines:
            pieces[line.sku_id] += line.quantity
        return PlanRequest(
            promise=self.delivery,
            lines=[PlanLine(sku_id=sku_id, quantity=quantity) for sku_id, quantity in pieces.items()],
            destination=Destination(province=self.to.province, city=self.to.city),
            store_id=self.store_id,
            channel=self.channel,
            barred=barred,
        )


class QuoteView(Amounts):
    id: str
    lines: list[FrozenLine]
    offers: list[OfferUse]
    gifts_left_out: list[GiftLeftOut]
    coupons_refused: list[CouponRefused]
    delivery: Promise
    arrives_from: date
    arrives_to: date
    parcels: int
    expires_at: datetime


class NewOrder(BaseModel):
    model_config = example(quote_id="3b7e9d1c5f2a48608e4d6c1b7a9f0352")

    quote_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Placed(BaseModel):
    """An order as it was placed; it is cancelled when it is not paid by `pay_by`."""

    number: str
    state: str
    total_fen: int
    placed_at: datetime
    ship_by: datetime
    pay_by: datetime | None
