"""What crosses the trade's API. Money in fen, times in UTC, personal data masked."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, StringConstraints

from backoffice.fulfillment.fulfilment_schemas import Pickup, Piece
from backoffice.fulfillment.schemas import ShipmentView
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId
from backoffice.trade.domain import ErrandName, Verdict, share_of


def printable(text: object) -> object:
    """Without control characters, which a database may refuse."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text) if isinstance(text, str) else text


Plain = BeforeValidator(printable)
Text = Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Short = Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
Name = Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Fen = Annotated[int, Field(ge=0, le=100_000_000)]
Phone = Annotated[str, StringConstraints(pattern=r"^1[3-9]\d{9}$")]
OrderState = Literal["unpaid", "paid", "shipped", "delivered", "completed", "cancelled"]


class LineView(BaseModel):
    """`price_fen` is for one piece, `paid_fen` for all but those `cancelled`."""

    id: int
    product_id: int
    sku_id: int
    name: str
    variant: str
    colour: str
    size: str
    quantity: int
    cancelled: int
    price_fen: int
    paid_fen: int
    image: str


class RefundView(BaseModel):
    """`item` is empty when the whole order is paid back."""

    number: str
    order_number: str
    amount_fen: int
    state: str
    state_label: str
    destination: str
    reason: str
    requested_at: datetime
    expected_by: datetime
    settled_at: datetime | None
    item: str


class Refunds(BaseModel):
    refunds: list[RefundView]


class InvoiceCorrectionView(BaseModel):
    """A red invoice: so much of the first one counts no more."""

    number: str
    amount_fen: int
    issued_at: datetime


class InvoiceView(BaseModel):
    number: str
    kind: str
    title: str
    tax_number: str
    email: str
    amount_fen: int
    state: str
    state_label: str
    requested_at: datetime
    issued_at: datetime | None
    corrections: list[InvoiceCorrectionView]


class Step(BaseModel):
    label: str
    at: datetime | None
    done: bool


class OrderPart(BaseModel):
    """What one location sends or hands over; its parcels are those of `shipments` with its `id`.

    `pickup`: where and until when it waits, and the code, for the signed-in owner only.
    """

    id: int
    kind: str
    kind_label: str
    state: str
    state_label: str
    leave_by: datetime
    pieces: list[Piece]
    pickup: Pickup | None = None


class OrderView(BaseModel):
    number: str
    state: OrderState
    state_label: str
    channel: str
    placed_at: datetime
    ship_by: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    items_fen: int
    discount_fen: int
    shipping_fen: int
    total_fen: int
    receiver: str
    phone: str
    city: str
    address: str
    note: str
    lines: list[LineView]
    shipments: list[ShipmentView]
    parts: list[OrderPart]
    refunds: list[RefundView]
    invoice: InvoiceView | None
    urges: int
    intercept_at: datetime | None
    can: dict[str, bool]
    progress: list[Step]


class Orders(BaseModel):
    orders: list[OrderView]
    total: int


class Spoken(BaseModel):
    """Words of the text that name a time, which ends before `to`."""

    words: Annotated[str, Field(min_length=1, max_length=100)]
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime = Field(alias="to")


class Which(BaseModel):
    """`order_no` is the order talked about before, `last4` the last digits that were said, at least four."""

    model_config = example(
        text="我昨天买的羽绒服到哪了",
        errand="track",
        order_no="2611220000000019",
        times=[{"words": "昨天", "from": "2026-11-21T16:00:00Z", "to": "2026-11-22T16:00:00Z"}],
    )

    text: Annotated[str, Plain, Field(max_length=2000)]
    errand: ErrandName
    order_no: Annotated[str, Field(max_length=40)] | None = None
    last4: Annotated[str, Field(max_length=40)] | None = None
    times: Annotated[list[Spoken], Field(max_length=20)] = []


class WhichOrder(BaseModel):
    """`orders` holds the one meant or up to five candidates, newest first."""

    verdict: Verdict
    orders: list[OrderView]
    reason: str


class Proof(BaseModel):
    model_config = example(order_no="2611220000000019", phone_last4="0001")

    order_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]
    phone_last4: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20)]


class Proven(BaseModel):
    """How a try to prove an order went; kept with the try even when it failed."""

    limited: bool = False
    order: OrderView | None = None


class Cancel(BaseModel):
    model_config = example(reason="不想要了")

    reason: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=60)] = ""


class CancelledLine(BaseModel):
    line_id: RowId
    quantity: Annotated[int, Field(ge=1, lt=2**31)]


class CancelLines(Cancel):
    """Pieces that are not wanted any more."""

    model_config = example(lines=[{"line_id": 7001, "quantity": 1}], reason="多拍了一件")

    lines: list[CancelledLine] = Field(min_length=1, max_length=200)


class LinePrice(BaseModel):
    """`price_fen` is for one piece."""

    line_id: RowId
    price_fen: Fen


class PriceChange(BaseModel):
    """What is not said stays."""

    model_config = example(lines=[{"line_id": 7001, "price_fen": 25900}], shipping_fen=0, reason="老顾客议价")

    lines: list[LinePrice] = Field(default=[], max_length=200)
    shipping_fen: Fen | None = None
    reason: Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class Urged(BaseModel):
    ship_by: datetime
    urges: int
    first: bool


class NewAddress(BaseModel):
    """Either parts or one free line `text`; parts win. What is not said stays as it is."""

    model_config = example(
        receiver="林晓",
        phone="15400000001",
        province="浙江省",
        city="杭州市",
        district="西湖区",
        street="文三路90号",
    )

    receiver: Name | None = None
    phone: Phone | None = None
    province: Short | None = None
    city: Short | None = None
    district: Short | None = None
    street: Text | None = None
    text: Annotated[str, Plain, Field(max_length=2000)] = ""


class InvoiceRequest(BaseModel):
    model_config = example(
        kind="company",
        title="青禾文化传播有限公司",
        tax_number="91330106MA2CEXAMP7",
        email="caiwu@example.com",
    )

    kind: Literal["personal", "company"]
    title: Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    tax_number: str = Field(default="", max_length=40)
    email: Annotated[str, Plain, StringConstraints(pattern=r"^$|^[^@\s]{1,40}@[^@\s]{1,38}$")] = ""


class ProtectedLine(BaseModel):
    """`paid_fen` and `current_fen` are for the whole line."""

    line_id: int
    name: str
    variant: str
    paid_fen: int
    current_fen: int
    difference_fen: int


class Protection(BaseModel):
    lines: list[ProtectedLine]
    difference_fen: int
    deadline: datetime | None
    eligible: bool
    reason: Literal["ok", "no_drop", "expired", "not_paid", "cancelled"]


class BoughtLine(BaseModel):
    """A line as the returns room sees it."""

    id: int
    order_id: int
    order_number: str
    order_state: str
    customer_id: int
    delivered_at: datetime | None
    product_id: int
    sku_id: int
    name: str
    variant: str
    quantity: int
    returned: int
    paid_fen: int = Field(description="for these pieces, less what price protection gave back")
    image: str

    def worth(self, already: int, pieces: int) -> int:
        """What `pieces` more are worth when `already` went back, in fen."""
        return share_of(self.paid_fen, self.quantity, already, pieces)
