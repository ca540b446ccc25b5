"""Numbers of phones; levels of membership and how long points last: the rules of `loyalty.yml`."""

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

import phonenumbers
import yaml

from backoffice.kit.time import SHOP_ZONE

PointsKind = Literal["earned", "spent", "expired", "returned", "taken_back", "adjusted"]
HOME = "+86"
MOBILE = re.compile(r"\+861[3-9]\d{9}")
"""Chinese mobile numbers, also of ranges that were given out after the library was made."""
GROWTH: tuple[PointsKind, ...] = ("earned", "taken_back")
"""The kinds that a level is made of: spending points costs no level."""

_rules = yaml.safe_load(Path(__file__).with_name("loyalty.yml").read_text(encoding="utf8"))
LEVELS: dict[str, int] = _rules["levels"]
POINTS_LAST_YEARS: int = _rules["points_last_years"]
FEN_PER_POINT: int = _rules["fen_per_point"]
PERCENT: dict[str, int] = _rules["percent"]


def level_of(growth: int) -> str:
    """The highest level that is reached; the lowest below all."""
    return next((name for name, least in reversed(LEVELS.items()) if growth >= least), next(iter(LEVELS)))


def points_for(level: str, paid_fen: int) -> int:
    """What a member of this level earns by paying so much for goods: each whole unit counts."""
    return max(paid_fen, 0) // FEN_PER_POINT * PERCENT[level] // 100


def next_level(level: str, growth: int) -> tuple[str, int] | None:
    """The level above and the growth still missing (never below 0); None at the top."""
    above = [(name, least) for name, least in LEVELS.items() if least > LEVELS[level]]
    return (above[0][0], max(above[0][1] - growth, 0)) if above else None


def oldest_that_last(moment: datetime) -> datetime:
    """Points got before this have expired at `moment`: the beginning of a year where the shop is."""
    year = moment.astimezone(SHOP_ZONE).year - POINTS_LAST_YEARS
    return datetime(year, 1, 1, tzinfo=SHOP_ZONE)


def e164(text: str) -> str | None:
    """`138 0013 8000` -> `+8613800138000`, a Chinese number unless it names a country; None for no number."""
    try:
        read = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException:
        return None
    number = phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)
    real = phonenumbers.is_valid_number(read) or MOBILE.fullmatch(number)
    return number if real and not read.extension else None


def dialled(number: str) -> str:
    """A number in E.164 as it is dialled here: a Chinese one without the country."""
    return number.removeprefix(HOME)
