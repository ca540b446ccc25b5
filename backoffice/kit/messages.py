"""What people read: each room keeps its sentences in `messages.yml`, code names them by key."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOMS = Path(__file__).parent.parent


@cache
def catalogue(room: str) -> dict[str, Any]:
    """The sentences of one room by key; a key may hold a group of them."""
    loaded: dict[str, Any] = yaml.safe_load((ROOMS / room / "messages.yml").read_text(encoding="utf8"))
    return loaded


def message(room: str, key: str, **fields: Any) -> str:
    """The sentence `key` (dots lead into groups) with its `{fields}` filled in.

    Raises `KeyError` for a sentence that is not written.
    """
    found: Any = catalogue(room)
    for part in key.split("."):
        found = found[part]
    return str(found).format(**fields)
