"""Places that people name, opening hours: pure rules. Coordinates in WGS-84 degrees."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from backoffice.inventory.schemas import Place
from backoffice.kit.time import SHOP_ZONE

NEAR_KM = 100
"""A store farther away than this is not nearby."""
FEW = 5
MOST_SHOWN = 99

HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")
NO_STREET = r"(?![东西南北中]?[路街]|大道)"
SUFFIX = re.compile(r"(?<=..)(?:特别行政区|[壮回]族自治区|维吾尔自治区|自治区|新区|市|省|区|县)$")


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
