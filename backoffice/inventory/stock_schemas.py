"""What crosses the API of those who move stock: tills, staff, systems of warehouses. Times in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from backoffice.inventory.schemas import MOST_PIECES, Channel, Left, Pieces, Share
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId, Storable
from backoffice.kit.paging import Page

MOST_LINES = 200
Reason = Annotated[str, Storable, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]
Note = Annotated[str, Storable, StringConstraints(strip_whitespace=True, max_length=160)]
Difference = Annotated[int, Field(ge=-MOST_PIECES, le=MOST_PIECES)]
Kind = Literal[
    "received",
    "reserved",
    "confirmed",
    "allocated",
    "shipped",
    "released",
    "let_go",
    "expired",
    "sold",
    "adjusted",
    "written_off",
    "sent",
    "arrived",
    "set",
]


CHANGE: dict[str, Any] = {
    "sku_id": 11,
    "location_id": 2,
    "available": {"web": 90, "app": 90, "mini_program": 90, "pos": 90, "marketplace": 29},
    "online": {"web": 95, "app": 95, "mini_program": 95, "pos": 95, "marketplace": 34},
}
ENTRY = CHANGE | {"position": 4711, "at": "2026-11-27T10:00:00Z"}


class Line(BaseModel):
    sku_id: RowId
    quantity: Pieces


Lines = Annotated[list[Line], Field(min_length=1, max_length=MOST_LINES)]


class NewSale(BaseModel):
    """Pieces that leave at once; `receipt` is the till's or the marketplace's own number."""

    model_config = example(
        receipt="HB-0417", channel="pos", location_id=3, lines=[{"sku_id": 11, "quantity": 1}]
    )

    receipt: Annotated[str, Storable, StringConstraints(min_length=1, max_length=60)]
    channel: Channel = "pos"
    location_id: RowId
    lines: Lines


class NewReceipt(BaseModel):
    """Pieces that arrived: a delivery, or what was brought back to the till."""

    model_config = example(location_id=2, lines=[{"sku_id": 11, "quantity": 40}], reason="采购单 4711")

    location_id: RowId
    lines: Lines
    reason: Reason


class NewWriteOff(BaseModel):
    """Pieces that are there no more, or not to be sold."""

    model_config = example(location_id=2, lines=[{"sku_id": 11, "quantity": 1}], reason="水渍")

    location_id: RowId
    lines: Lines
    reason: Reason


class AdjustedLine(BaseModel):
    """`pieces` more than the counter says; negative: fewer."""

    sku_id: RowId
    pieces: Difference


class NewAdjustment(BaseModel):
    model_config = example(location_id=2, lines=[{"sku_id": 11, "pieces": -2}], reason="发错货已确认")

    location_id: RowId
    lines: Annotated[list[AdjustedLine], Field(min_length=1, max_length=MOST_LINES)]
    reason: Reason


class ReceiptLine(BaseModel):
    """A line of the table of what arrived; a document's pieces of a SKU at a location are booked once."""

    document: Annotated[str, Storable, StringConstraints(min_length=1, max_length=60)]
    location: Annotated[str, Storable, StringConstraints(min_length=1, max_length=60)]
    code: Annotated[str, Storable, StringConstraints(min_length=1, max_length=40)]
    pieces: Pieces


class CountLine(BaseModel):
    """A line of the table of what was counted; `name` to `free` are for who reads it."""

    location: Annotated[str, Storable, StringConstraints(min_length=1, max_length=60)]
    code: Annotated[str, Storable, StringConstraints(min_length=1, max_length=40)]
    name: str = ""
    variant: str = ""
    on_hand: Annotated[int, Field(ge=0, le=MOST_PIECES)]
    promised: str = ""
    free: str = ""
    reason: Reason = "盘点"


class LevelView(BaseModel):
    """`free`: nobody was promised it and it is not kept back. `shares`: the channels that have bounds, and
    `available` what each of these may still sell.
    """

    location_id: int
    sku_id: int
    on_hand: int
    allocated: int
    reserved: int
    safety: int
    free: int
    shares: list[Share] = []
    available: dict[str, int] = {}


class Levels(BaseModel):
    model_config = example(
        levels=[
            {
                "location_id": 2,
                "sku_id": 11,
                "on_hand": 100,
                "allocated": 6,
                "reserved": 2,
                "safety": 2,
                "free": 90,
                "shares": [{"channel": "marketplace", "percent": 30, "pieces": None}],
                "available": {"marketplace": 29},
            }
        ],
        total=1,
    )

    levels: list[LevelView]
    total: int


class LevelFilter(Page):
    location_id: RowId | None = None
    sku_id: RowId | None = None


