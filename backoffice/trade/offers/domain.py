"""What promotions and coupons promise, as data, and what each takes off a part of a basket. Amounts in fen.

No rule knows who asks: besides the basket, the channel and the clock there are only the published member
levels and whether it is a first order, which are the same for everybody (PIPL art. 24).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backoffice.kit.fields import RowId
from backoffice.kit.money import apportion
from backoffice.kit.time import SHOP_ZONE

Fen = Annotated[int, Field(ge=0, le=10**9)]
SomeFen = Annotated[int, Field(ge=1, le=10**9)]
Pieces = Annotated[int, Field(ge=0, le=10_000)]
Word = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00]+$")]
Few = Field(max_length=500)
Level = Literal["regular", "silver", "gold", "black"]
Source = Literal["promotion", "coupon"]

Part = tuple[int, int]
"""What a line costs by now and how many pieces it has."""


@dataclass(frozen=True)
class Line:
    """Pieces of one SKU in a basket; `price_fen` for one, before any discount."""

    sku_id: int
    product_id: int
    category: str
    brand: str
    price_fen: int
    quantity: int


@dataclass(frozen=True)
class Gain:
    """What a rule gives: `off` for each part, which parts it counted, pieces of its gift."""

    off: tuple[int, ...]
    counted: tuple[bool, ...]
    gifts: int = 0

    @staticmethod
    def shared(off: int, parts: Sequence[Part]) -> "Gain | None":
        """`off` in proportion to the parts; nothing to gain is None."""
        if not off:
            return None
        return Gain(tuple(apportion(off, [amount for amount, _ in parts])), (True,) * len(parts))


def reaches(parts: Sequence[Part], from_fen: int, from_pieces: int) -> bool:
    return (
        sum(amount for amount, _ in parts) >= from_fen and sum(pieces for _, pieces in parts) >= from_pieces
    )


# Each rule gains no more from cheaper parts or fewer of them: the search for the best choice counts on it.


@dataclass(frozen=True)
class Step:
    """`off_fen` off from `from_fen` on."""

    from_fen: Fen
    off_fen: SomeFen


@dataclass(frozen=True)
class Threshold:
    """满减: the best step that is reached; a repeatable one counts as often as it is."""

    kind: Literal["threshold"]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]
    repeatable: bool = False
    from_pieces: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if any(step.from_fen and step.off_fen > step.from_fen for step in self.steps):
            raise ValueError("a step takes off more than it needs")
        if self.repeatable and not all(step.from_fen for step in self.steps):
            raise ValueError("a repeatable step needs an amount")

    def gain(self, parts: Sequence[Part]) -> Gain | None:
        whole = sum(amount for amount, _ in parts)
        steps = [
            step.off_fen * (whole // step.from_fen if self.repeatable else 1)
            for step in self.steps
            if whole >= step.from_fen
        ]
        return Gain.shared(min(max(steps, default=0), whole), parts)

    @property
    def from_fen(self) -> int:
        return min(step.from_fen for step in self.steps)


@dataclass(frozen=True)
class Percent:
    """折扣: `pays_percent` of the price (95 is 95 折), at most `most_fen` off."""

    kind: Literal["percent"]
    pays_percent: Annotated[int, Field(ge=1, le=99)]
    most_fen: SomeFen | None = None
    from_fen: Fen = 0
    from_pieces: Pieces = 0

    def gain(self, parts: Sequence[Part]) -> Gain | None:
        if not reaches(parts, self.from_fen, self.from_pieces):
            return None
        off = sum(amount for amount, _ in parts) * (100 - self.pays_percent) // 100
        return Gain.shared(off if self.most_fen is None else min(off, self.most_fen), parts)


@dataclass(frozen=True)
class Gift:
    """满赠: `pieces` of a SKU for nothing from an amount or a number of pieces on; repeatable: for each."""

    kind: Literal["gift"]
    sku_id: RowId
    pieces: Annotated[int, Field(ge=1, le=100)] = 1
    from_fen: Fen = 0
    from_pieces: Pieces = 0
    repeatable: bool = False

    def __post_init__(self) -> None:
        if not (self.from_fen or self.from_pieces):
            raise ValueError("a gift needs an amount or a number of pieces")

    def gain(self, parts: Sequence[Part]) -> Gain | None:
        if not reaches(parts, self.from_fen, self.from_pieces):
            return None
        times = 1
        if self.repeatable:
            whole, count = sum(amount for amount, _ in parts), sum(pieces for _, pieces in parts)
            pairs = ((whole, self.from_fen), (count, self.from_pieces))
            times = min(have // need for have, need in pairs if need)
        return Gain((0,) * len(parts), (True,) * len(parts), self.pieces * times)


@dataclass(frozen=True)
class FixedPrice:
    """N 件 M 元: any `pieces` together for `price_fen`, the dearest first, as often as it is cheaper."""

    kind: Literal["fixed_price"]
    pieces: Annotated[int, Field(ge=1, le=1000)]
    price_fen: Fen
    times: Annotated[int, Field(ge=1, le=1000)] = 1000
    from_fen: ClassVar[int] = 0

    def gain(self, parts: Sequence[Part]) -> Gain | None:
        runs = dearest_first(parts)
        bundled = [0] * len(parts)
        off = 0
        for _ in range(self.times):
            bundle = take_pieces(runs, self.pieces)
            worth = sum(value * count for value, _, count in bundle)
            if sum(count for _, _, count in bundle) < self.pieces or worth <= self.price_fen:
                break
            off += worth - self.price_fen
            for value, place, count in bundle:
                bundled[place] += value * count
        if not off:
            return None
        return Gain(tuple(apportion(off, bundled)), tuple(worth > 0 for worth in bundled))

    @property
    def from_pieces(self) -> int:
        return self.pieces


@dataclass(frozen=True)
class NthPiece:
    """第 N 件 M 折: of any `pieces`, the dearest together, the cheapest pays `pays_percent` of its price."""

    kind: Literal["nth_piece"]
    pieces: Annotated[int, Field(ge=2, le=1000)]
    pays_percent: Annotated[int, Field(ge=0, le=99)]
    times: Annotated[int, Field(ge=1, le=1000)] = 1000
    from_fen: ClassVar[int] = 0

    def gain(self, parts: Sequence[Part]) -> Gain | None:
        bundles = min(sum(pieces for _, pieces in parts) // self.pieces, self.times)
        bundled = [0] * len(parts)
        off = taken = 0
        for value, place, count in dearest_first(parts):
            after = min(taken + count, bundles * self.pieces)
            bundled[place] += value * (after - taken)
            cheapest = after // self.pieces - taken // self.pieces
            off += cheapest * (value * (100 - self.pays_percent) // 100)
            taken = after
        if not off:
            return None
        return Gain(tuple(apportion(off, bundled)), tuple(worth > 0 for worth in bundled))

    @property
    def from_pieces(self) -> int:
        return self.pieces


def dearest_first(parts: Sequence[Part]) -> list[tuple[int, int, int]]:
    """The pieces as runs of (value, place, count)."""
    runs = [
        (value, place, count)
        for place, (amount, pieces) in enumerate(parts)
        for value, count in (
            (amount // pieces + 1, amount % pieces),
            (amount // pieces, pieces - amount % pieces),
        )
        if count
    ]
    return sorted(runs, key=lambda run: (-run[0], run[1]))


def take_pieces(runs: list[tuple[int, int, int]], wanted: int) -> list[tuple[int, int, int]]:
    """Take so many pieces from the front of (value, place, count) runs; all there are when they are fewer."""
    taken = []
    while wanted and runs:
        value, place, count = runs[0]
        some = min(count, wanted)
        taken.append((value, place, some))
        wanted -= some
        runs[:1] = [(value, place, count - some)] if count > some else []
    return taken


Rule = Annotated[Threshold | Percent | Gift | FixedPrice | NthPiece, Field(discriminator="kind")]


@dataclass(frozen=True)
class Goods:
    """Any of these."""

    categories: Annotated[tuple[Word, ...], Few] = ()
    brands: Annotated[tuple[Word, ...], Few] = ()
    products: Annotated[tuple[RowId, ...], Few] = ()
    skus: Annotated[tuple[RowId, ...], Few] = ()

    def __bool__(self) -> bool:
        return bool(self.categories or self.brands or self.products or self.skus)

    def hold(self, line: Line) -> bool:
        return (
            line.category in self.categories
            or line.brand in self.brands
            or line.product_id in self.products
            or line.sku_id in self.skus
        )


@dataclass(frozen=True)
class Who:
    """What an offer may look at besides the basket."""

    channel: str
    level: Level
    first_order: bool
    moment: datetime


@dataclass(frozen=True)
class Terms:
    """A rule, what it is for and beside what it may stand.

    `only` empty is everything. Of one `group` a line takes part in one offer, or the whole order does
    (`per`). Offers apply by rising `priority`, each to what the ones before left. `weekdays` are 1 (Monday)
    to 7, `hours` from one to before another, in the shop's time zone; empty is always.
    """

    rule: Rule
    only: Goods = field(default_factory=Goods)
    excluded: Goods = field(default_factory=Goods)
    group: Word = "promotion"
    per: Literal["line", "order"] = "line"
    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    channels: Annotated[tuple[Word, ...], Few] = ()
    levels: tuple[Level, ...] = ()
    first_order: bool = False
    weekdays: tuple[Annotated[int, Field(ge=1, le=7)], ...] = ()
    hours: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=1, le=24)]] | None = None

    def __post_init__(self) -> None:
        if self.hours and self.hours[0] >= self.hours[1]:
            raise ValueError("hours end before they begin")

    def cover(self, line: Line) -> bool:
        return (not self.only or self.only.hold(line)) and not self.excluded.hold(line)

    def runs_at(self, moment: datetime) -> bool:
        """Whether it is one of its weekdays and within its hours."""
        local = moment.astimezone(SHOP_ZONE)
        return (not self.weekdays or local.isoweekday() in self.weekdays) and (
            self.hours is None or self.hours[0] <= local.hour < self.hours[1]
        )


Refusal = Literal[
    "not_running",
    "other_channel",
    "other_level",
    "first_order_only",
    "no_goods",
    "too_little",
    "too_few",
    "not_together",
    "better_without",
]
"""Why an offer does not count; `too_little` and `too_few` mean money and pieces."""


@dataclass(frozen=True)
class Offer:
    """A promotion or a coupon that runs from `starts_at` to before `ends_at`."""

    source: Source
    id: int
    version: int
    name: str
    starts_at: datetime
    ends_at: datetime
    terms: Terms

    def closed_to(self, who: Who) -> Refusal | None:
        """Why nobody in this place and at this time can have it."""
        terms = self.terms
        if not (self.starts_at <= who.moment < self.ends_at and terms.runs_at(who.moment)):
            return "not_running"
        if terms.channels and who.channel not in terms.channels:
            return "other_channel"
        if terms.levels and who.level not in terms.levels:
            return "other_level"
        return "first_order_only" if terms.first_order and not who.first_order else None
