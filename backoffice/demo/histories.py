"""The events that lead to an invented order as it is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backoffice.demo.rows import DAY, Row
from backoffice.trade.history import Kind, told

PLACED = {
    "state": "unpaid",
    "paid_at": None,
    "shipped_at": None,
    "delivered_at": None,
    "completed_at": None,
    "cancelled_at": None,
    "cancel_reason": "",
    "urged_at": None,
    "urges": 0,
    "intercept_at": None,
}
UNTOUCHED = {"returned": 0, "protected_fen": 0}
KEYS = ("id", "order_id", "version")
Step = tuple[datetime, Kind, str, dict[str, Any], dict[int, dict[str, Any]]]


def history_of(order: Row, lines: Sequence[Row]) -> list[Row]:
    """Rows of order events, the first first."""
    buyer, shop = f"customer:{order['customer_id']}", "system"
    steps: list[Step] = []

    def step(at: datetime | None, kind: Kind, by: str, **columns: Any) -> None:
        if at:
            steps.append((at, kind, by, columns, {}))

    def on_lines(at: datetime | None, kind: Kind, column: str) -> None:
        if changed := {line["id"]: {column: line[column]} for line in lines if line[column]}:
            assert at
            steps.append((at, kind, buyer, {}, changed))

    step(order["paid_at"], "paid", buyer, state="paid", paid_at=order["paid_at"])
    step(order["urged_at"], "urged", buyer, urged_at=order["urged_at"], urges=order["urges"])
    step(order["shipped_at"], "shipped", shop, state="shipped", shipped_at=order["shipped_at"])
    step(order["intercept_at"], "intercept_asked", buyer, intercept_at=order["intercept_at"])
    step(order["delivered_at"], "delivered", shop, state="delivered", delivered_at=order["delivered_at"])
    step(order["completed_at"], "completed", shop, state="completed", completed_at=order["completed_at"])
    ending = {"cancelled_at": order["cancelled_at"], "cancel_reason": order["cancel_reason"]}
    end: tuple[Kind, str] = ("turned_back", shop) if order["shipped_at"] else ("cancelled", buyer)
    step(order["cancelled_at"], *end, state="cancelled", **ending)
    on_lines(order["paid_at"] and order["paid_at"] + 5 * DAY, "price_protected", "protected_fen")
    on_lines(order["delivered_at"], "returned", "returned")
    placed = {name: value for name, value in (order | PLACED).items() if name not in KEYS}
    bought = {
        line["id"]: {name: value for name, value in (line | UNTOUCHED).items() if name not in KEYS}
        for line in lines
    }
    begun: Step = (order["placed_at"], "placed", buyer, placed, bought)
    return [
        {
            "order_id": order["id"],
            "sequence": sequence,
            "kind": kind,
            "payload": {"order": told(columns), "lines": {id: told(line) for id, line in changed.items()}},
            "at": at,
            "by": by,
        }
        for sequence, (at, kind, by, columns, changed) in enumerate(
            [begun, *sorted(steps, key=lambda step: step[0])], 1
        )
    ]
