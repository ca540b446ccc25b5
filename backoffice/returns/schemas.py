"""What crosses the returns' API. Money in fen, times in UTC."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from backoffice.fulfillment.fulfilment_schemas import FulfilmentParcel
from backoffice.kit.examples import example
from backoffice.returns.domain import Postage
from backoffice.returns.rules import Kind, Reason
from backoffice.trade.schemas import Plain, Step


class Choice(BaseModel):
    """A variant that a line can be exchanged for; `available` pieces can be sent."""

    sku_id: int
    colour: str
    size: str
    variant: str
    available: int


class ReturnableLine(BaseModel):
    """`quantity` pieces can still go back for one of `reasons`; all of them are worth `amount_fen`.

    `until`: the last moment without a fault, `fault_until`: with one. `choices`: for an exchange.
    """

    line_id: int
    name: str
    variant: str
    quantity: int
    amount_fen: int
    until: datetime | None
    fault_until: datetime | None
    reasons: list[Reason]
    image: str
    choices: list[Choice]


class Returnable(BaseModel):
    lines: list[ReturnableLine]
    eligible: bool
    reason: Literal["ok", "not_received", "expired", "not_returnable", "already", "cancelled"]


LineId = Annotated[int, Field(ge=1, lt=2**63)]
Pieces = Annotated[int, Field(ge=0, le=999)]


PhotoId = Annotated[str, Plain, Field(max_length=32)]
MOST_PHOTOS = 9


class AskedLine(BaseModel):
    """`wanted_sku_id`: what an exchange shall bring, the same again when left out."""

    line_id: LineId
    quantity: int = Field(default=1, ge=1, le=999)
    wanted_sku_id: int | None = Field(default=None, ge=1, lt=2**63)


class AskReturn(BaseModel):
    """Either one line by `line_id`, `quantity` and `wanted_sku_id`, or several in `lines`.

    `store_id`: the store they are brought to; a courier picks them up when left out. `photos`: those stored
    before, which a claim needs for some reasons.
    """

    model_config = example(
        kind="claim",
        reason="damaged",
        detail="杯口有裂纹",
        lines=[{"line_id": 7001, "quantity": 1}],
        photos=["4nB0sKx1Qm2vWc7Jr9Yt3A"],
    )

    kind: Kind
    line_id: LineId | None = None
    quantity: int = Field(default=1, ge=1, le=999)
    reason: Reason
    detail: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=400)] = ""
    wanted_sku_id: int | None = Field(default=None, ge=1, lt=2**63)
    lines: Annotated[list[AskedLine], Field(max_length=100)] = []
    store_id: int | None = Field(default=None, ge=1, lt=2**63)
    photos: Annotated[list[PhotoId], Field(max_length=MOST_PHOTOS)] = []

    @model_validator(mode="after")
    def either_one_or_several(self) -> Self:
        if (self.line_id is None) == (not self.lines):
            raise ValueError("either line_id or lines")
        if len({line.line_id for line in self.lines}) < len(self.lines):
            raise ValueError("a line is named twice")
        return self

    @property
    def asked_lines(self) -> list[AskedLine]:
        if self.line_id is None:
            return sorted(self.lines, key=lambda line: line.line_id)
        return [AskedLine(line_id=self.line_id, quantity=self.quantity, wanted_sku_id=self.wanted_sku_id)]


class AddPhotos(BaseModel):
    model_config = example(photos=["4nB0sKx1Qm2vWc7Jr9Yt3A"])

    photos: Annotated[list[PhotoId], Field(min_length=1, max_length=MOST_PHOTOS)]


class PhotoView(BaseModel):
    """A stored photo, as a case may name it by `id`; `size` in bytes, the rest in pixels."""

    model_config = example(
        id="4nB0sKx1Qm2vWc7Jr9Yt3A",
        media_type="image/jpeg",
        size=183204,
        width=1280,
        height=960,
        name="杯口.jpg",
    )

    id: str
    media_type: str
    size: int
    width: int
    height: int
    name: str


class ReturnLineView(BaseModel):
    """Of `quantity` pieces so many were `received` and found to be as new (`restocked`), accepted but
    not to be sold again (`written_off`) or not accepted (`refused`). `send_back`: pieces received that stay
    the shopper's. `withdrawn`: the line was taken out of the case.
    """

    line_id: int
    item: str
    variant: str
    quantity: int
    worth_fen: int
    wanted_variant: str | None
    withdrawn: bool
    received: int
    restocked: int
    written_off: int
    refused: int
    send_back: int
    note: str


class Terms(BaseModel):
    """`amount_fen` is what will be paid back, 0 for an exchange, `shipping_fen` of it for the first shipping.

    `postage` says who pays the courier: none comes, the
    shop, the shop by the shopper's level, or the shopper `postage_fen` (deducted: taken off the amount;
    carried: paid to the courier). `goods_back`: whether goods must come back, `photos_required`:
    how many photos it needs at least.
    """

    model_config = example(
        kind="return",
        amount_fen=29200,
        postage="deducted",
        postage_label="上门取件费从退款中扣除",
        postage_fen=800,
        shipping_fen=0,
        goods_back=True,
        photos_required=0,
        pickup_at="2026-11-28T02:00:00Z",
        hand_over_by="2026-12-07T15:59:59.999999Z",
    )

    kind: Kind
    amount_fen: int
    postage: Postage
    postage_label: str
    postage_fen: int
    shipping_fen: int
    goods_back: bool
    photos_required: int
    pickup_at: datetime | None
    hand_over_by: datetime | None


class ReturnView(Terms):
    """`next` says what happens next; `parcels`: in which what an exchange brings has left.

    `item`, `variant` and `wanted_variant` are those of the first line, `quantity` is of all.
    """

    model_config = example(
        number="R2611270000017",
        kind="exchange",
        kind_label="换货",
        state="exchanged",
        state_label="换货已通过",
        order_number="2611240000004217",
        item="云栖轻羽绒服",
        variant="黑色 / L",
        quantity=1,
        reason="size",
        reason_label="尺码不合适",
        amount_fen=0,
        postage="shop",
        postage_label="运费由我们承担",
        postage_fen=0,
        shipping_fen=0,
        goods_back=True,
        photos_required=0,
        pickup_at="2026-11-28T02:00:00Z",
        hand_over_by="2026-12-07T15:59:59.999999Z",
        requested_at="2026-11-27T09:12:00Z",
        closed_at="2026-11-30T06:40:00Z",
        progress=[{"label": "申请通过", "at": "2026-11-27T09:12:00Z", "done": True}],
        next="新的一件已经寄出（单号 SF1234567890），请留意收货。",
        wanted_variant="黑色 / XL",
        parcels=[
            {
                "key": "1",
                "carrier": "sf",
                "number": "SF1234567890",
                "state": "in_transit",
                "state_label": "运输中",
                "pieces": [{"sku_id": 12, "quantity": 1}],
            }
        ],
        photos=[],
        lines=[
            {
                "line_id": 7001,
                "item": "云栖轻羽绒服",
                "variant": "黑色 / L",
                "quantity": 1,
                "worth_fen": 30000,
                "wanted_variant": "黑色 / XL",
                "withdrawn": False,
                "received": 1,
                "restocked": 1,
                "written_off": 0,
                "refused": 0,
                "send_back": 0,
                "note": "",
            }
        ],
    )

    number: str
    kind_label: str
    state: str
    state_label: str
    order_number: str
    item: str
    variant: str
    quantity: int
    reason: Reason
    reason_label: str
    requested_at: datetime
    closed_at: datetime | None
    progress: list[Step]
    next: str
    wanted_variant: str | None
    parcels: list[FulfilmentParcel]
    photos: list[PhotoView]
    lines: list[ReturnLineView]


class Worklist(BaseModel):
    returns: list[ReturnView]
    total: int


class ArrivedLine(BaseModel):
    line_id: LineId
    quantity: int = Field(ge=1, le=999)


class Arrival(BaseModel):
    """What has arrived at a location, maybe only a part of what was announced."""

    model_config = example(location_id=1, lines=[{"line_id": 7001, "quantity": 1}])

    location_id: int = Field(ge=1, lt=2**63)
    lines: Annotated[list[ArrivedLine], Field(min_length=1, max_length=100)]


class Verdict(BaseModel):
    """What was found of the pieces received; of a claim without goods to come back, what is accepted of all
    (`written_off`) and what is not (`refused`). Whatever is not as new needs a `note`.
    """

    line_id: LineId
    restocked: Pieces = 0
    written_off: Pieces = 0
    refused: Pieces = 0
    note: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=200)] = ""

    @model_validator(mode="after")
    def says_why(self) -> Self:
        if (self.written_off or self.refused) and not self.note:
            raise ValueError("a note must say why pieces are written off or refused")
        return self

    @property
    def accepted(self) -> int:
        return self.restocked + self.written_off


class Inspection(BaseModel):
    model_config = example(lines=[{"line_id": 7001, "restocked": 1, "written_off": 1, "note": "一件有污渍"}])

    lines: Annotated[list[Verdict], Field(min_length=1, max_length=100)]


class Returns(BaseModel):
    returns: list[ReturnView]
