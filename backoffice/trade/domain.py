"""The rules of orders without a database: which one is meant, what may be done to it, what the price owes."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from typing import Literal

from rapidfuzz import fuzz

from backoffice.kit.time import end_of_shop_day, shop_date

ErrandName = Literal[
    "status",
    "track",
    "urge",
    "cancel",
    "undo",
    "address",
    "invoice",
    "return",
    "exchange",
    "progress",
    "refund",
    "price_protection",
    "modify",
    "not_received",
    "wrong_item",
    "defective",
]
Verdict = Literal["one", "many", "none", "unknown_number", "sign_in"]

MAX_CANDIDATES = 5
JUST_BOUGHT = timedelta(days=7)
PROTECTION_DAYS = 7


@dataclass(frozen=True)
class Item:
    """A line as shoppers may call it: its name then and its colour."""

    product_id: int
    name: str
    colour: str = ""


@dataclass(frozen=True)
class OrderFacts:
    """What the rules look at."""

    number: str
    state: str
    placed_at: datetime
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    items: tuple[Item, ...] = ()
    parcels: tuple[str, ...] = ()
    stoppable: bool = False
    refund: Literal["none", "open", "settled"] = "none"
    refund_sent: bool = False
    refunded_at: datetime | None = None
    returning: bool = False
    invoiced: bool = False


@dataclass(frozen=True)
class SpokenTime:
    """Words of a message that name a time, as the bot understood them: from `since` to before `until`."""

    words: str
    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        return self.since <= moment < self.until

    def holds_day_of(self, moment: datetime) -> bool:
        """Whether it is on one of the days; people seldom know the hour."""
        last = shop_date(self.until - timedelta(microseconds=1))
        return shop_date(self.since) <= shop_date(moment) <= last


@dataclass(frozen=True)
class Meant:
    """A verdict with the numbers of the orders it is about, newest first, and the rule that decided."""

    verdict: Verdict
    numbers: tuple[str, ...] = ()
    reason: str = ""


# Lines

MOST_LINES = 999


def line_id(order_id: int, place: int) -> int:
    """The id of an order's line, `place` from 1 to `MOST_LINES`: the order can be told from it."""
    return order_id * (MOST_LINES + 1) + place


def order_of(line_id: int) -> int:
    return line_id // (MOST_LINES + 1)


# Which order

NUMERALS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
N = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
HOUR = r"(?:一?大?清?早上?|上午|中午|下午|傍晚|晚上|夜里|半夜|凌晨)?"
DAYS = (
    (re.compile(r"大前[天日儿]"), 3),
    (re.compile(r"(?<!大)前[天日晚儿]"), 2),
    (re.compile(r"昨[天日晚儿夜早]"), 1),
    (re.compile(r"今[天日晚儿早]"), 0),
)
AGO = re.compile(rf"(?<![\d一二两三四五六七八九十第])({N})天[之以]?前")
WEEKDAY = re.compile(r"(上|这|本)?个?(?:周|星期|礼拜)([一二三四五六日天])?")
MONTH_DAY = re.compile(rf"(?<![\d一二两三四五六七八九十])({N})(?:月|[./-])({N})(?:[号日]|(?![\d号日]))")
DAY = re.compile(rf"(?<![\d一二两三四五六七八九十月.])({N})[号日](?!楼|线|门|店|色|链|位|机)")
MONTH = re.compile(r"(上|这)个?月")
FEW_DAYS = re.compile(r"前几天|前两天|这几天|这两天")

GAP = r"[^，。！？；,.!?;\s说讲到申退换发取降催]{0,8}?"
BOUGHT = r"(?:买|拍|下单|下了?的?单|下的|订(?!单)|定的|付|抢|购|入手)"
BOUGHT_AFTER = re.compile(
    rf"\s*{HOUR}(?:{GAP}{BOUGHT}|的?那[单个件笔条双]|的?这[单个件笔条双]|的?[单订]|的(?!时候|快递|客服|价|活动))"
)
BOUGHT_BEFORE = re.compile(r"(?:下单|购买|买|付款|拍下|拍)(?:的?时间|的?日期)?(?:是|在|于|:|：)?\s*$")

