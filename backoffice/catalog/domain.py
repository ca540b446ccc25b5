"""Which product a free sentence means, and which size fits: pure rules."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz

from backoffice.catalog.schemas import SizeAdvice

GOOD_ENOUGH = 66
"""The score below which a product is not meant: two of three characters right is just enough."""
CLOSE = 12
"""Products this much worse than the best one are left out."""

BASE_COLOURS = "黑白灰红蓝绿黄粉紫棕咖橙米金银青杏驼"
COLOUR = re.compile(rf"([{BASE_COLOURS}])色|([黑白灰红蓝绿黄粉紫棕])[的款]")
UNIT = re.compile(r"(?<=\d)(mah|ml|kg|cm|mm|l|g)(?![a-z])")
CATEGORY_SCORE = 82
SHORT_TEXT = 6
"""One character (`锅`) names a product only in a sentence not longer than this."""


@cache
def words() -> Mapping[str, Mapping[str, Any]]:
    """What shoppers call categories, sizes and units."""
    loaded: Mapping[str, Mapping[str, Any]] = yaml.safe_load(
        Path(__file__).with_name("words.yml").read_text(encoding="utf8")
    )
    return loaded


def normalise(text: str) -> str:
    """Lower case, full-width forms folded, nothing but letters, digits and Chinese characters."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


def same_size(size: str) -> str:
    """One spelling for one size: `2XL` -> `xxl`, `500ml` -> `500毫升`, `1.5 匹` -> `1.5匹`."""
    size = re.sub(r"\s+", "", unicodedata.normalize("NFKC", size)).lower()
    many = re.fullmatch(r"([2-6])x([ls])", size)
    if many:
        return "x" * int(many[1]) + many[2]
    return UNIT.sub(lambda found: words()["units"][found[1]], size)


def colour_fits(said: str, colour: str) -> bool:
    """Whether a SKU's colour is the one said: `黑色` is any black; nothing said fits all."""
    if not said or said in colour:
        return True
    return said[0] in BASE_COLOURS and said[1:] in ("", "色") and said[0] in colour


def size_fits(said: str, size: str) -> bool:
    """Whether a SKU's size is the one said: `M` is also `M 54 片`; nothing said fits all."""
    said, spelled = same_size(said), same_size(size)
    if said in ("", spelled):
        return True
    return re.match(rf"{re.escape(said.rstrip('码号') or said)}(?![a-z]|(?<=\d)[\d.])", spelled) is not None


@dataclass(frozen=True)
class Hit:
    product_id: int
    score: int


