"""What people read: each room keeps its sentences in `messages.yml`, code names them by key.

A room that also speaks English has the same keys in `messages.en.yml`.
"""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Language = Literal["zh-CN", "en"]
ROOMS = Path(__file__).parent.parent
FILES: dict[Language, str] = {"zh-CN": "messages.yml", "en": "messages.en.yml"}


@cache
def catalogue(room: str, language: Language = "zh-CN") -> dict[str, Any]:
    """The sentences of one room by key; a key may hold a group of them. Chinese where there are no others."""
    path = ROOMS / room / FILES[language]
    if not path.exists():
        return catalogue(room)
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf8"))
    return loaded


def message(room: str, key: str, language: Language = "zh-CN", **fields: Any) -> str:
    """The sentence `key` (dots lead into groups) with its `{fields}` filled in.

    Raises `KeyError` for a sentence that is not written.
    """
    found: Any = catalogue(room, language)
    for part in key.split("."):
        found = found[part]
    return str(found).format(**fields)


def preferred(accepted: str) -> Language:
    """The first of the languages that an `Accept-Language` header names and we speak, else Chinese."""
    for each in accepted.lower().split(","):
        tag = each.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "zh-CN"
