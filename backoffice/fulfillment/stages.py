"""How a fulfilment moves on, and by when: pure rules.

planned -> accepted -> packed -> shipped -> delivered | returned | lost
                   └----------> ready_for_pickup -> collected | expired
planned, accepted -> declined
whatever has not left -> cancelled
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from backoffice.fulfillment.fulfilment_schemas import FulfilmentKind, FulfilmentState

ACCEPT_WITHIN: dict[FulfilmentKind, timedelta] = {
    "instant": timedelta(minutes=5),
    "store_pickup": timedelta(minutes=30),
    "next_day": timedelta(hours=2),
    "standard": timedelta(hours=8),
}
LEAVE_WITHIN: dict[FulfilmentKind, timedelta] = {
    "instant": timedelta(minutes=20),
    "store_pickup": timedelta(hours=2),
    "next_day": timedelta(hours=8),
    "standard": timedelta(hours=48),
}
"""Until it is sent or ready, when nothing else was promised."""
ARRIVES_DAYS: dict[FulfilmentKind, int] = {"instant": 0, "store_pickup": 0, "next_day": 1, "standard": 3}
HELD_FOR = timedelta(days=3)
"""How long a pickup waits for its shopper."""

AT_WORK: tuple[FulfilmentState, ...] = ("planned", "accepted", "packed", "ready_for_pickup")
OVER: tuple[FulfilmentState, ...] = (
    "delivered",
    "collected",
    "declined",
    "cancelled",
    "lost",
    "returned",
    "expired",
)
COMES_FROM: dict[FulfilmentState, tuple[FulfilmentState, ...]] = {
    "accepted": ("planned",),
    "declined": ("planned", "accepted"),
    "packed": ("accepted",),
    "ready_for_pickup": ("accepted", "packed"),
    "collected": ("ready_for_pickup",),
    "expired": ("ready_for_pickup",),
    "cancelled": AT_WORK,
}


def deadlines(kind: FulfilmentKind, moment: datetime, leave_by: datetime | None) -> tuple[datetime, datetime]:
    """By when to accept and by when to send it or have it ready; never to be accepted after it must leave."""
    leaves = leave_by or moment + LEAVE_WITHIN[kind]
    return min(moment + ACCEPT_WITHIN[kind], leaves), leaves


def arrived_as(parcels: Collection[str]) -> FulfilmentState:
    """What has become of a fulfilment that was sent in parcels which stand like this."""
    if any(parcel not in ("delivered", "lost", "returned") for parcel in parcels):
        return "shipped"
    if "lost" in parcels:
        return "lost"
    return "returned" if "returned" in parcels else "delivered"
