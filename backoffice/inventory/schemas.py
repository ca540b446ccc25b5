"""What crosses the inventory's API. Coordinates in WGS-84 degrees, distances in km, prices in fen."""

from typing import Literal, NamedTuple

from pydantic import BaseModel


class Pick(NamedTuple):
    """So many pieces of a SKU at a location."""

    location_id: int
    sku_id: int
    quantity: int


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
