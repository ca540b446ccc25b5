"""How facts are put into words, and what is recognised by words, both as wording.yml has it."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import yaml

from actions.shapes import Line, Order

SHOP_ZONE = ZoneInfo("Asia/Shanghai")
ITEM_LETTERS = 14
HERE_KM = 0.1
"""What is nearer is there."""

T = TypeVar("T")


@cache
def wording() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf8"))
    return loaded


def piece(key: str, **fields: object) -> str:
    """The small text `key` (dots lead into groups) with its fields filled in; `KeyError` if not written."""
    found: Any = wording()["said"]
    for part in key.split("."):
        found = found[part]
    return str(found).format(**fields)


@cache
def pattern(key: str) -> re.Pattern[str]:
    found: Any = wording()["heard"]
    for part in key.split("."):
        found = found.get(part, "(?!)")
    return re.compile(found)


def says(key: str, text: str) -> bool:
    """Whether `text` contains what `heard.<key>` describes."""
    return pattern(key).search(text) is not None


def repeats(form: str, text: str) -> bool:
    """Whether `text` says the wish of a form once more and nothing else: more may be about another order."""
    return (
        re.fullmatch(
            f"{pattern('lead').pattern}(?:{pattern(f'wish.{form}').pattern}){pattern('tail').pattern}", text
        )
        is not None
    )


def first_said(key: str, text: str) -> str | None:
    """The first name in the group `heard.<key>` whose words `text` contains."""
    return next((name for name in wording()["heard"][key] if says(f"{key}.{name}", text)), None)


def named(key: str, text: str) -> str | None:
    """What `text` calls the thing that a pattern of the group `heard.<key>` speaks of."""
    found = (pattern(f"{key}.{way}").search(text) for way in wording()["heard"][key])
    return next((match["thing"] for match in found if match), None)


def pick(text: str, shown: Sequence[T]) -> T | None:
    """What `text` picks out of a list by its place (the second, the last one)."""
    place = first_said("place", text)
    if place is None or not shown or (place != "last" and int(place) > len(shown)):
        return None
    return shown[-1 if place == "last" else int(place) - 1]


def without(key: str, text: str) -> str:
    """`text` without the lead-in that `heard.<key>` describes."""
    return pattern(key).sub("", text, count=1).strip()


def moment(at: datetime) -> str:
    local = at.astimezone(SHOP_ZONE)
    return piece("moment", month=local.month, day=local.day, hour=local.hour, minute=local.minute)


def day(at: date | datetime) -> str:
    local = at.astimezone(SHOP_ZONE) if isinstance(at, datetime) else at
    return piece("day", month=local.month, day=local.day)


def yuan(fen: int) -> str:
    """`12900` -> `¥129`, `12950` -> `¥129.50`."""
    whole, rest = divmod(fen, 100)
    return f"¥{whole}.{rest:02d}" if rest else f"¥{whole}"


def price(low: int, high: int) -> str:
    return yuan(low) if low == high else piece("range", first=yuan(low), last=yuan(high))


def days(low: int, high: int) -> str:
    if high == 0:
        return piece("days_today")
    return piece("days_one", first=low) if low == high else piece("days", first=low, last=high)


def distance(km: float | None, place: str) -> str:
    """How far it is from the middle of `place`, which is all that is known of where the shopper is."""
    if km is None:
        return ""
    return (
        piece("distance", place=place, distance=f"{km:.1f}")
        if km >= HERE_KM
        else piece("distance_here", place=place)
    )


def listed(words: Iterable[str]) -> str:
    return piece("list").join(words)


def lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def item(bought: list[Line]) -> str:
    """What was bought, short: the first name, and how many pieces if there are more."""
    name, count = bought[0].name, sum(line.quantity for line in bought)
    return piece("item", name=name) if count == 1 else piece("items", name=name, count=count)


def item_button(bought: list[Line]) -> str:
    name = bought[0].name
    short = name if len(name) <= ITEM_LETTERS else f"{name[: ITEM_LETTERS - 1]}…"
    return item([bought[0].model_copy(update={"name": short}), *bought[1:]])


def variant(name: str, which: str) -> str:
    return piece("variant", name=name, variant=which) if which else name


def order_short(order: Order) -> str:
    return piece("order_short", day=day(order.placed_at), item=item(order.lines))


def order_button(order: Order) -> str:
    """Day, what was bought and state, as they stand on a button."""
    return piece("order", day=day(order.placed_at), item=item_button(order.lines), state=order.state_label)
