"""An order as the outcome of its events, without a database.

An event tells the columns that changed and what they were afterwards; folding all of an order's events
gives the order. `VERBS` is the one list of what can happen and when: it guards the writes and the fold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Lines = Mapping[int, Mapping[str, Any]]
"""Columns of lines by the lines' ids."""
NOT_SHIPPED = ("unpaid", "paid")
PAID = ("paid", "shipped", "delivered", "completed")
RECEIVED = ("delivered", "completed")
ANY = (*NOT_SHIPPED, "shipped", "delivered", "completed", "cancelled")

Kind = Literal[
    "placed",
    "taken_over",
    "paid",
    "urged",
    "address_changed",
    "price_changed",
    "line_cancelled",
    "cancelled",
    "restored",
    "moved",
    "shipped",
    "intercept_asked",
    "turned_back",
    "not_arrived",
    "delivered",
    "completed",
    "invoice_requested",
    "invoice_issued",
    "invoice_corrected",
    "refund_requested",
    "refund_settled",
    "price_protected",
    "returned",
    "return_ended",
]


@dataclass(frozen=True)
class Verb:
    """In which states something can happen, and the state it leads to where that is always the same."""

    states: tuple[str, ...]
    to: str | None = None


VERBS: Mapping[Kind, Verb] = {
    "placed": Verb(()),
    "taken_over": Verb(()),
    "paid": Verb(("unpaid",), "paid"),
    "urged": Verb(("paid",)),
    "address_changed": Verb(NOT_SHIPPED),
    "price_changed": Verb(("unpaid",)),
    "line_cancelled": Verb(NOT_SHIPPED),
    "cancelled": Verb(NOT_SHIPPED, "cancelled"),
    "restored": Verb(("cancelled",)),
    "moved": Verb(NOT_SHIPPED),
    "shipped": Verb(("paid",), "shipped"),
    "intercept_asked": Verb(("shipped",)),
    "turned_back": Verb(("shipped",), "cancelled"),
    "not_arrived": Verb(("shipped", *RECEIVED)),
    "delivered": Verb(("shipped",), "delivered"),
    "completed": Verb(("delivered",), "completed"),
    "invoice_requested": Verb(PAID),
    "invoice_issued": Verb(ANY),
    "invoice_corrected": Verb(ANY),
    "refund_requested": Verb(ANY),
    "refund_settled": Verb(ANY),
    "price_protected": Verb(PAID),
    "returned": Verb(RECEIVED),
    "return_ended": Verb(ANY),
}
BEGINNINGS = ("placed", "taken_over")


@dataclass(frozen=True)
class Event:
    """One thing that happened; `order` and `lines` hold what changed, `detail` what else is told of it."""

    sequence: int
    kind: str
    at: datetime
    by: str
    order: Mapping[str, Any] = field(default_factory=dict)
    lines: Lines = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """How an order stands: its columns, and those of its lines by their ids; moments as ISO 8601 in UTC."""

    order: Mapping[str, Any]
    lines: Lines


def replay(events: Iterable[Event]) -> Standing:
    """The order that its events have led to.

    Raises `ValueError` when they are none, out of order, or one of them cannot follow on those before.
    """
    standing: Standing | None = None
    for place, event in enumerate(events, 1):
        if event.sequence != place:
            raise ValueError(f"event {place} is missing")
        standing = after(standing, event)
    if standing is None:
        raise ValueError("there are no events")
    return standing


def after(standing: Standing | None, event: Event) -> Standing:
    """How an order stands after one more event. Raises `ValueError` when that cannot follow."""
    verb = VERBS.get(event.kind)  # type: ignore[call-overload]
    before = standing.order["state"] if standing else None
    if verb is None or (standing is None) != (event.kind in BEGINNINGS):
        raise ValueError(f"event {event.sequence}: {event.kind!r} cannot be here")
    if standing is None:
        return Standing(event.order, event.lines)
    if before not in verb.states:
        raise ValueError(f"event {event.sequence}: {event.kind!r} happens to no order that is {before}")
    order = {**standing.order, **event.order}
    if order["state"] != (verb.to or order["state"]):
        raise ValueError(f"event {event.sequence}: {event.kind!r} leads to {verb.to}, not {order['state']}")
    if unknown := event.lines.keys() - standing.lines.keys():
        raise ValueError(f"event {event.sequence}: no line {min(unknown)}")
    lines = {id: {**line, **event.lines.get(id, {})} for id, line in standing.lines.items()}
    return Standing(order, lines)


def differences(stored: Standing, rebuilt: Standing) -> list[tuple[str, Any, Any]]:
    """Where two standings of an order differ: what, as stored, as rebuilt."""
    pairs = [("", stored.order, rebuilt.order)]
    for id in sorted(stored.lines.keys() | rebuilt.lines.keys()):
        pairs.append((f"line {id} ", stored.lines.get(id, {}), rebuilt.lines.get(id, {})))
    return [
        (f"{where}{name}", ours.get(name), theirs.get(name))
        for where, ours, theirs in pairs
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]


def told(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as an event tells them: what JSON can hold, moments as ISO 8601 in UTC."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in columns.items()
    }