class MovementFilter(LevelFilter):
    kind: Annotated[list[Kind], Field(default_factory=list)]
    holder: Annotated[str, Storable, StringConstraints(max_length=80)] = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class MovementView(BaseModel):
    """A line of the ledger: what it added to the three counters, for whom (e.g. order:7) and why."""

    id: int
    location_id: int
    sku_id: int
    kind: Kind
    on_hand: int
    allocated: int
    reserved: int
    holder: str
    reason: str
    at: datetime


class Movements(BaseModel):
    model_config = example(
        movements=[
            {
                "id": 4711,
                "location_id": 3,
                "sku_id": 11,
                "kind": "sold",
                "on_hand": -1,
                "allocated": 0,
                "reserved": 0,
                "holder": "pos:HB-0417",
                "reason": "",
                "at": "2026-11-27T10:00:00Z",
            }
        ],
        total=1,
    )

    movements: list[MovementView]
    total: int


class StockChange(BaseModel):
    """What every channel may sell of a SKU: at the location, and `online`: in all warehouses together."""

    model_config = example(**CHANGE)

    sku_id: int
    location_id: int
    available: dict[Channel, int]
    online: dict[Channel, int]


class FeedEntry(StockChange):
    model_config = example(**ENTRY)

    position: int
    at: datetime


class FeedPage(BaseModel):
    """`last`: the position to go on after."""

    model_config = example(
        changes=[ENTRY],
        last=4711,
    )

    changes: list[FeedEntry]
    last: int


class NewCount(BaseModel):
    """Without `sku_ids`: every SKU that has a level there."""

    model_config = example(location_id=3, sku_ids=[11, 12], note="周三盘点 A 区")

    location_id: RowId
    sku_ids: Annotated[list[RowId], Field(min_length=1, max_length=1000)] | None = None
    note: Note = ""


class Counted(BaseModel):
    model_config = example(counted=7, round=1)

    counted: Left
    round: Annotated[int, Field(ge=1, le=1000, description="1 for the first figure of this SKU")] = 1


class CountLineView(BaseModel):
    """`difference` = counted - expected; `short` of it could not be booked, these pieces are promised."""

    sku_id: int
    round: int
    counted: int | None
    expected: int | None
    difference: int | None
    short: int
    counted_at: datetime | None


class CountView(BaseModel):
    """`counted` of `total` lines have a figure."""

    id: int
    location_id: int
    state: str
    note: str
    opened_at: datetime
    closed_at: datetime | None
    total: int
    counted: int


class CountDetail(CountView):
    lines: list[CountLineView]


class Counts(BaseModel):
    counts: list[CountView]
    total: int


class CountFilter(Page):
    location_id: RowId | None = None
    state: Literal["open", "closed"] | None = None


class NewTransfer(BaseModel):
    model_config = example(from_id=2, to_id=3, lines=[{"sku_id": 11, "quantity": 12}], note="门店补货")

    from_id: RowId
    to_id: RowId
    lines: Lines
    note: Note = ""


class Arrived(BaseModel):
    model_config = example(lines=[{"sku_id": 11, "quantity": 10}])

    lines: Lines


class Undelivered(BaseModel):
    model_config = example(reason="运输途中破损 2 件")

    reason: Reason


class TransferLineView(BaseModel):
    """`sent` = received + lost + on the way."""

    sku_id: int
    sent: int
    received: int
    lost: int
    on_the_way: int


class TransferView(BaseModel):
    """`difference`: why pieces did not arrive."""

    id: int
    from_id: int
    to_id: int
    state: str
    note: str
    difference: str
    sent_at: datetime
    closed_at: datetime | None
    lines: list[TransferLineView]


class Transfers(BaseModel):
    transfers: list[TransferView]
    total: int


class TransferFilter(Page):
    location_id: RowId | None = None
    state: Literal["sent", "closed"] | None = None


class AlertView(BaseModel):
    """`free`, `sold` (in 28 days) and `days` of cover are those of when it was raised."""

    id: int
    location_id: int
    sku_id: int
    free: int
    sold: int
    days: float
    raised_at: datetime
    recovered_at: datetime | None


class Alerts(BaseModel):
    model_config = example(
        alerts=[
            {
                "id": 7,
                "location_id": 3,
                "sku_id": 11,
                "free": 3,
                "sold": 28,
                "days": 3.0,
                "raised_at": "2026-11-27T10:00:00Z",
                "recovered_at": "2026-11-29T02:00:00Z",
            }
        ],
        total=1,
    )

    alerts: list[AlertView]
    total: int


class AlertFilter(LevelFilter):
    recovered_too: bool = False


class CoverChange(BaseModel):
    """How long what is free at a location lasts (`days`; none: nothing was sold lately), and whether that is
    `low`; `sold` in 28 days.
    """

    location_id: int
    sku_id: int
    free: int
    sold: int
    days: float | None
    low: bool
