"""The rules of returns: until when, for which reasons, what comes back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from backoffice.kit.time import SHOP_ZONE, end_of_shop_day

Kind = Literal["return", "exchange"]
Reason = Literal["unwanted", "size", "defective", "wrong_item", "missing", "other"]
Refusal = Literal["not_received", "expired", "not_returnable", "already", "cancelled"]

FAULTS: tuple[Reason, ...] = ("defective", "wrong_item", "missing")
CHOICES: tuple[Reason, ...] = ("unwanted", "size", "other")
CHOICE_DAYS = 7
FAULT_DAYS = 15

WAYS: dict[str, tuple[str, ...]] = {
    "return": ("approved", "picked_up", "received", "refunded"),
    "exchange": ("approved", "picked_up", "received", "exchanged"),
}
OPEN = ("approved", "picked_up", "received")


@dataclass(frozen=True)
class LineFacts:
    """What the rules look at: `left` pieces are not returned yet, `returnable` without a fault."""

    order_state: str
    delivered_at: datetime | None
    left: int
    returnable: bool


def until(delivered_at: datetime, reason: Reason) -> datetime:
    """The last moment to ask for a return for this reason."""
    return end_of_shop_day(delivered_at, FAULT_DAYS if reason in FAULTS else CHOICE_DAYS)


def refusal(line: LineFacts, reason: Reason, now: datetime) -> Refusal | None:
    """Why a line cannot go back for this reason; None when it can."""
    if line.order_state == "cancelled":
        return "cancelled"
    if line.delivered_at is None or line.order_state not in ("delivered", "completed"):
        return "not_received"
    if line.left < 1:
        return "already"
    if reason not in FAULTS and not line.returnable:
        return "not_returnable"
    return "expired" if now > until(line.delivered_at, reason) else None


def reasons(line: LineFacts, now: datetime) -> list[Reason]:
    """The reasons for which a line can go back now."""
    return [reason for reason in (*CHOICES, *FAULTS) if refusal(line, reason, now) is None]


def pickup_after(moment: datetime) -> datetime:
    """When the courier comes: at ten on the shop's next day."""
    tomorrow = moment.astimezone(SHOP_ZONE) + timedelta(days=1)
    return tomorrow.replace(hour=10, minute=0, second=0, microsecond=0)


def progress(kind: str, state: str, reached: dict[str, datetime]) -> list[tuple[str, datetime | None, bool]]:
    """The way of a return as (state, when, done); one that ended early ends its way there."""
    way = WAYS[kind]
    if state not in way:
        way = (*(step for step in way if step in reached), state)
    done = way[: way.index(state) + 1]
    return [(step, reached.get(step), step in done) for step in way]
