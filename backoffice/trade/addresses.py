"""Reads an address out of one free Chinese line: region, street, receiver, phone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PHONE = re.compile(r"(?<!\d)(?:\+?86)?(1[3-9]\d)[ \-]?(\d{4})[ \-]?(\d{4})(?!\d)")
RECEIVER = re.compile(
    r"(?:收货人|收件人|联系人|姓名|名字)(?:改成|改为|换成|写|是|叫|为|:|：|\s)*([㐀-鿿·]{2,4})(?![㐀-鿿])"
)
PHONE_LABEL = re.compile(
    r"(?:手机号?码?|电话号?码?|联系方式|联系电话)(?:改成|改为|换成|是|为|:|：|\s)*(?=$|[\s，,。；;])"
)
ADDRESS_LABEL = re.compile(r"(?:详细|收货|所在)?(?:地址|地区)(?:改成|改为|改到|换成|换到|是|为|:|：|\s)+")
NAME = re.compile(r"[㐀-鿿·]{2,4}")
DISTRICT = re.compile(r"[㐀-鿿]{1,9}?(?:自治县|自治旗|新区|开发区|(?<![社小])区|县|旗|市)")
STREET_WORD = re.compile(r"[路街道巷弄号幢栋楼室村镇乡屯组里苑园城厦庭府湾座层院校店厂站坊桥区户]|\d")
BREAK = re.compile(r"[\s，,。；;、]+")
PROVINCE_END = re.compile("(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")
SPACE = " ，,、。；;"
OPENERS = re.compile(
    r"^(?:麻烦|请|帮我?|我要|我想|你好|亲|把|地址|收货|订单|改成|改为|改到|换成|换到|寄到|发到|送到|到|是|为|的)+"
)


@dataclass(frozen=True)
class AddressLine:
    """What the line tells; an empty string where it tells nothing."""

    receiver: str = ""
    phone: str = ""
    province: str = ""
    city: str = ""
    district: str = ""
    street: str = ""

    @property
    def missing(self) -> list[str]:
        """What a place still needs. Nothing when the line tells only who receives it."""
        place = {"city": self.city, "district": self.district, "street": self.street}
        if not any(place.values()):
            return [] if self.receiver or self.phone else list(place)
        if self.city in district_free():
            del place["district"]
        return [part for part, told in place.items() if not told]


@cache
def gazetteer() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        (Path(__file__).parent / "regions.yml").read_text(encoding="utf8")
    )
    return loaded


@cache
def cities() -> dict[str, tuple[str, str]]:
    """The ways a city is written -> (province, official name)."""
    found: dict[str, tuple[str, str]] = {}
    for province, names in gazetteer()["provinces"].items():
        for name in names:
            special = province == f"{name}特别行政区"
            own_rank = special or name.endswith(("盟", "地区", "自治州", "林区"))
            official = name if own_rank else f"{name}市"
            short = name.removesuffix("盟").removesuffix("地区")
            for spelling in (official, short, province if special else short):
                found.setdefault(spelling, (province, official))
    return found


@cache
def provinces() -> dict[str, str]:
    """The ways a province is written -> official name."""
    found: dict[str, str] = {}
    for official in gazetteer()["provinces"]:
        short = PROVINCE_END.sub("", official)
        found |= {official: official, short: official, f"{short}省": official}
    return found


@cache
def district_free() -> frozenset[str]:
    return frozenset(f"{name}市" for name in gazetteer()["without_districts"])


def any_of(names: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(names, key=len, reverse=True)))


def parse_address(text: str) -> AddressLine:
    """Read `浙江杭州西湖区文三路90号3幢501 林晓 154 0000 0001` or a part of it, in any order.

    A province that is not written follows from its city.
    """
    phone = PHONE.search(text)
    rest = PHONE.sub(" ", text)
    rest = PHONE_LABEL.sub(" ", rest)
    receiver = ""
    if labelled := RECEIVER.search(rest):
        receiver = labelled[1]
        rest = rest[: labelled.start()] + " " + rest[labelled.end() :]
    rest = ADDRESS_LABEL.sub(" ", rest)
    province, city, rest, before = region(rest)
    if city and not receiver and before.endswith(tuple(SPACE)):
        receiver = next(
            (part for part in BREAK.split(before) if NAME.fullmatch(part) and not OPENERS.match(part)), ""
        )
    district = ""
    if city not in district_free() and city and (found := DISTRICT.match(rest)):
        district, rest = found.group(), rest[found.end() :].lstrip(SPACE)
    parts = [part for part in BREAK.split(rest) if part]
    if not receiver:
        names = [part for part in parts if NAME.fullmatch(part) and not STREET_WORD.search(part)]
        alone = not city and bool(phone) and len(parts) == 1
        if names and (alone or (city and len(parts) > 1)):
            receiver = names[-1]
            parts.remove(receiver)
    street = "".join(parts) if city or STREET_WORD.search("".join(parts)) else ""
    return AddressLine(
        receiver, "".join(phone.groups()) if phone else "", province, city, district, street[:120]
    )


def region(text: str) -> tuple[str, str, str, str]:
    """(province, city, what follows, what stood before); the two names empty when no city is named."""
    for place in any_of(cities()).finditer(text):
        province, city = cities()[place.group()]
        before, follows = text[: place.start()], text[place.end() :].lstrip(SPACE)
        if re.match("[路街道巷省]", follows):
            continue
        written = re.search(f"(?:{any_of(provinces()).pattern})$", before.rstrip(SPACE))
        if written:
            if provinces()[written.group()] != province:
                continue
            before = before[: written.start()]
        again = any_of(cities()).match(follows)
        if again and cities()[again.group()] == (province, city):
            follows = follows[again.end() :].lstrip(SPACE)
        return province, city, follows, before
    return "", "", text, ""
