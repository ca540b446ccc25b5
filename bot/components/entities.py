"""The facts in a message: numbers of orders and phones, names of the shop's world, days, sums, pieces."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.amounts import amounts, quantities
from bot.components.dates import SHOP_ZONE, dates
from bot.components.found import Found, by_rules, rule, without_overlap
from bot.components.gazetteer import Gazetteer, Name, names_of
from bot.components.live_names import LiveNames
from bot.components.numerals import NUMERAL, number
from bot.components.text import PARCEL, fold

LOOKUPS = ("place", "courier", "colour", "size")
SENT_AT = "sent_at"
ORDINARY = 3
"""How often the training sentences must hold a pair of characters before it cannot be a typo."""


def _digits(said: str) -> str:
    return re.sub(r"\D", "", said)


def _upper(said: str) -> str:
    return said.upper()


def _tax_number(said: str) -> str | None:
    return said.upper() if len(said) in (15, 18, 20) else None


def _within(low: float, high: float, value: float) -> float | None:
    if not low <= value <= high:
        return None
    return int(value) if value == int(value) else round(value, 1)


def _height(said: str, least: float = 130) -> float | None:
    """Centimetres: 165, 1.65, 1米65, 一米七五, 1m7."""
    metres, _, rest = re.sub(r"[米m]", "米", said.removesuffix("cm")).partition("米")
    value = number(metres)
    if rest:
        hundredths = number(rest) if rest.isdigit() else float("".join(str(int(number(c))) for c in rest))
        value = value * 100 + (hundredths * 10 if hundredths < 10 else hundredths)
    elif value < 3:
        value *= 100
    return _within(least, 215, value)


def _child_height(said: str) -> float | None:
    return _height(said, least=80)


def _kilograms(said: str) -> float | None:
    return _within(30, 150, number(said))


def _jin(said: str) -> float | None:
    return _within(30, 150, number(said) / 2)


def _child_jin(said: str) -> float | None:
    return _within(8, 150, number(said) / 2)


def _weight(said: str) -> float | None:
    """A weight without its unit: whoever writes 85 or more counts in 斤."""
    return _jin(said) if number(said) >= 85 else _kilograms(said)


# The first rule that finds a stretch of text keeps it.
_NUMBERS = [
    rule("tracking_no", rf"(?P<v>{PARCEL})", _upper),
    rule("email", r"(?<![a-z0-9._%+-])(?P<v>[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+)"),
    rule("tax_no", r"(?:税号|识别号|信用代码)[^0-9a-z]{0,8}(?P<v>[0-9a-z]{15,20})(?![0-9a-z])", _tax_number),
    rule("tax_no", r"^\s*(?P<v>[0-9a-z]{18})\s*$", _upper),
    rule("tax_no", r"(?<![0-9a-z])(?P<v>[159y][1-39]\d{6}(?=\d*[a-z])[0-9a-z]{10})(?![0-9a-z])", _upper),
    rule("order_no", r"(?<![0-9a-z])(?P<v>\d(?:[ -]?\d){15})(?!-?\d)", _digits),
    rule("phone", r"(?<![0-9a-z])(?:\+?86[ -]?)?(?P<v>1[3-9]\d[ -]?\d{4}[ -]?\d{4})(?!\d)", _digits),
    rule("last4", r"(?:尾号|尾数|[后末][四4]位)[^0-9a-z]{0,6}(?P<v>\d{4})(?!\d)"),
    rule("last4", r"(?<!\d)(?P<v>\d{4})\s?(?:结尾|的?尾号|这个尾号)"),
    rule("last4", r"^\s*(?P<v>\d{4})\s*$"),
]
_BODY = [
    rule("weight_kg", rf"(?<![\d.])(?P<v>{NUMERAL})\s?(?:公斤|千克|kg)", _kilograms),
    rule("weight_kg", rf"(?<![\d.])(?P<v>{NUMERAL})\s?斤", _jin),
    rule(
        "weight_kg",
        rf"(?<![\d.])(?P<v>{NUMERAL})\s?斤(?=[,\s]{{0,2}}(?:身高)?\d{{2,3}}\s?(?:cm|厘米|公分))",
        _child_jin,
    ),
    rule("weight_kg", rf"体重\D{{0,3}}?(?P<v>{NUMERAL})(?![\d.a-z公])", _weight),
    rule(
        "height_cm",
        r"(?<![\d.宽长床])(?P<v>(?:[12]\s?[米m]\s?\d{1,2}|1\.\d{1,2}[米m]|一米[一二三四五六七八九零]{1,2}))"
        r"(?!\d|的?[床桌柜沙窗被长宽高管线])",
        lambda said: _height(said.replace(" ", "")),
    ),
    rule("height_cm", r"(?<![\d.])(?P<v>1[3-9]\d|20\d)\s?(?:cm|厘米|公分)", _height),
    rule("height_cm", r"(?:身高|净高|个子)\D{0,3}?(?P<v>1[3-9]\d|20\d|1\.\d{1,2})(?!\d)", _height),
    rule(
        "height_cm",
        r"(?<![\d.])(?P<v>1[4-9]\d|20\d)(?=[\s,/]{0,2}(?:体重)?\s?\d{2,3}\s?(?:斤|公斤|kg))",
        _height,
    ),
    rule(
        "height_cm",
        r"(?<![\d.])(?P<v>[89]\d|1[0-2]\d)\s?(?:cm|厘米|公分)(?=的?(?:娃|宝|孩|小朋友)|高|[,\s]?(?:体重|穿|\d+斤))",
        _child_height,
    ),
]
_BARE_HEIGHT = rule("height_cm", r"^\s*(?P<v>1[4-9]\d|20\d)\s*$", _height)
_LATIN = r"(?<![a-z0-9+]){}(?:码|号)?(?![a-z0-9+])"
_STREET = re.compile(r"[东南西北中]?(?:[一二三四五]?路|街|大道)|话|菜|口味")
_PROVINCE_OR_CITY = re.compile(r"省|市(?![桥场中民面内区])")
_ALONE = re.compile(r"(?<![明空白黑漂])(?=.(?:色|的|款|那|这|,|/|、|\s|$))")


Table = Mapping[str, list[str]]


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ShopEntityExtractor(EntityExtractorMixin, GraphComponent):
    """Rules for what has a form, a gazetteer for what has a name.

    The names are the lookup tables `place`, `courier`, `colour` and `size` of the training data with their
    synonyms, and those the app serves. Values: `when` is {"from", "to"} in ISO 8601, `amount` {"from", "to"}
    in fen; heights in cm, weights in kg and quantities are numbers; all else is text, with the `ids` of the
    products, stores and couriers it names. Times are told from the message's `sent_at` where its metadata
    has one, else from now.
    """

    def __init__(
        self,
        lookups: Table,
        synonyms: Mapping[str, str],
        ordinary: Iterable[str],
        storage: ModelStorage,
        resource: Resource,
    ) -> None:
        self._lookups, self._synonyms, self._ordinary = lookups, synonyms, frozenset(ordinary)
        self._storage = storage
        self._resource = resource
        self.know({})

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ShopEntityExtractor:
        return cls({}, {}, (), model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Keep the lookup tables, their synonyms, and the pairs of characters that are ordinary."""
        said = (example.get(TEXT) for example in training_data.intent_examples)
        kept = {
            "lookups": {
                t["name"]: t["elements"] for t in training_data.lookup_tables if t["name"] in LOOKUPS
            },
            "synonyms": training_data.entity_synonyms,
            "ordinary": ordinary_pairs(said),
        }
        with self._storage.write_to(self._resource) as folder:
            (folder / "names.json").write_text(json.dumps(kept, ensure_ascii=False), encoding="utf8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ShopEntityExtractor:
        with model_storage.read_from(resource) as folder:
            kept = json.loads((folder / "names.json").read_text(encoding="utf8"))
        extractor = cls(**kept, storage=model_storage, resource=resource)
        LiveNames.follow(extractor)
        return extractor

    def know(self, served: Mapping[str, Any]) -> None:
        """Take over the names that the app serves; messages go on being read meanwhile."""
        sizes = [*self._lookups.get("size", []), *(row["name"] for row in served.get("sizes", []))]
        patterns = _size_patterns([size for size in dict.fromkeys(sizes) if " " not in size])
        read = partial(in_shop_terms, self._synonyms)
        gazetteer = Gazetteer([*names_of(served), *self._looked_up()], self._ordinary)
        self._sizes, self._gazetteer = [rule("size", pattern, read) for pattern in patterns], gazetteer

    def _looked_up(self) -> Iterator[Name]:
        for entity in ("place", "courier", "colour"):
            for spelling in self._lookups.get(entity, []):
                yield Name(entity, spelling, self._synonyms.get(spelling, spelling))

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            sent_at = (message.get(METADATA) or {}).get(SENT_AT)
            found = message.get(ENTITIES, []) + self.extract(message.get(TEXT), _moment(sent_at))
            message.set(ENTITIES, found, add_to_output=True)
        return messages

    def extract(self, text: str, now: datetime | None = None) -> list[dict[str, Any]]:
        """The entities of `text` in reading order; `start` and `end` are offsets into `text`."""
        folded = fold(text)
        found = without_overlap(self._find(folded, now or datetime.now(SHOP_ZONE)))
        found += by_rules([_BARE_HEIGHT], folded)
        return [
            {
                "entity": each.entity,
                "value": each.value,
                "start": each.start,
                "end": each.end,
                "extractor": type(self).__name__,
                **({"ids": list(each.ids)} if each.ids else {}),
            }
            for each in sorted(found, key=lambda each: each.start)
        ]

    def _find(self, folded: str, now: datetime) -> Iterator[Found]:
        yield from by_rules(_NUMBERS + _BODY, folded)
        yield from _named(self._gazetteer, folded)
        yield from by_rules(self._sizes, folded)
        yield from dates(folded, now)
        yield from amounts(folded)
        yield from quantities(folded)


def in_shop_terms(synonyms: Mapping[str, str], size: str) -> str:
    return synonyms.get(size.upper(), size.upper())


def ordinary_pairs(sentences: Iterable[str]) -> list[str]:
    """The pairs of characters that stand in at least `ORDINARY` of the sentences."""
    counted: Counter[str] = Counter()
    for sentence in sentences:
        folded = fold(sentence)
        counted.update({folded[i : i + 2] for i in range(len(folded) - 1)})
    return sorted(pair for pair, count in counted.items() if count >= ORDINARY)


def _moment(sent_at: Any) -> datetime | None:
    """When a message was sent, as its metadata says it: ISO 8601 with its zone."""
    try:
        moment = datetime.fromisoformat(str(sent_at).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _named(gazetteer: Gazetteer, folded: str) -> Iterator[Found]:
    """Names that stand for themselves; places beside each other are one place."""
    places: list[Found] = []
    for name in sorted(
        without_overlap(filter(_stands(folded), gazetteer.find(folded))), key=lambda n: n.start
    ):
        if name.entity != "place":
            yield name
            continue
        end = name.end + (bool(_PROVINCE_OR_CITY.match(folded, name.end)))
        start = places.pop().start if places and places[-1].end == name.start else name.start
        places.append(Found("place", folded[start:end], start, end))
    yield from places


def _stands(folded: str) -> Callable[[Found], bool]:
    def stands(name: Found) -> bool:
        if name.entity == "place":
            return not _STREET.match(folded, name.end)
        if name.entity == "colour" and folded[name.end - 1 : name.end + 1] == "色差":
            return False
        if name.entity == "colour" and name.end - name.start == 1:
            return bool(_ALONE.match(folded, name.start))
        return True

    return stands


def _size_patterns(names: list[str]) -> Iterator[str]:
    """Latin sizes stand alone, numbers need 码 or 号 unless they are the whole message, others are plain."""
    names = sorted(map(fold, names), key=len, reverse=True)
    numbers = "|".join(name for name in names if name.isdigit())
    shoes = "3[4-9]|4[0-7]"
    latin = "|".join(name for name in names if name.isascii() and not name.isdigit())
    plain = "|".join(name for name in names if not name.isascii())
    if latin:
        yield _LATIN.format(f"(?P<v>{latin})")
    if numbers:
        yield rf"(?<![\d.])(?P<v>(?:{numbers})(?:\.5)?)\s?(?:码|(?<!30|28)号)(?!楼|线|店)"
        yield rf"(?:换成?|改成?|要|有|是|[绿色白黑])(?P<v>{shoes})(?=的(?!券|红包|优惠)|换|吗|呢|[,!?\s]|$)"
        yield rf"(?<![\d.])(?P<v>{shoes})(?=换)"
        yield rf"(?:鞋子?|脚|穿)\s?(?P<v>(?:{numbers})(?:\.5)?)(?![\d斤公kc])"
        yield rf"^\s*(?P<v>{numbers})\s*$"
    if plain:
        yield f"(?P<v>{plain})"
