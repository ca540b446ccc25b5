"""What crosses the fulfilment's API. Money in fen, days are the shop's calendar days."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

from backoffice.fulfillment.fulfilment_schemas import Piece


class TrackingView(BaseModel):
    at: datetime
    place: str
    text: str


class ShipmentView(BaseModel):
    """A parcel; `events` newest first, `pieces` empty when it is not known what is in it."""

    carrier: str
    carrier_label: str
    number: str
    state: str
    state_label: str
    shipped_at: datetime
    delivered_at: datetime | None
    due: date
    events: list[TrackingView]
    fulfilment_id: int | None = None
    pieces: list[Piece] = []


class DeliveryOption(BaseModel):
    carrier: str
    carrier_label: str
    service: Literal["standard", "express", "same_day", "pickup"]
    service_label: str
    fee_fen: int
    free_from_fen: int | None
    days_min: int
    days_max: int
    arrives_from: date
    arrives_to: date
    cut_off: str


class ShipsFrom(BaseModel):
    name: str
    city: str


class DeliveryOptions(BaseModel):
    """`understood_city` is None when the place is not known: the days are then those of the whole country."""

    options: list[DeliveryOption]
    ships_from: ShipsFrom | None
    understood_city: str | None
    free_from_fen: int


class CarrierName(BaseModel):
    """`id` is the carrier's code."""

    id: str
    name: str