@dataclass(frozen=True)
class NameIndex:
    """The words of every product, and every colour and size."""

    terms: Mapping[int, tuple[str, ...]]
    categories: Mapping[int, str]
    colours: tuple[str, ...]
    sizes: Mapping[str, str]

    @classmethod
    def build(
        cls,
        products: Iterable[tuple[int, str, str, list[str]]],
        variants: Iterable[tuple[str, str]],
    ) -> "NameIndex":
        """`products`: id, name, category, keywords; `variants`: colour, size."""
        terms, categories = {}, {}
        for product_id, name, category, keywords in products:
            plain = normalise(name)
            words = {plain, *(normalise(word) for word in keywords)}
            words |= {plain[-length:] for length in (2, 3, 4) if len(plain) > length}
            terms[product_id] = tuple(sorted(words - {""}))
            categories[product_id] = category
        variants = list(variants)
        colours = sorted({c for c, _ in variants if len(c) >= 2}, key=lambda c: (-len(c), c))
        sizes = {same_size(size): size for _, size in variants if size}
        return cls(terms, categories, tuple(colours), sizes)

    def colour_said(self, text: str) -> str | None:
        """The colour in a sentence: one that is sold, else a plain one (`黑色`)."""
        for colour in self.colours:
            if colour in text:
                return colour
        plain = COLOUR.search(text)
        return f"{plain[1] or plain[2]}色" if plain else None

    def size_said(self, text: str) -> str | None:
        """The size in a sentence as the shop spells it; a bare number only when it stands as a size."""
        plain = same_size(text)
        for match in re.finditer(r"[0-9a-z.]+(?:码|号)?", plain):
            word = match.group()
            size = same_size(word.rstrip("码号"))
            stands = word != word.rstrip("码号") or not size.isdigit() or plain[match.end() :] in ("", "的")
            if stands and size in self.sizes:
                return self.sizes[size]
        for spoken, size in words()["sizes"].items():
            if spoken in plain and same_size(size) in self.sizes:
                return self.sizes[same_size(size)]
        chinese = [spelling for spelling in self.sizes if not spelling.isascii() and spelling in plain]
        return self.sizes[max(chinese, key=len)] if chinese else None

    def find(self, text: str) -> list[Hit]:
        """The products that a sentence means, best first; nothing when it names none."""
        plain = normalise(text)
        for colour in self.colours:
            plain = plain.replace(colour, "")
        plain = COLOUR.sub("", plain)
        hits = []
        for product_id, terms in self.terms.items():
            score = max((likeness(term, plain) for term in terms), default=0.0)
            if any(word in plain for word in words()["categories"].get(self.categories[product_id], ())):
                score = max(score, CATEGORY_SCORE)
            if score >= GOOD_ENOUGH:
                hits.append(Hit(product_id, round(score)))
        best = max((hit.score for hit in hits), default=0)
        hits = [hit for hit in hits if hit.score >= best - CLOSE]
        return sorted(
            hits, key=lambda hit: (-hit.score, -self.overlap(hit.product_id, plain), hit.product_id)
        )

    def overlap(self, product_id: int, plain: str) -> float:
        """How much of a product's words a sentence holds: it decides between equals."""
        return sum(len(term) for term in self.terms[product_id] if term in plain)


def likeness(term: str, text: str) -> float:
    """How surely a sentence holds a term, 0 to 100: a longer term that is held is surer than a short one."""
    if len(term) == 1:
        return 80 if term in text and len(text) <= SHORT_TEXT else 0
    if term in text:
        return min(90 + 2.5 * len(term), 100)
    if len(text) < len(term):
        return (
            0.9 * fuzz.partial_ratio(text, term) if len(text) > 2 or (len(text) == 2 and text in term) else 0
        )
    return fuzz.partial_ratio(term, text) if len(term) > 2 else 0


MEASURES = ("height_cm", "weight_kg", "foot_mm")


def advise_size(
    table: Sequence[Mapping[str, Any]] | None, measures: Mapping[str, float | None]
) -> SizeAdvice:
    """The size whose ranges hold the measures.

    `table` rows hold `size` and for each measure `[low, high]`, in cm, kg or mm. When no row holds them all,
    the row least far outside is `nearest`, or none (`outside`) when it is off by more than half a range.
    """
    if not table:
        return SizeAdvice(size=None, alternatives=[], missing=[], table=[], note="no_table")
    rows = [dict(row) for row in table]
    asked = [name for name in MEASURES if any(name in row for row in rows)]
    missing = [name for name in asked if measures.get(name) is None]
    if missing:
        return SizeAdvice(size=None, alternatives=[], missing=missing, table=rows, note="missing")

    def off(row: Mapping[str, Any]) -> float:
        return sum(outside(float(measures[name] or 0), *row[name]) for name in asked if name in row)

    ranked = sorted(rows, key=off)
    fitting = [str(row["size"]) for row in rows if off(row) == 0]
    if fitting:
        note, size, others = ("between" if len(fitting) > 1 else "fits"), fitting[0], fitting[1:]
        return SizeAdvice(size=size, alternatives=others, missing=[], table=rows, note=note)
    if off(ranked[0]) > 0.5:
        return SizeAdvice(size=None, alternatives=[], missing=[], table=rows, note="outside")
    others = [str(row["size"]) for row in ranked[1:2] if off(row) <= 0.5]
    return SizeAdvice(
        size=str(ranked[0]["size"]), alternatives=others, missing=[], table=rows, note="nearest"
    )


def outside(value: float, low: float, high: float) -> float:
    """How far a value lies outside a range, in widths of the range; 0 inside."""
    return max(low - value, value - high, 0) / max(high - low, 1)
