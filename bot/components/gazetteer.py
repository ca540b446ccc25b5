"""Names of the shop's world in what shoppers type, also when they mistype them.

An exact name is looked up for every stretch of the text. A mistyped one is found by its sound (雨绒服 is
羽绒服), or with one character wrong, missing or too much in four (rapidfuzz on the sounds, among the names
that share most pairs of them). What shoppers write otherwise is no typo: a stretch whose pairs of characters
are ordinary is left alone, so that 蓝色耳机 does not become 蓝牙耳机.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, product

from pypinyin import Style, pinyin
from rapidfuzz import fuzz

from bot.components.found import Found
from bot.components.text import fold

CORRECTED = ("product", "brand", "store", "courier")
"""Entities whose names are found with typos: of the others, one character makes another thing."""
SIMILAR = 75
"""Of 100: one wrong character of four is just similar enough."""
MOST_COMPARED = 40
MOST_READINGS = 16
ALONE_BEFORE = "个把口盏那这的买款只台袋箱包套我款张退换"
ALONE_AFTER = "的怎坏有还吗呢到什是不多能掉漏和跟给,。!? "
_MERGED_SOUNDS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"), ("ang", "an"))


@dataclass(frozen=True)
class Name:
    """A spelling of something: `value` is what the shop calls it, `ids` what it knows it by."""

    entity: str
    spelling: str
    value: str
    ids: tuple[int | str, ...] = ()


@lru_cache(maxsize=None)
def syllables(character: str) -> tuple[str, ...]:
    """The readings of a character without their tones, the usual one first; what is not Chinese is itself."""
    return tuple(dict.fromkeys(pinyin(character, style=Style.NORMAL, heteronym=True)[0]))


_signs: dict[str, str] = {}


@lru_cache(maxsize=None)
def _sign(syllable: str) -> str:
    """One character for a syllable; n and ng, s and sh are not told apart."""
    for careful, careless in _MERGED_SOUNDS:
        syllable = syllable.replace(careful, careless)
    return _signs.setdefault(syllable, chr(0xE000 + len(_signs)))


@lru_cache(maxsize=None)
def sound(character: str) -> str:
    """One character that stands for the usual reading."""
    return _sign(syllables(character)[0])


def sounds(text: str) -> str:
    return "".join(map(sound, text))


def readings(name: str) -> Iterator[str]:
    """The sounds of a name in every reading of its characters (调 is tiao and diao), a few at most."""
    each = (dict.fromkeys(map(_sign, syllables(character))) for character in name)
    return ("".join(signs) for signs in islice(product(*each), MOST_READINGS))


@dataclass(frozen=True)
class _Match:
    name: Name
    start: int
    end: int
    exact: bool


@dataclass
class Gazetteer:
    """Immutable once built; 20,000 names take some seconds to build and less than a millisecond to search."""

    names: Iterable[Name]
    ordinary: Collection[str] = frozenset()
    """Pairs of characters that shoppers write anyway."""
    _exact: dict[str, Name] = field(default_factory=dict, init=False)
    _by_sound: dict[str, Name] = field(default_factory=dict, init=False)
    _long: list[tuple[str, Name]] = field(default_factory=list, init=False)
    _by_pair: dict[str, list[int]] = field(default_factory=dict, init=False)
    _full_names: dict[int | str, Name] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        spelled: dict[str, list[Name]] = {}
        for name in self.names:
            spelled.setdefault(fold(name.spelling), []).append(name)
        for spelling, names in spelled.items():
            self._add(_merged(spelling, names))
        self._lengths = sorted({len(spelling) for spelling in self._exact}, reverse=True)
        self._sound_lengths = sorted({len(key) for key in self._by_sound}, reverse=True)

    def _add(self, name: Name) -> None:
        spelling = name.spelling
        self._exact[spelling] = name
        if name.entity == "product" and fold(name.value) == spelling and len(name.ids) == 1:
            self._full_names[name.ids[0]] = name
        if name.entity not in CORRECTED or len(spelling) < 2:
            return
        key = sounds(spelling)
        for heard in readings(spelling):
            self._by_sound.setdefault(heard, name)
        if name.entity != "courier" and len(spelling) >= 4:
            for pair in {key[i : i + 2] for i in range(len(key) - 1)}:
                self._by_pair.setdefault(pair, []).append(len(self._long))
            self._long.append((key, name))

    def find(self, text: str) -> Iterator[Found]:
        """The names in folded `text`, the longest first; they may overlap."""
        exact = self._exactly(text)
        heard = sounds(text)
        mistyped = [*self._by_ear(text, heard), *self._nearly(text, heard)]
        mistyped = [each for each in mistyped if not any(_crosses(each, other) for other in exact)]
        ranked = sorted([*exact, *mistyped], key=lambda m: (m.start - m.end, not m.exact, m.start))
        for match in ranked:
            if match.name.entity == "product" and match.end - match.start == 1 and not _alone(text, match):
                continue
            if match.name.entity == "product":
                match = self._widened(text, match)
            yield Found(match.name.entity, match.name.value, match.start, match.end, match.name.ids)

    def _exactly(self, text: str) -> list[_Match]:
        found = []
        for start in range(len(text)):
            for length in self._lengths:
                name = self._exact.get(text[start : start + length])
                if name is not None and start + length <= len(text):
                    found.append(_Match(name, start, start + length, True))
        return found

    def _by_ear(self, text: str, heard: str) -> Iterator[_Match]:
        for start in range(len(text) - 1):
            for length in self._sound_lengths:
                said = text[start : start + length]
                if len(said) < length or said in self._exact:
                    continue
                name = self._by_sound.get(heard[start : start + length])
                if name is None:
                    continue
                if self._sounds_meant(said, name.spelling):
                    yield _Match(name, start, start + length, False)

    def _sounds_meant(self, said: str, spelling: str) -> bool:
        """Whether words that sound like a name are written enough like it, and are no ordinary words."""
        both = list(zip(said, spelling, strict=True))
        same = sum(a == b for a, b in both)
        if len(said) == 2:
            alike = all(set(syllables(a)) & set(syllables(b)) for a, b in both)
            return same == 1 and alike and said not in self.ordinary
        return 3 * same >= len(said)

    def _nearly(self, text: str, heard: str) -> Iterator[_Match]:
        shared: Counter[int] = Counter()
        for pair in {heard[i : i + 2] for i in range(len(heard) - 1)}:
            shared.update(self._by_pair.get(pair, ()))
        for index, _ in shared.most_common(MOST_COMPARED):
            key, name = self._long[index]
            if len(heard) < len(key) - 1:
                continue
            near = fuzz.partial_ratio_alignment(key, heard, score_cutoff=SIMILAR)
            if near is None or near.score < SIMILAR or near.dest_end - near.dest_start < 3:
                continue
            start, end = near.dest_start, near.dest_end
            spelling, said = name.spelling, text[start:end]
            strange = [i for i in range(len(said)) if said[i] not in spelling]
            same = len(said) - len(strange)
            if 2 * same >= len(spelling) and not self._means_itself(text, start, strange):
                yield _Match(name, start, end, False)

    def _means_itself(self, text: str, start: int, strange: list[int]) -> bool:
        """Whether the characters that the name has not belong to ordinary words."""
        pairs = [text[start + i - shift : start + i - shift + 2] for i in strange for shift in (0, 1)]
        return any(pair in self.ordinary for pair in pairs if len(pair) == 2)

    def _widened(self, text: str, match: _Match) -> _Match:
        """A product that is called by more of its name: 云感跑鞋 for 云感缓震跑鞋."""
        fulls = [full for id in match.name.ids if (full := self._full_names.get(id))]
        best = match
        for full in fulls:
            spelling, start = full.spelling, match.start
            before = spelling[: spelling.rfind(text[match.start : match.end])] or spelling
            while start and text[start - 1] in before:
                start -= 1
            while start < match.start and text[start : start + 2] not in before:
                start += 1
            if match.start - start >= 2 and match.end - start > best.end - best.start:
                best = _Match(full, start, match.end, match.exact)
        return best


def _merged(spelling: str, names: list[Name]) -> Name:
    """One folded spelling of several things of the first one's kind: it names them all."""
    first = names[0]
    same = [name for name in names if name.entity == first.entity]
    ids = tuple(dict.fromkeys(id for name in same for id in name.ids))
    values = {name.value for name in same}
    return Name(first.entity, spelling, first.value if len(values) == 1 else first.spelling, ids)