JUST = re.compile(rf"刚刚?才?[^，。！？\s]{{0,4}}{BOUGHT}|刚刚?才?的?那?[个一]?[单笔]")
LATEST = re.compile(
    r"最近(?:的|那|这|一|买|下|拍)|最新|上一[个笔张]?[单订]|上个?订单|最后(?:那|一|买|下|拍)|上次(?:买|拍|下|那|的)"
)
THIS_ONE = re.compile(r"它|这[个单笔件张双条]|(?<!我)那[个单笔件张双条]|此单|该订单")

NUMBER = re.compile(r"(?<!\d)\d{16}(?!\d)")
SAID_TAIL = re.compile(
    r"(?<!手机)(?<!电话)(?:尾号|尾数|(?:最?后|末)(?:四|4)位)(?:数?字?是|为|:|：|\s)*(\d{4})(?!\d)"
)
BARE_TAIL = re.compile(r"(?<![\d.¥￥])(\d{4})(?![\d年块元米室号户.])")

SENTENCE_WORDS = re.compile(
    "订单|快递|物流|包裹|什么|没有|怎么|退款|退货|换货|发货|收货|到货|客服|可以|一个|一件|一下|地址|取消|发票|的话"
    "|时候|东西|不要|这个|那个|我的|你们|我们|已经|现在|问题|质量|大小|颜色|商品|产品|一直|尺码|买的"
)
HAN = re.compile(r"[㐀-鿿]+")
KINDS = (
    (re.compile(r"(?<![邮信])箱"), "箱"),
    (re.compile(r"鞋"), "鞋"),
    (re.compile(r"裤"), "裤"),
    (re.compile(r"裙"), "裙"),
    (re.compile(r"锅"), "锅"),
    (re.compile(r"杯"), "杯"),
    (re.compile(r"被子|棉被"), "被"),
    (re.compile(r"床单|被套"), "套"),
    (re.compile(r"手表|那[块只]表"), "表"),
    (re.compile(r"包包|背包|书包|那[个只]包(?!裹)"), "包"),
    (re.compile(r"台灯|那[个盏]灯"), "灯"),
    (re.compile(r"豆子"), "豆"),
    (re.compile(r"衣服|上衣"), "服衣衫袄裙"),
)
"""How shoppers call a kind of thing, and characters that end the names of such things."""
HUES = "黑白红蓝绿灰粉黄紫棕橙青金银"


def which_order(
    text: str,
    errand: ErrandName,
    orders: Iterable[OrderFacts],
    now: datetime,
    order_no: str | None = None,
    last4: str | None = None,
    named: frozenset[int] = frozenset(),
    times: Sequence[SpokenTime] = (),
) -> Meant:
    """The order that `text` means, out of `orders`, for this errand.

    What the text itself says comes first: a full number, a parcel's number, four last digits, then when it
    was bought and what it was (`named` are the products which the catalogue hears in the text, `times` those
    which the bot does). `order_no` is the order talked about before: it counts when the text says nothing.
    A hint that fits no order never leads to another one: the verdict is then "many".
    """
    mine = sorted(orders, key=lambda order: order.placed_at, reverse=True)
    said = re.sub(r"(?<=\d)[ \-](?=\d{3,})", "", text)
    numbers = NUMBER.findall(said)
    if numbers:
        hits = [order for order in mine if order.number in numbers]
        return decide(hits, "number") if hits else Meant("unknown_number", (), "number")
    if not mine:
        return Meant("unknown_number", (), "number") if order_no else Meant("none", (), "no_orders")
    fitting = fit(errand, mine, now)
    parcel = [
        order for order in mine if any(number.lower() in said.lower() for number in order.parcels if number)
    ]
    if parcel:
        return decide(parcel, "parcel")
    tails = SAID_TAIL.findall(said) + ([last4] if last4 else [])
    if hits := by_tail(mine, tails or BARE_TAIL.findall(said)):
        return decide(fit(errand, hits, now), "last4")
    if tails:
        return Meant("many", numbers_of(fitting), "no_match")
    return by_words(said, errand, mine, fitting, now, order_no, named, times)


