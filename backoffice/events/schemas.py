"""What a consumer is told."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """`id` grows within a key; an event may come more than once, with the same id."""

    id: int
    topic: str
    key: str
    payload: dict[str, Any]
    attempts: int = 0
