"""What crosses the inventory's API. Coordinates in WGS-84 degrees, distances in km, prices in fen."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field

from backoffice.catalog.schemas import Channel as Channel
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId


class Pick(NamedTuple):
    """So many pieces of a SKU at a location."""

    location_id: int
    sku_id: int
    quantity: int


class Move(NamedTuple):
    """What is added to the counters of a level."""

    location_id: int
    sku_id: int
    on_hand: int
    allocated: int
    reserved: int


class Promise(NamedTuple):
    """Pieces that `holder` was promised and that have not left; `parts`: how many were held together."""

    holder: str
    location_id: int
    sku_id: int
    quantity: int
    state: Literal["held", "allocated"]
    until: datetime | None
    parts: int


class Place(BaseModel):
    """A named point."""

    name: str
    city: str
    province: str
    latitude: float
    longitude: float


class LocationView(BaseModel):
    id: int
    kind: Literal["warehouse", "store"]
    name: str
    province: str
    city: str
    district: str
    address: str
    latitude: float
    longitude: float
    hours: str
    phone: str


class Shelf(BaseModel):
    """What a location has free: SKU to pieces."""

    place: LocationView
    free: dict[int, int]


MOST_PIECES = 1_000_000
Pieces = Annotated[int, Field(ge=1, le=MOST_PIECES)]
Left = Annotated[int, Field(ge=0, le=MOST_PIECES)]


class Available(BaseModel):
    """What a channel may sell of a SKU: `online` can be sent, `stores` has the locations with any."""

    sku_id: int
    online: int
    stores: dict[int, int]


class AvailableList(BaseModel):
    model_config = example(
        channel="marketplace", available=[{"sku_id": 11, "online": 31, "stores": {"3": 2}}]
    )

    channel: Channel
    available: list[Available]


class LevelKey(BaseModel):
    location_id: RowId
    sku_id: RowId


class Share(BaseModel):
    """How much of a level a channel may be promised at a time: so many percent of what is there without the
    safety stock, and so many pieces at most.
    """

    channel: Channel
    percent: Annotated[int, Field(ge=0, le=100)] = 100
    pieces: Left | None = None


class NewShares(BaseModel):
    """The shares of these levels instead of what they had; a channel that is not named is not bound."""

    model_config = example(
        levels=[{"location_id": 2, "sku_id": 11}],
        shares=[{"channel": "marketplace", "percent": 30}, {"channel": "pos", "pieces": 10}],
    )

    levels: list[LevelKey] = Field(min_length=1, max_length=500)
    shares: list[Share] = Field(max_length=10)


class NewSafety(BaseModel):
    model_config = example(pieces=2)

    pieces: Left


class StoreView(BaseModel):
    id: int
    name: str
    city: str
    district: str
    address: str
    latitude: float
    longitude: float
    hours: str
    open_now: bool
    phone: str
    distance_km: float | None


class Stores(BaseModel):
    stores: list[StoreView]
    understood_place: str | None


class StoreStock(BaseModel):
    location_id: int
    name: str
    city: str
    district: str
    address: str
    hours: str
    phone: str
    distance_km: float | None
    available: int


class StockItem(BaseModel):
    """`online`: pieces that can be sent, all warehouses together, at most 99 shown."""

    sku_id: int
    colour: str
    size: str
    price_fen: int
    online: int
    online_label: Literal["in_stock", "few", "none"]
    stores: list[StoreStock]


class Stock(BaseModel):
    items: list[StockItem]
    understood_place: str | None


class StoreName(BaseModel):
    id: int
    name: str


class Imbalance(NamedTuple):
    """A level whose counters are not the sums of its ledger and of its promises."""

    location_id: int
    sku_id: int
    on_hand: int
    allocated: int
    reserved: int
    ledger_on_hand: int
    ledger_allocated: int
    ledger_reserved: int
    promised: int
    held: int
