"""What marketplaces and tills tell of orders that they took. Money in fen, times in UTC."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from backoffice.fulfillment.planning.schemas import Promise
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId
from backoffice.trade.checkout.schemas import Pieces
from backoffice.trade.schemas import Fen, Name, NewAddress, Phone, Plain

OtherChannel = Literal["marketplace", "pos"]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,60}$")]
EXAMPLE: dict[str, Any] = {
    "channel": "marketplace",
    "reference": "TB-4711-0042",
    "lines": [{"sku_code": "11-BLK-L", "quantity": 2, "price_fen": 29900, "discount_fen": 2000}],
    "shipping_fen": 0,
    "phone": "15400000001",
    "address": {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"},
    "paid_at": "2026-11-27T10:00:00Z",
}


class ChannelLine(BaseModel):
    """`price_fen` for one piece, `discount_fen` off the whole line."""

    sku_code: Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
    quantity: Pieces
    price_fen: Fen
    discount_fen: Fen = 0

    @model_validator(mode="after")
    def costs_something(self) -> Self:
        if self.discount_fen > self.price_fen * self.quantity:
            raise ValueError("more is taken off than it costs")
        return self


class NewChannelOrder(BaseModel):
    """`reference` is the channel's own number. Without a `phone` the customer is nobody we know.

    Without `paid_at` it is still to be paid there, and is cancelled when nobody says so in time.
    """

    model_config = example(**EXAMPLE)

    channel: OtherChannel
    reference: Reference
    lines: list[ChannelLine] = Field(min_length=1, max_length=100)
    shipping_fen: Fen = 0
    phone: Phone | None = None
    name: Name | None = None
    address: NewAddress
    delivery: Promise = "standard"
    store_id: RowId | None = None
    note: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    paid_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def is_possible(self) -> Self:
        if (self.delivery == "store_pickup") != (self.store_id is not None):
            raise ValueError("store_pickup needs a store_id, nothing else has one")
        if sum(each.price_fen * each.quantity for each in self.lines) + self.shipping_fen >= 2**31:
            raise ValueError("an order costs less than that")
        return self


class ChannelPaid(BaseModel):
    model_config = example(paid_at="2026-11-27T10:00:00Z")

    paid_at: AwareDatetime


class ChannelCancel(BaseModel):
    model_config = example(reason="买家取消")

    reason: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=60)] = ""
