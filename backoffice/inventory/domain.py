"""What a movement does to a level, places that people name, opening hours: pure rules.

Coordinates in WGS-84 degrees.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from backoffice.inventory.schemas import MOST_PIECES, Move, Pick, Place
from backoffice.kit.errors import Invalid
from backoffice.kit.time import SHOP_ZONE

NEAR_KM = 100
"""A store farther away than this is not nearby."""
FEW = 5
MOST_SHOWN = 99

EFFECTS = {
    "received": (1, 0, 0),
    "reserved": (0, 0, 1),
    "confirmed": (0, 1, -1),
    "allocated": (0, 1, 0),
    "shipped": (-1, -1, 0),
    "released": (0, -1, 0),
    "let_go": (0, 0, -1),
    "expired": (0, 0, -1),
    "sold": (-1, 0, 0),
    "adjusted": (1, 0, 0),
    "written_off": (-1, 0, 0),
    "sent": (-1, 0, 0),
    "arrived": (1, 0, 0),
    "set": (0, 0, 0),
}
"""What a piece of each kind of movement adds to on_hand, allocated and reserved."""

HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")
NO_STREET = r"(?![东西南北中]?[路街]|大道)"
SUFFIX = re.compile(r"(?<=..)(?:特别行政区|[壮回]族自治区|维吾尔自治区|自治区|新区|市|省|区|县)$")


def in_order(picks: Iterable[tuple[int, int, int]]) -> list[Pick]:
    """Quantities summed per location and SKU, keys sorted: rivals lock rows in the same order.

    Raises `Invalid` (`bad_quantity`) for a quantity below 1 or above `MOST_PIECES`.
    """
    sums: Counter[tuple[int, int]] = Counter()
    for location_id, sku_id, quantity in picks:
        sums[location_id, sku_id] += quantity
        if quantity < 1 or sums[location_id, sku_id] > MOST_PIECES:
            raise Invalid("bad_quantity", f"a quantity must be from 1 to {MOST_PIECES}")
    return [Pick(location, sku, quantity) for (location, sku), quantity in sorted(sums.items())]


def moved(kind: str, picks: Iterable[Pick]) -> list[Move]:
    """What a movement of this kind adds to the counters."""
    on_hand, allocated, reserved = EFFECTS[kind]
    return [
        Move(location_id, sku_id, on_hand * pieces, allocated * pieces, reserved * pieces)
        for location_id, sku_id, pieces in picks
    ]


def may_take(there: int, safety: int, percent: int, pieces: int | None, promised: int) -> int:
    """Pieces that a channel may be promised beside those it was: its share of what is `there`."""
    bound = max(there - safety, 0) * percent // 100
    return max((bound if pieces is None else min(bound, pieces)) - promised, 0)


def cover_days(free: int, sold: int, window_days: int) -> float | None:
    """How many days free pieces last at the rate of the window; None: none was sold."""
    return max(free, 0) * window_days / sold if sold > 0 else None


def is_low(days: float | None, free: int, was_low: bool, low_days: float, enough_days: float) -> bool:
    """Below `low_days` it is, above `enough_days` it is not, in between it stays what it was.

    What nobody buys is not low, unless it was and nobody can: nothing is there.
    """
    if days is None:
        return was_low and free <= 0
    return days <= enough_days if was_low else days < low_days


@cache
def gazetteer() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("places.yml").read_text("utf8"))
    return loaded


def short(name: str) -> str:
    """`浦东新区` -> `浦东`; two characters stay at least."""
    return SUFFIX.sub("", name)


@dataclass(frozen=True)
class Spot:
    """A shop's own location as a place: its quarter is the store's name without the brand."""

    quarter: str
    province: str
    city: str
    district: str
    latitude: float
    longitude: float


def understand(text: str, spots: Sequence[Spot]) -> Place | None:
    """The most exact place that a text names: a store's quarter, a district, a city, a province."""
    for alias, meant in gazetteer()["aliases"].items():
        text = text.replace(alias, meant)
    provinces = {city: province for province, cities in gazetteer()["cities"].items() for city in cities}
    points = {city: at for cities in gazetteer()["cities"].values() for city, at in cities.items()}
    for spot in spots:
        provinces.setdefault(spot.city, spot.province)
        points.setdefault(spot.city, [spot.latitude, spot.longitude])
    inner = [each for each in (*quarters(spots), *districts(spots)) if each[0] in text]
    bare = text
    for name, _, _ in inner:
        if any(city in name for city in points):
            bare = bare.replace(name, "")
    said = max((city for city in points if re.search(city + NO_STREET, bare)), key=len, default=None)
    exact = [each for each in inner if said in (None, each[1])]
    if exact:
        name, city, (latitude, longitude) = max(exact, key=lambda each: len(each[0]))
        province = provinces[city]
        return Place(name=name, city=city, province=province, latitude=latitude, longitude=longitude)
    if said is None:
        said = next(
            (
                next(iter(cities))
                for province, cities in gazetteer()["cities"].items()
                if short(province) in bare
            ),
            None,
        )
    if said is None:
        return None
    latitude, longitude = points[said]
    return Place(name=said, city=said, province=provinces[said], latitude=latitude, longitude=longitude)


def quarters(spots: Iterable[Spot]) -> Iterable[tuple[str, str, tuple[float, float]]]:
    for spot in spots:
        if len(spot.quarter) >= 2:
            yield spot.quarter, spot.city, (spot.latitude, spot.longitude)


def districts(spots: Iterable[Spot]) -> Iterable[tuple[str, str, tuple[float, float]]]:
    for city, named in gazetteer()["districts"].items():
        for name, (latitude, longitude) in named.items():
            yield name, city, (latitude, longitude)
    for spot in spots:
        yield short(spot.district), spot.city, (spot.latitude, spot.longitude)


def is_open(hours: str, moment: datetime) -> bool:
    """Whether a place with hours like `10:00-22:00` (the shop's time) is open; never for unknown hours."""
    if "24小时" in hours.replace(" ", ""):
        return True
    found = HOURS.search(hours)
    if not found:
        return False
    opens, closes = (int(found[1]) * 60 + int(found[2])), (int(found[3]) * 60 + int(found[4]))
    local = moment.astimezone(SHOP_ZONE)
    minute = local.hour * 60 + local.minute
    return opens <= minute < closes if opens < closes else minute >= opens or minute < closes


def stock_label(pieces: int) -> Literal["none", "few", "in_stock"]:
    """`none`, `few` or `in_stock`."""
    return "none" if pieces <= 0 else "few" if pieces <= FEW else "in_stock"
