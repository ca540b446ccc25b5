"""What a shopper wishes for (for whom, what for, how much), and which products come near: pure rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from backoffice.catalog.domain import NameIndex, words

NAMED = 82
"""How surely a product must be named for the others to be left out."""
ABOUT = 0.15
"""How far from a sum named with "about" a price may lie, as a share of it."""
DEAREST_FEN = 10_000_000
BEST, NEXT, USE = 3, 2, 2


@dataclass(frozen=True)
class Wish:
    """`budget_fen`: at least and at most. `recipients` and `uses` are keys of `words.yml`."""

    budget_fen: tuple[int, int] | None = None
    recipients: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == Wish()


@dataclass(frozen=True)
class Offer:
    """A product as far as wishes go."""

    product_id: int
    category: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Match:
    product_id: int
    category: str
    score: int
    reasons: tuple[str, ...]


def wished(text: str) -> Wish:
    """What a sentence says of budget, recipient and use."""
    text = text.lower()
    known = words()
    return Wish(
        budget(text),
        tuple(name for name, rule in known["recipients"].items() if re.search(rule["said"], text)),
        tuple(name for name, said in known["uses"].items() if re.search(said, text)),
    )


@cache
def patterns() -> Mapping[str, re.Pattern[str]]:
    """How a budget is said, the first that is found counts."""
    said = words()["budget"]
    one, money = f"({said['number']})", said["money"]
    return {
        "between": re.compile(f"{one}{money}(?:{said['to']}){one}{money}"),
        "about": re.compile(f"{one}{money}(?:{said['about']})"),
        "over": re.compile(f"{one}{money}(?:{said['over']})"),
        "under": re.compile(
            f"{one}{money}(?:{said['under']})|(?:{said['limit']})[^\\d一二两三四五六七八九十]{{0,3}}{one}"
        ),
        "exact": re.compile(f"{one}多?\\s?(?:元|块)|([一二两三四五六七八九十]+[百千万])多?的?"),
    }


def budget(text: str) -> tuple[int, int] | None:
    """The least and the most a sentence would spend, in fen."""
    for kind, pattern in patterns().items():
        found = pattern.search(text)
        if not found:
            continue
        sums = [amount(each) for each in found.groups() if each]
        low, high = sums[0][0], sums[-1][1]
        if not 0 < high <= DEAREST_FEN or low > high:
            continue
        match kind:
            case "between" | "about" | "exact" if low < high:
                return low, high
            case "over":
                return low, DEAREST_FEN
            case "under":
                return 0, high
            case _:
                return round(low * (1 - ABOUT)), round(high * (1 + ABOUT))
    return None


def amount(said: str) -> tuple[int, int]:
    """A sum in fen, or the two that are said at once (`两三百`: 200 to 300 yuan)."""
    digits, units = words()["digits"], words()["units_of_money"]
    said = said.strip()
    plain = re.fullmatch(r"(\d+(?:\.\d+)?)\s?(\D?)", said)
    if plain:
        value = round(float(plain[1]) * units.get(plain[2], 1) * 100)
        return value, value
    twice = re.fullmatch(r"(\D)(\D)([百千万])", said)
    if twice and twice[1] in digits and twice[2] in digits:
        unit = units[twice[3]] * 100
        return digits[twice[1]] * unit, digits[twice[2]] * unit
    total, digit, unit = 0, 0, 1
    for character in said:
        if character in units:
            unit = units[character]
            total, digit = total + (digit or 1) * unit, 0
        else:
            digit = digits.get(character, 0)
    value = (total + digit * (unit // 10 if unit >= 100 else 1)) * 100
    return value, value


def match(text: str, wish: Wish, index: NameIndex, offers: Sequence[Offer]) -> list[Match]:
    """The products that come near a wish, best first; those that are named leave the others out."""
    named = {hit.product_id: hit.score for hit in index.find(text) if hit.score >= NAMED}
    matches = []
    for offer in offers:
        if named and offer.product_id not in named:
            continue
        score, reasons = suited(offer, wish)
        if named or score:
            matches.append(Match(offer.product_id, offer.category, score, reasons))
        elif not wish.recipients and not wish.uses:
            matches.append(Match(offer.product_id, offer.category, 0, ()))
    matches.sort(key=lambda each: (-each.score, -named.get(each.product_id, 0), each.product_id))
    return matches


def suited(offer: Offer, wish: Wish) -> tuple[int, tuple[str, ...]]:
    """How well a product suits recipients and uses, and why."""
    known, score, reasons = words(), 0, []
    suits, use = (offer.facts.get(str(known[name]), "") for name in ("suits_fact", "use_fact"))
    for who in wish.recipients:
        fitting = [place for place, word in enumerate(known["recipients"][who]["fits"]) if word in suits]
        if fitting:
            score += max(BEST - fitting[0], 1)
            reasons.append(known["reasons"]["suits"].format(who=who))
    for what in wish.uses:
        if re.search(known["uses"][what], f"{use}{suits}") or what in use:
            score += USE
            reasons.append(known["reasons"]["use"].format(use=what))
    return score, tuple(reasons)


def chosen(
    matches: Sequence[Match], prices: Mapping[int, tuple[int, int]], wish: Wish, one_kind: bool
) -> list[Match]:
    """The matches within the budget, with that as a reason; unless one kind is meant, one of each category
    first.

    `prices`: the least and the most a product costs, in fen.
    """
    low, high = wish.budget_fen or (0, DEAREST_FEN)
    affordable = [each for each in matches if low <= prices[each.product_id][0] <= high]
    if wish.budget_fen:
        reason: Any = words()["reasons"]["budget"]
        affordable = [
            Match(each.product_id, each.category, each.score, (*each.reasons, reason)) for each in affordable
        ]
        affordable.sort(key=lambda each: (-each.score, -prices[each.product_id][0]))
    if one_kind:
        return affordable
    seen: dict[str, int] = {}
    ranked = []
    for each in affordable:
        seen[each.category] = seen.get(each.category, 0) + 1
        ranked.append((seen[each.category], each))
    ranked.sort(key=lambda pair: (-pair[1].score, pair[0]))
    return [each for _, each in ranked]