def by_words(
    text: str,
    errand: ErrandName,
    mine: Sequence[OrderFacts],
    fitting: Sequence[OrderFacts],
    now: datetime,
    order_no: str | None,
    named: frozenset[int],
    times: Sequence[SpokenTime],
) -> Meant:
    just = JUST.search(text) is not None
    time = next((time for time in times if not just and is_purchase(text, time.words)), None)
    days = bought_days(text, shop_date(now)) if time is None else None
    if time:
        then = [order for order in mine if time.holds(order.placed_at)]
        then = then or [order for order in mine if time.holds_day_of(order.placed_at)]
    else:
        then = [order for order in mine if days and days[0] <= shop_date(order.placed_at) <= days[1]]
    dated = bool(time or days)
    called = by_product(text, mine, named)
    if named and not called and not THIS_ONE.search(text):
        return Meant("many", numbers_of(then or fitting), "no_match")
    if dated and not then:
        return Meant("many", numbers_of(called or fitting), "no_match")
    hits = [order for order in then if order in called] if dated and called else then or called
    if dated and called and not hits:
        return Meant("many", numbers_of([order for order in mine if order in then or order in called]))
    if just:
        newest = (hits or mine)[0]
        if now - newest.placed_at > JUST_BOUGHT:
            return Meant("many", numbers_of(fitting), "no_match")
        return Meant("one", (newest.number,), "newest")
    if LATEST.search(text):
        return Meant("one", ((hits or mine)[0].number,), "newest")
    if hits:
        return decide(fit(errand, hits, now), "product" if called else "day")
    if order_no:
        before = next((order for order in mine if order.number == order_no), None)
        if before is None:
            return Meant("unknown_number", (), "number")
        if before in fitting or THIS_ONE.search(text):
            return Meant("one", (before.number,), "before")
    return decide(fitting, "only_fitting")


def decide(hits: Sequence[OrderFacts], reason: str) -> Meant:
    if len(hits) == 1:
        return Meant("one", (hits[0].number,), reason)
    return Meant("many", numbers_of(hits), "several")


def numbers_of(orders: Iterable[OrderFacts]) -> tuple[str, ...]:
    return tuple(order.number for order in orders)[:MAX_CANDIDATES]


def by_tail(orders: Iterable[OrderFacts], tails: Sequence[str]) -> list[OrderFacts]:
    ends = tuple(tails)
    return [
        order
        for order in orders
        if ends and (order.number.endswith(ends) or any(parcel.endswith(ends) for parcel in order.parcels))
    ]