def _crosses(mistyped: _Match, exact: _Match) -> bool:
    """Whether a mistyped name cuts an exact one, or holds one of another kind."""
    apart = mistyped.end <= exact.start or exact.end <= mistyped.start
    inside = mistyped.start <= exact.start and exact.end <= mistyped.end
    if inside and (exact.end - exact.start == 1 or exact.name.entity == mistyped.name.entity):
        return False
    return not apart


def _alone(text: str, match: _Match) -> bool:
    """Whether a name of one character stands for itself and is not part of another word."""
    before, after = text[: match.start][-1:], text[match.end :][:1]
    return (before in ALONE_BEFORE or not before.strip()) and (after in ALONE_AFTER)


PLATFORMS = {"京东"}
"""Names that without 快递 are those of a shop."""
_COURIER_KIND = re.compile("速运|速递|快递|物流$")
UNITS = {"毫升": "ml", "升": "l", "公斤": "kg", "克": "g", "厘米": "cm", "毫米": "mm", "毫安时": "mah"}


def names_of(served: Mapping[str, list[dict[str, object]]]) -> Iterator[Name]:
    """The names the app serves, each with the spellings shoppers use. Unknown kinds are passed over."""
    for row in served.get("products", []):
        ids, name = (_id(row),), str(row["name"])
        words = row.get("words") or []
        for spelling in dict.fromkeys([name, *map(str, words if isinstance(words, list) else [])]):
            yield Name("product", spelling.replace(" ", ""), name, ids)
    for store in served.get("stores", []):
        name = str(store["name"])
        short = name.rpartition("·")[2]
        for spelling in {name, name.replace("·", ""), short, short.removesuffix("店") + "门店"}:
            yield Name("store", spelling, name, (_id(store),))
    for courier in served.get("couriers", []):
        label = str(courier["name"])
        short = _COURIER_KIND.sub("", label)
        value = label if short in PLATFORMS else short
        yield from (Name("courier", spelling, value, (_id(courier),)) for spelling in {label, value})
    for brand in served.get("brands", []):
        yield Name("brand", str(brand["name"]), str(brand["name"]))
    for colour in served.get("colours", []):
        yield Name("colour", str(colour["name"]), str(colour["name"]))
    for size in served.get("sizes", []):
        name = str(size["name"])
        if not name.isascii():
            yield from (Name("size", spelling, name) for spelling in size_spellings(name))


def size_spellings(name: str) -> set[str]:
    """`500 毫升` is also 500毫升 and 500ml."""
    joined = name.replace(" ", "")
    spellings = {name, joined}
    for unit, letters in UNITS.items():
        if joined.endswith(unit) and joined[-len(unit) - 1].isdigit():
            spellings.add(joined.removesuffix(unit) + letters)
    return spellings


def _id(row: Mapping[str, object]) -> int | str:
    id = row["id"]
    assert isinstance(id, (int, str))
    return id
