"""When something was or will be: spoken times as intervals in the shop's zone.

A phrase is a day or a longer stretch (昨天, 上周五, 双十一, 10月) that a part of the day and an hour may
narrow (昨天下午三点). What could be in two years or weeks is taken as the words around it say (买的: past,
能到: to come), else as the nearest. Festivals of the moon stand in a table that ends in 2031.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.components.found import Found
from bot.components.numerals import number

SHOP_ZONE = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
FEW_DAYS = timedelta(days=7)
JUST_NOW = timedelta(hours=1)

Tense = Literal["past", "future", "nearest"]
Days = tuple[date, date]
"""The first day and the one after the last."""

N = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
_PARTS = {
    "凌晨": (0, 6),
    "一大早": (5, 10),
    "大清早": (5, 10),
    "清早": (5, 10),
    "清晨": (5, 10),
    "早晨": (5, 10),
    "早上": (5, 10),
    "早": (5, 10),
    "上午": (6, 12),
    "中午": (11, 14),
    "下午": (12, 18),
    "傍晚": (16, 20),
    "晚上": (18, 24),
    "晚间": (18, 24),
    "晚": (18, 24),
    "夜里": (22, 29),
    "夜间": (22, 29),
    "半夜": (22, 29),
    "深夜": (22, 29),
    "夜": (22, 29),
}
"""Hours of a day from and to; those above 24 are of the next."""
_LONG_PARTS = "|".join(part for part in _PARTS if len(part) > 1)
_CLOCK = rf"(?P<hour>{N})(?:[点时](?P<half>半)?(?:(?P<minute>{N})分?)?钟?多?整?|:(?P<colon>\d\d)(?::\d\d)?)"
_TAIL = rf"(?:(?:那天|的)?(?P<part>{'|'.join(_PARTS)})(?!点))?(?:的?{_CLOCK})?"

PAST = re.compile(
    r"[^,。!?能会]{0,5}?(?:买|拍|下单|下的|付|订|抢|收到|签收|寄|申请|产的|装的|送来|到的|才|发的|发了|坏|的时候|那会|那天|就(?!走|要|得))"
)
FUTURE = re.compile(
    r"[^,。!?]{0,3}?(?:(?<!还)能|会|可以|要用|再|来装|上门|到货|派|取件|有优惠|有活动|打折|在家|有空|交货|送(?=货|达|到|上|来|可|行|吧|不|$))"
)

_YEARS = {"大前年": -3, "前年": -2, "去年": -1, "今年": 0, "明年": 1, "后年": 2}
_YEAR = rf"(?:(?P<year>{'|'.join(_YEARS)}|20\d\d年?)的?)?"
_MOON = {
    2024: ("02-10", "06-10", "08-10", "09-17"),
    2025: ("01-29", "05-31", "08-29", "10-06"),
    2026: ("02-17", "06-19", "08-19", "09-25"),
    2027: ("02-06", "06-09", "08-08", "09-15"),
    2028: ("01-26", "05-28", "08-26", "10-03"),
    2029: ("02-13", "06-16", "08-16", "09-22"),
    2030: ("02-03", "06-05", "08-05", "09-12"),
    2031: ("01-23", "06-24", "08-24", "10-01"),
}
"""First days of spring festival, dragon boat festival, double seventh and mid-autumn festival by year."""


def _moon(column: int, before: int = 0, days: int = 1) -> Callable[[int], Days | None]:
    def of(year: int) -> Days | None:
        if year not in _MOON:
            return None
        first = date.fromisoformat(f"{year}-{_MOON[year][column]}") - before * DAY
        return first, first + days * DAY

    return of


def _fixed(month: int, day: int, days: int = 1) -> Callable[[int], Days | None]:
    return lambda year: (date(year, month, day), date(year, month, day) + days * DAY)


def _nth_sunday(month: int, nth: int) -> Callable[[int], Days | None]:
    def of(year: int) -> Days:
        first = date(year, month, 1)
        day = first + timedelta(days=6 - first.weekday() + 7 * (nth - 1))
        return day, day + DAY

    return of


_FESTIVALS: dict[str, Callable[[int], Days | None]] = {
    r"双十一|双11|双1l|11\.11|十一十一": _fixed(11, 11),
    r"双十二|双12|12\.12": _fixed(12, 12),
    r"(?<!\d)6\.?18(?![\d.]|[元块件号个码])|六一八": _fixed(6, 18),
    r"国庆节?|十一(?=假|长假|放假|期间|黄金周)": _fixed(10, 1, 7),
    r"元旦": _fixed(1, 1),
    r"春节|过年|大年|新年": _moon(0, before=1, days=8),
    r"端午节?": _moon(1),
    r"七夕节?": _moon(2),
    r"中秋节?": _moon(3),
    r"情人节|(?<!\d)214(?!\d)": _fixed(2, 14),
    r"三八节?|女神节|妇女节|(?<!\d)3\.?8节": _fixed(3, 8),
    r"五一(?!广场|路|大道|街|商圈)|劳动节": _fixed(5, 1, 5),
    r"六一(?!八)|儿童节": _fixed(6, 1),
    r"圣诞节?": _fixed(12, 25),
    r"平安夜": _fixed(12, 24),
    r"母亲节": _nth_sunday(5, 2),
    r"父亲节": _nth_sunday(6, 3),
}


def _said(match: re.Match[str], group: str) -> str | None:
    """What a group holds, None also where the phrase has no such group."""
    return match.groupdict().get(group)


def _year(said: str | None, today: date) -> list[int]:
    """The years a phrase can be of."""
    if said is None:
        return [today.year - 1, today.year, today.year + 1]
    return [today.year + _YEARS[said] if said in _YEARS else int(said[:4])]


def _month(year: int, month: int) -> Days:
    """A whole month; months below 1 and above 12 are of the years beside."""
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    return first, (first + 31 * DAY).replace(day=1)


def _day(year: int, month: int, day: int) -> list[Days]:
    try:
        found = date(year, month, day)
    except ValueError:
        return []
    return [(found, found + DAY)]


def _part_of_month(days: Days, part: str | None) -> Days:
    first, end = days
    if not part:
        return days
    if part in ("初", "上旬"):
        return first, first + 10 * DAY
    if part in ("中", "中旬"):
        return first + 10 * DAY, first + 20 * DAY
    return first + 20 * DAY, end


def _festival(of: Callable[[int], Days | None]) -> Callable[[re.Match[str], date], list[Days]]:
    return lambda match, today: [days for year in _year(_said(match, "year"), today) if (days := of(year))]


def _numeric(match: re.Match[str], today: date) -> list[Days]:
    year, month, day = (int(part) for part in match.group("y", "m", "d"))
    return _day(year, month, day)


def _month_day(match: re.Match[str], today: date) -> list[Days]:
    month, day = int(number(match["month"])), int(number(match["day"]))
    return [days for year in _year(_said(match, "year"), today) for days in _day(year, month, day)]


def _whole_month(match: re.Match[str], today: date) -> list[Days]:
    month = int(number(match["month"]))
    if not 1 <= month <= 12:
        return []
    return [_part_of_month(_month(year, month), match["of"]) for year in _year(_said(match, "year"), today)]


def _near_month(match: re.Match[str], today: date) -> list[Days]:
    shift = {"上上": -2, "上": -1, "下": 1, "下下": 2}.get(_said(match, "shift") or "", 0)
    days = _month(today.year, today.month + shift)
    if _said(match, "day"):
        return _day(days[0].year, days[0].month, int(number(match["day"])))
    return [_part_of_month(days, match["of"])]


def _bare_day(match: re.Match[str], today: date) -> list[Days]:
    day = int(number(match["day"]))
    months = [_month(today.year, today.month + shift)[0] for shift in (-1, 0, 1)]
    return [days for first in months for days in _day(first.year, first.month, day)]


def _weekday(match: re.Match[str], today: date) -> list[Days]:
    monday = today - today.weekday() * DAY
    shifts = {"上上": [-2], "上": [-1], "这": [0], "本": [0], "下": [1], "下下": [2]}
    name = match["name"]
    offset, days = (5, 2) if name == "末" else ("一二三四五六日".index(name.replace("天", "日")), 1)
    around = [0] if name == "末" else [-1, 0, 1]
    starts = [monday + (7 * week + offset) * DAY for week in shifts.get(match["shift"] or "", around)]
    return [(start, start + days * DAY) for start in starts]


def _week(match: re.Match[str], today: date) -> list[Days]:
    weeks = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}[match["shift"]]
    monday = today - today.weekday() * DAY + 7 * weeks * DAY
    return [(monday, monday + 7 * DAY)]


def _near_day(match: re.Match[str], today: date) -> list[Days]:
    said = match["near"]
    if said.startswith("大"):
        shift = -3 if said[1] == "前" else 3
    else:
        shift = {"前": -2, "昨": -1, "今": 0, "明": 1, "后": 2}[said[0]]
    return [(today + shift * DAY, today + (shift + 1) * DAY)]


def _ago(match: re.Match[str], today: date) -> list[Days]:
    many = {"半": 0.5}.get(match["n"]) or number(match["n"])
    many += 0.5 if match["and_half"] else 0
    unit = match["unit"]
    if unit == "年":
        return _shifted(today, -round(12 * many))
    if unit == "月" and many >= 1:
        return _shifted(today, -int(many))
    back = {"天": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30}[unit]
    then = today - round(many * back) * DAY
    return [(then, then + DAY)]


def _shifted(today: date, months: int) -> list[Days]:
    first, end = _month(today.year, today.month + months)
    then = min(first.replace(day=1) + (today.day - 1) * DAY, end - DAY)
    return [(then, then + DAY)]


def _few_days(match: re.Match[str], today: date) -> list[Days]:
    return [(today - FEW_DAYS, today + DAY)]


def _whole_year(match: re.Match[str], today: date) -> list[Days]:
    (year,) = _year(match["only"], today)
    part = match["of"] or ""
    first, end = {"初": (1, 2), "中": (6, 8), "底": (12, 13), "末": (12, 13)}.get(part, (1, 13))
    return [(_month(year, first)[0], _month(year, end)[0])]


def _around_year(match: re.Match[str], today: date) -> list[Days]:
    year = today.year
    if match["edge"] == "年初":
        return [(date(year, 1, 1), date(year, 2, 1))]
    if match["edge"] == "年前":
        spring = _moon(0)(year) or _moon(0)(year + 1)
        if spring and spring[0] <= today:
            spring = _moon(0)(year + 1)
        return [(today, spring[0])] if spring else []
    return [(date(year, 12, 1), date(year + 1, 1, 1))]


@dataclass(frozen=True)
class Phrase:
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], date], list[Days]]


def phrase(pattern: str, read: Callable[[re.Match[str], date], list[Days]]) -> Phrase:
    return Phrase(re.compile(pattern + _TAIL), read)


_NOT_BEFORE = r"(?<![\d.第零一二三四五六七八九十])"
_BESIDE = r"(?=[号日]|的?下单|的?买|的?拍|的?付|的?抢|签收|到的|收到|发的|的单|那单|的订单|咋|才|就|寄)"
_AFTER_WORD = r"(?<=时间|日期|间是|期是)"
_OF_MONTH = r"(?P<of>初|底|末|中旬|上旬|下旬|中)?"


def _ago_of(units: str) -> str:
    return rf"(?P<n>半|{N})个?(?P<and_half>半)?多?(?P<unit>{units})多?[之以]?前"


_PHRASES = [
    phrase(r"(?<!\d)(?P<y>20\d\d)[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})(?!\d)[日号]?\s?", _numeric),
    phrase(
        rf"{_YEAR}{_NOT_BEFORE}(?P<month>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})月份?(?P<day>{N})(?![\d个月块元])[日号]?",
        _month_day,
    ),
    phrase(rf"(?<![\d.:])(?P<month>\d{{1,2}})[/.-](?P<day>\d{{1,2}})(?![\d.]){_BESIDE}[日号]?", _month_day),
    phrase(
        rf"{_AFTER_WORD}[是在:]?\s?(?P<month>\d{{1,2}})[/.-](?P<day>\d{{1,2}})(?![\d.])[日号]?", _month_day
    ),
    *(
        phrase(rf"{_YEAR}(?:{names})(?!礼|款|限定|树|帽|装|风)", _festival(of))
        for names, of in _FESTIVALS.items()
    ),
    phrase(
        rf"{_YEAR}{_NOT_BEFORE}(?P<month>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})月(?![饼子嫂亮])份?{_OF_MONTH}",
        _whole_month,
    ),
    phrase(
        rf"(?<![个几])(?P<shift>上上|上|这|本|当|下下|下)个?月份?(?![饼子])的?(?:(?P<day>{N})[号日]|{_OF_MONTH})",
        _near_month,
    ),
    phrase(r"(?<![个几\d每当岁一二三四五六七八九十])月(?P<of>初|底|末|中(?![旬心国式药]))", _near_month),
    phrase(r"(?P<near>大[前后][天日儿]|[前昨今明后][天日儿]个?|[昨今明](?=晚|早|夜))", _near_day),
    phrase(
        r"(?<!每\d])(?P<shift>上上|上|这|本|下下|下)?个?(?:周|星期|礼拜)(?P<name>[一二三四五六日天末])(?!年|次|回)",
        _weekday,
    ),
    phrase(r"(?P<shift>上上|上|这|本|下下|下)个?(?:周|星期|礼拜)(?![几边])", _week),
    phrase(_NOT_BEFORE + _ago_of("天|周|星期|礼拜|月|年"), _ago),
    phrase(
        r"前几天|前两天|前些天|前些日子|前阵子|前段时间|这几天|这两天|近几天|近两天|好?几天[之以]?前",
        _few_days,
    ),
    phrase(
        rf"(?<![\d.第路街弄道巷一二三四五六七八九十月])(?P<day>{N})[号日](?![楼栋店仓线门码院库款色\d链位机])",
        _bare_day,
    ),
    phrase(rf"(?P<only>{'|'.join(_YEARS)})年?(?P<of>初|底|末|中)?", _whole_year),
    phrase(r"(?P<edge>年底|年末|年初|年前)", _around_year),
]
_HOURS_AGO = re.compile(r"(?<![\d.第])" + _ago_of("小时|钟头|分钟"))
_JUST = re.compile(
    r"(?<!前)(?:刚刚|刚才|方才)|(?<!前)刚(?=[^,。!?好]{0,2}?(?:买|下单|拍|付|收到|到手|订|点|申请|寄|退))"
)
_TODAY = re.compile(
    rf"(?<![一整每半大])(?P<part>{_LONG_PARTS})(?!好)(?:的?{_CLOCK})?"
    rf"|(?<![\d.第大小快慢早晚多少有几差一:])(?!一点(?!半|钟|多)){_CLOCK.replace('(?P<', '(?P<only_')}"
    r"(?:(?<=[半钟整\d])|(?=左右|之?前|以?后|了|送|来|派))(?![\d个条大])"
)


def dates(text: str, now: datetime) -> Iterator[Found]:
    """The times that folded `text` names, as `when` with {"from", "to"}: ISO 8601, the end not included."""
    now = now.astimezone(SHOP_ZONE).replace(microsecond=0)
    for match in _HOURS_AGO.finditer(text):
        many = (0.5 if match["n"] == "半" else number(match["n"])) + (0.5 if match["and_half"] else 0)
        length = timedelta(minutes=max(many, 1) if match["unit"] == "分钟" else max(60 * many, 1))
        yield _found(match, now - 2 * length, now)
    for each in _PHRASES:
        for match in each.pattern.finditer(text):
            candidates = each.read(match, now.date())
            if candidates:
                days = _choose(candidates, _tense(text, match.end()), now.date())
                yield _found(match, *_narrow(days, match))
    for match in _JUST.finditer(text):
        yield _found(match, now - JUST_NOW, now)
    for match in _TODAY.finditer(text):
        today = now.date(), now.date() + DAY
        yield _found(match, *_narrow(today, match))


def _tense(text: str, end: int) -> Tense:
    if PAST.match(text, end):
        return "past"
    return "future" if FUTURE.match(text, end) else "nearest"


def _choose(candidates: list[Days], tense: Tense, today: date) -> Days:
    if tense == "past":
        candidates = [days for days in candidates if days[0] <= today] or candidates
    elif tense == "future":
        candidates = [days for days in candidates if days[1] > today] or candidates
    return min(candidates, key=lambda days: abs(days[0] - today))


def _narrow(days: Days, match: re.Match[str]) -> tuple[datetime, datetime]:
    """The part of the first day, and the hour, that the phrase names."""
    start, end = (datetime.combine(day, time(), SHOP_ZONE) for day in days)
    part, spoken_hour = _said(match, "part"), _said(match, "hour") or _said(match, "only_hour")
    if part:
        first, last = _PARTS[part]
        start, end = start + timedelta(hours=first), start + timedelta(hours=last)
    if not spoken_hour:
        return start, end
    midnight = datetime.combine(days[0], time(), SHOP_ZONE)
    hour = number(spoken_hour)
    if part and _PARTS[part][1] > 12 and hour < 12 and not (_PARTS[part][0] >= 22 and hour < 6):
        hour += 12
    minutes = ("minute", "colon", "only_minute", "only_colon")
    minute = next((said for name in minutes if (said := _said(match, name))), None)
    half = _said(match, "half") or _said(match, "only_half")
    start = midnight + timedelta(hours=hour, minutes=30 if half else number(minute) if minute else 0)
    return start, start + timedelta(minutes=1 if minute else 30 if half else 60)


def _found(match: re.Match[str], start: datetime, end: datetime) -> Found:
    value = {"from": start.isoformat(), "to": end.isoformat()}
    stretch = match[0].rstrip()
    return Found("when", value, match.start(), match.start() + len(stretch))