def number_of(text: str) -> int | None:
    """`12`, `十二`, `二十` or `三十一` as an integer."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return NUMERALS.get(ones)
    if any(part not in NUMERALS for part in (tens, ones) if part):
        return None
    return (NUMERALS[tens] if tens else 1) * 10 + (NUMERALS[ones] if ones else 0)


def bought_days(text: str, today: date) -> tuple[date, date] | None:
    """The first and last day on which the text says it was bought; None when it does not say.

    A day counts only beside a word of buying: "昨天到的" tells nothing about the purchase.
    """
    for match, days in spoken_days(text, today):
        if beside_buying(text[: match.start()], text[match.end() :]):
            return days
    return None


def beside_buying(before: str, after: str) -> bool:
    """Whether a time between these words is that of a purchase."""
    only_a_day = len(before.strip() + after.strip()) < 3
    return bool(only_a_day or BOUGHT_AFTER.match(after) or BOUGHT_BEFORE.search(before))


def is_purchase(text: str, words: str) -> bool:
    before, found, after = text.partition(words)
    return bool(found) and beside_buying(before, after)


def spoken_days(text: str, today: date) -> Iterable[tuple[re.Match[str], tuple[date, date]]]:
    def day(back: int) -> tuple[date, date]:
        return (today - timedelta(days=back),) * 2

    for pattern, back in DAYS:
        for match in pattern.finditer(text):
            yield match, day(back)
    for match in AGO.finditer(text):
        if (count := number_of(match[1])) is not None:
            yield match, day(count)
    for match in FEW_DAYS.finditer(text):
        yield match, (today - timedelta(days=7), today)
    monday = today - timedelta(days=today.weekday())
    for match in WEEKDAY.finditer(text):
        which, name = match.groups()
        start = monday - timedelta(days=7) if which == "上" else monday
        if name:
            weekday = start + timedelta(days="一二三四五六日".index(name.replace("天", "日")))
            weekday -= timedelta(days=7 if not which and weekday > today else 0)
            yield match, (weekday, weekday)
        elif which:
            yield match, (start, start + timedelta(days=6))
    for match in MONTH_DAY.finditer(text):
        month, number = number_of(match[1]), number_of(match[2])
        for year in (today.year, today.year - 1):
            if found := valid_date(year, month, number, today):
                yield match, (found, found)
                break
    for match in DAY.finditer(text):
        number = number_of(match[1])
        for begin in (today, today.replace(day=1) - timedelta(days=1)):
            if found := valid_date(begin.year, begin.month, number, today):
                yield match, (found, found)
                break
    for match in MONTH.finditer(text):
        first = today.replace(day=1)
        if match[1] == "上":
            last = first - timedelta(days=1)
            yield match, (last.replace(day=1), last)
        else:
            yield match, (first, today)


def valid_date(year: int, month: int | None, day: int | None, latest: date) -> date | None:
    try:
        found = date(year, month or 0, day or 0)
    except ValueError:
        return None
    return found if found <= latest else None


def by_product(text: str, orders: Sequence[OrderFacts], named: frozenset[int]) -> list[OrderFacts]:
    """The orders whose products the text names best; a colour decides among equals."""
    said = " ".join(HAN.findall(text))
    everything = [(order.number, item) for order in orders for item in order.items]
    likeness = [likeness_of(said, item) for _, item in everything]
    best = max(likeness, default=0)
    items = [
        key
        for key, length in zip(everything, likeness, strict=True)
        if (length == best if best else key[1].product_id in named)
    ]
    if not items:
        kinds = "".join(ends for words, ends in KINDS if words.search(text))
        items = [key for key in everything if kinds and key[1].name.endswith(tuple(kinds))]
    coloured = [key for key in items or ([] if named else everything) if colour_said(text, key[1].colour)]
    hits = {number for number, _ in coloured or items}
    return [order for order in orders if order.number in hits]


def likeness_of(said: str, item: Item) -> int:
    """How many characters of what was said name this item; 0 when it is not named."""
    run = SequenceMatcher(None, said, item.name, autojunk=False).find_longest_match()
    common = said[run.a : run.a + run.size].strip()
    if len(common) > 1 and not SENTENCE_WORDS.fullmatch(common):
        return len(common)
    near = len(item.name) > 3 and fuzz.partial_ratio(item.name, said) >= 75
    return len(item.name) - 1 if near else 0


def colour_said(text: str, colour: str) -> bool:
    if not colour:
        return False
    return (len(colour) > 1 and colour in text) or any(
        hue in colour and (f"{hue}色" in text or f"{hue}的" in text) for hue in HUES
    )


# What may be done

Rule = Callable[[OrderFacts, datetime], bool]


def within(moment: datetime | None, days: int, now: datetime) -> bool:
    return moment is not None and now - moment <= timedelta(days=days)


def in_state(*states: str) -> Rule:
    return lambda order, now: order.state in states


OPEN = in_state("unpaid", "paid", "shipped")
NOT_SHIPPED = in_state("unpaid", "paid")
PAID = in_state("paid")
SHIPPED = in_state("shipped")
RECEIVED_STATES = ("delivered", "completed")
PAID_STATES = ("paid", "shipped", "delivered", "completed")
BOUGHT_AND_PAID = in_state(*PAID_STATES)


def received(days: int) -> Rule:
    return lambda order, now: order.state in RECEIVED_STATES and within(order.delivered_at, days, now)


def undoable(order: OrderFacts, now: datetime) -> bool:
    if order.state != "cancelled" or order.shipped_at:
        return False
    return order.paid_at is None or (order.refund == "open" and not order.refund_sent)


FITS: dict[ErrandName, tuple[Rule, ...]] = {
    "status": (OPEN, received(14)),
    "track": (SHIPPED, PAID, received(14)),
    "urge": (PAID, SHIPPED),
    "cancel": (OPEN, received(14)),
    "undo": (undoable, lambda order, now: order.returning, in_state("cancelled")),
    "address": (NOT_SHIPPED, SHIPPED),
    "invoice": (lambda order, now: BOUGHT_AND_PAID(order, now) and not order.invoiced, BOUGHT_AND_PAID),
    "return": (received(15), SHIPPED, in_state(*RECEIVED_STATES)),
    "exchange": (received(15), SHIPPED, in_state(*RECEIVED_STATES)),
    "progress": (lambda order, now: order.returning, lambda order, now: order.refund != "none"),
    "refund": (
        lambda order, now: order.refund == "open",
        lambda order, now: order.returning or order.refund == "settled",
        in_state("cancelled"),
    ),
    "price_protection": (
        lambda order, now: BOUGHT_AND_PAID(order, now) and within(order.paid_at, PROTECTION_DAYS, now),
        BOUGHT_AND_PAID,
    ),
    "modify": (NOT_SHIPPED, SHIPPED),
    "not_received": (
        lambda order, now: SHIPPED(order, now) or received(15)(order, now),
        in_state(*RECEIVED_STATES),
    ),
    "wrong_item": (received(30), in_state(*RECEIVED_STATES)),
    "defective": (received(30), in_state(*RECEIVED_STATES)),
}


def fit(errand: ErrandName, orders: Sequence[OrderFacts], now: datetime) -> list[OrderFacts]:
    """Those the errand applies to best; all of them when it applies to none."""
    for rule in FITS[errand]:
        if found := [order for order in orders if rule(order, now)]:
            return found
    return list(orders)


def allowed(order: OrderFacts, now: datetime) -> dict[str, bool]:
    """What the shopper may ask for in this state."""
    waiting = NOT_SHIPPED(order, now)
    return {
        "pay": order.state == "unpaid",
        "cancel": waiting,
        "change_address": waiting,
        "urge": order.state == "paid",
        "intercept": order.stoppable,
        "undo_cancel": undoable(order, now),
        "invoice": BOUGHT_AND_PAID(order, now) and not order.invoiced,
    }


def progress(order: OrderFacts) -> list[tuple[str, datetime | None, bool]]:
    """The way of an order as (step, when, done)."""
    steps = [("placed", order.placed_at, True)]
    if order.state == "cancelled":
        paid = [("paid", order.paid_at, True)] if order.paid_at else []
        refund = [("refunded", order.refunded_at, order.refund == "settled")] if order.paid_at else []
        return [*steps, *paid, ("cancelled", order.cancelled_at, True), *refund]
    ways = ("paid", order.paid_at), ("shipped", order.shipped_at), ("delivered", order.delivered_at)
    ahead = [(step, at, at is not None) for step, at in ways]
    return [*steps, *ahead, ("completed", order.completed_at, order.state == "completed")]


# Price protection


@dataclass(frozen=True)
class PricedLine:
    """A bought line beside today's price for one piece."""

    quantity: int
    gone: int
    paid_fen: int
    protected_fen: int
    current_fen: int

    @property
    def difference_fen(self) -> int:
        """What is owed for the line; nothing while any of it goes back or was taken off."""
        if self.gone:
            return 0
        return max(self.paid_fen - self.protected_fen - self.current_fen * self.quantity, 0)


def protection_deadline(paid_at: datetime) -> datetime:
    return end_of_shop_day(paid_at, PROTECTION_DAYS)


def protection_reason(
    state: str, paid_at: datetime | None, lines: Iterable[PricedLine], now: datetime
) -> Literal["ok", "no_drop", "expired", "not_paid", "cancelled"]:
    if state == "cancelled":
        return "cancelled"
    if paid_at is None:
        return "not_paid"
    if now > protection_deadline(paid_at):
        return "expired"
    return "ok" if any(line.difference_fen for line in lines) else "no_drop"


def share_of(paid_fen: int, quantity: int, already: int, pieces: int) -> int:
    """What `pieces` more of a line are worth when `already` went back; all together are worth `paid_fen`."""
    return paid_fen * (already + pieces) // quantity - paid_fen * already // quantity


TAX_NUMBER = re.compile(r"[0-9A-Z]{15}|[0-9A-Z]{18}|[0-9A-Z]{20}")


def tax_number(text: str) -> str | None:
    """A tax number as it is kept (15, 18 or 20 capital letters and digits), None when it is none."""
    cleaned = re.sub(r"[\s\-]", "", text).upper()
    return cleaned if TAX_NUMBER.fullmatch(cleaned) else None
