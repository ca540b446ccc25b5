"""What crosses the API of fulfilments: the parts of an order that locations send or hand over."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field, StringConstraints

from backoffice.fulfillment.planning.schemas import Promise
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId, Text

FulfilmentKind = Promise
FulfilmentState = Literal[
    "planned",
    "accepted",
    "packed",
    "shipped",
    "ready_for_pickup",
    "delivered",
    "collected",
    "declined",
    "cancelled",
    "lost",
    "returned",
    "expired",
]
DeclineReason = Literal["no_stock", "damaged", "too_busy", "closed", "other"]
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00]*\S[^\x00]*$", max_length=40)]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,30}$")]
CarrierCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,10}$")]
Quantity = Annotated[int, Field(ge=1, le=10_000)]


class CalledOff(NamedTuple):
    """Where a part was called off, and when it was made: it counts in that hour of the location."""

    location_id: int
    created_at: datetime


class Receiver(BaseModel):
    """Where a parcel goes."""

    receiver: str = Field(max_length=40)
    phone: str = Field(max_length=20)
    province: str = Field(max_length=20)
    city: str = Field(max_length=20)
    district: str = Field(max_length=20)
    street: str = Field(max_length=120)


class Piece(BaseModel):
    sku_id: RowId
    quantity: Quantity


class Part(BaseModel):
    """A part of an order for one location. `key` names it: the same part of the order is made once. Those of
    other rooms than trade begin with a name and a colon.

    `to` is not needed for a pickup; without `leave_by` it is due as the kind has it.
    """

    key: str = Field(min_length=1, max_length=40)
    location_id: int
    kind: FulfilmentKind
    pieces: Sequence[Piece] = Field(min_length=1)
    to: Receiver | None = None
    leave_by: datetime | None = None


class Decline(BaseModel):
    model_config = example(reason="damaged")

    reason: DeclineReason


class Collect(BaseModel):
    """The code as the shopper says it; blanks and dashes do not matter."""

    model_config = example(code="4821 0937")

    code: Text = Field(min_length=1, max_length=40)


class NewParcel(BaseModel):
    """What leaves in one parcel. `key` names it: the same parcel is sent once.

    Without `pieces` all that is left; without `number` it is booked with the carrier.
    """

    model_config = example(
        key="1", carrier="sf", number="SF1234567890", pieces=[{"sku_id": 11, "quantity": 1}]
    )

    key: Name
    carrier: CarrierCode
    number: Number | None = None
    pieces: list[Piece] | None = Field(default=None, min_length=1, max_length=200)


class ParcelEnd(BaseModel):
    """What became of a parcel of which its carrier tells nothing."""

    model_config = example(state="delivered")

    state: Literal["delivered", "returned", "lost"]


class LineView(BaseModel):
    """`sent`: how many of the pieces have left."""

    sku_id: int
    name: str
    colour: str
    size: str
    quantity: int
    sent: int


class FulfilmentParcel(BaseModel):
    key: str
    carrier: str
    number: str
    state: str
    state_label: str
    pieces: list[Piece]


class FulfilmentView(BaseModel):
    """Name, phone and street of the receiver are masked."""

    id: int
    order_id: int
    part: str
    location_id: int
    kind: FulfilmentKind
    kind_label: str
    state: FulfilmentState
    state_label: str
    reason: str
    receiver: Receiver | None
    accept_by: datetime
    leave_by: datetime
    late: bool
    hold_until: datetime | None
    created_at: datetime
    accepted_at: datetime | None
    packed_at: datetime | None
    ended_at: datetime | None
    lines: list[LineView]
    parcels: list[FulfilmentParcel]


class PartLine(NamedTuple):
    """`sent`: how many of the pieces have left."""

    sku_id: int
    quantity: int
    sent: int


class GoneParcel(NamedTuple):
    """A parcel that came back or was lost; `pieces`: SKU to number."""

    id: int
    location_id: int
    lost: bool
    pieces: dict[int, int]


class PlacedPart(NamedTuple):
    """A part as those see it who decide about its order; `gone`: what of it will not arrive."""

    id: int
    key: str
    location_id: int
    state: FulfilmentState
    reason: str
    fetched: bool
    created_at: datetime
    lines: list[PartLine]
    gone: list[GoneParcel]


class Fulfilments(BaseModel):
    fulfilments: list[FulfilmentView]
    total: int


class Handed(BaseModel):
    """How a try to collect went; the try is kept even when it failed."""

    limited: bool = False
    fulfilment: FulfilmentView | None = None


class Pickup(BaseModel):
    """What a shopper needs to collect."""

    fulfilment_id: int
    code: str = Field(description="two groups of four digits")
    store: str
    address: str
    hours: str
    hold_until: datetime


class Workplaces(BaseModel):
    """The locations where a member of staff works."""

    model_config = example(location_ids=[2, 3])

    location_ids: list[RowId] = Field(max_length=1000)
