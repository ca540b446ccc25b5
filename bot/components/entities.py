"""The facts in a message: numbers of orders and phones, sizes, places, colours, days."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import spacy
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.matcher import PhraseMatcher
from spacy.util import filter_spans

from bot.components.numerals import NUMERAL, number
from bot.components.text import fold

LOOKUPS = ("place", "colour", "size")
Value = str | int | float
Found = tuple[str, Value, int, int]


@dataclass(frozen=True)
class Rule:
    """`pattern` finds the entity in folded text, group `v` being its value; `read` may refuse with None."""

    entity: str
    pattern: re.Pattern[str]
    read: Callable[[str], Value | None] = str


def rule(entity: str, pattern: str, read: Callable[[str], Value | None] = str) -> Rule:
    return Rule(entity, re.compile(pattern), read)


def _digits(said: str) -> str:
    return re.sub(r"\D", "", said)


def _upper(said: str) -> str:
    return said.upper()


def _tax_number(said: str) -> str | None:
    return said.upper() if len(said) in (15, 18, 20) else None


def _within(low: float, high: float, value: float) -> Value | None:
    if not low <= value <= high:
        return None
    return int(value) if value == int(value) else round(value, 1)


def _height(said: str) -> Value | None:
    """Centimetres: 165, 1.65, 1米65, 一米七五, 1m7."""
    metres, _, rest = re.sub(r"[米m]", "米", said.removesuffix("cm")).partition("米")
    value = number(metres)
    if rest:
        hundredths = number(rest) if rest.isdigit() else float("".join(str(int(number(c))) for c in rest))
        value = value * 100 + (hundredths * 10 if hundredths < 10 else hundredths)
    elif value < 3:
        value *= 100
    return _within(130, 215, value)


def _kilograms(said: str) -> Value | None:
    return _within(30, 150, number(said))


def _jin(said: str) -> Value | None:
    return _within(30, 150, number(said) / 2)


def _weight(said: str) -> Value | None:
    """A weight without its unit: whoever writes 85 or more counts in 斤."""
    return _jin(said) if number(said) >= 85 else _kilograms(said)


def _quantity(said: str) -> Value | None:
    return _within(1, 999, number(said))


# The first rule that finds a stretch of text keeps it.
_NUMBERS = [
    rule("tracking_no", r"(?<![a-z0-9])(?P<v>(?:sf|yt|jd|zto|sto)\d{8,15})(?![a-z0-9])", _upper),
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
]
_DAYS = "一二三四五六日天末"
_TENS = "一二三四五六七八九十"
_WHEN = [
    rule("when", rf"(?P<v>(?:\d{{1,2}}月\d{{1,2}}|[{_TENS}]{{1,2}}月[{_TENS}]{{1,3}})[日号]?)"),
    rule("when", r"(?P<v>(?:大前|[前昨今明后])[天日儿](?:早上|上午|中午|下午|晚上|夜里)?)"),
    rule("when", r"(?P<v>[昨今明]晚|[今明]早|前几天)"),
    rule("when", rf"(?P<v>(?:上上|上|这|本|下)?个?(?:周|星期|礼拜)[{_DAYS}])(?!年)"),
    rule("when", r"(?P<v>(?:上上|上|这|本|下)个?(?:周|星期|礼拜|月)|月初|月底|年前|年底)"),
    rule("when", rf"(?P<v>{NUMERAL}(?:天|周|个星期|个月)[之以]?前|双十[一二]|双1[12]|618)"),
    rule("when", r"(?<![\d.第路街弄道巷])(?P<v>(?:[12]?\d|3[01])[号日])(?![楼栋店仓线门码院库款色\d])"),
    rule("when", r"(?P<v>刚刚|刚才|方才|刚(?=买|下单|拍|付|收到|到手|订|点|申请))"),
]
_COUNTED = "件个双条只台盒箱瓶袋包套份本支把罐桶张块提束卷顶副枚"
_UNCOUNTED = "月(?!饼)|多月|小时|星期|礼拜|钟头|人|说法|交代|解释|答复|电话|问题"
_QUANTITY = [
    rule("quantity", r"数量\D{0,4}?(?P<v>\d{1,3})(?!\d)", _quantity),
    rule("quantity", rf"(?<![\d.第])(?P<v>{NUMERAL})\s?[{_COUNTED}](?!{_UNCOUNTED})", _quantity),
    rule("quantity", r"^\s*(?P<v>\d{1,2})\s*$", _quantity),
]
_BARE_HEIGHT = rule("height_cm", r"^\s*(?P<v>1[4-9]\d|20\d)\s*$", _height)
_LATIN = r"(?<![a-z0-9+]){}(?:码|号)?(?![a-z0-9+])"
_STREET = re.compile(r"[东南西北中]?(?:[一二三四五]?路|街|大道)")
_ALONE = re.compile(r"(?<![明空白黑漂])(?=.(?:色|的|款|那|这|,|/|、|\s|$))")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class ShopEntityExtractor(EntityExtractorMixin, GraphComponent):
    """Rules for what has a form, the lookup tables `place`, `colour` and `size` for what has a name.

    Values: heights in cm, weights in kg and quantities are numbers, all else is text.
    """

    def __init__(self, lookups: dict[str, list[str]], storage: ModelStorage, resource: Resource) -> None:
        self._lookups = lookups
        self._storage = storage
        self._resource = resource
        self._nlp = spacy.blank("zh")
        self._names = PhraseMatcher(self._nlp.vocab)
        for entity in ("place", "colour"):
            self._names.add(entity, [self._nlp.make_doc(fold(name)) for name in lookups.get(entity, [])])
        self._sizes = [rule("size", pattern, _upper) for pattern in _size_patterns(lookups.get("size", []))]

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ShopEntityExtractor:
        return cls({}, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Keep the lookup tables."""
        tables = {t["name"]: t["elements"] for t in training_data.lookup_tables if t["name"] in LOOKUPS}
        with self._storage.write_to(self._resource) as folder:
            (folder / "lookups.json").write_text(json.dumps(tables, ensure_ascii=False), encoding="utf8")
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
            tables = json.loads((folder / "lookups.json").read_text(encoding="utf8"))
        return cls(tables, model_storage, resource)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            found = message.get(ENTITIES, []) + self.extract(message.get(TEXT))
            message.set(ENTITIES, found, add_to_output=True)
        return messages

    def extract(self, text: str) -> list[dict[str, Any]]:
        """The entities of `text` in reading order; `start` and `end` are offsets into `text`."""
        folded = fold(text)
        found: list[Found] = []
        for entity in _by_rules(_NUMBERS + _BODY + self._sizes + _WHEN, folded):
            _keep(found, entity)
        for entity in self._named(folded):
            _keep(found, entity)
        for entity in _by_rules(_QUANTITY, folded):
            _keep(found, entity)
        found += _by_rules([_BARE_HEIGHT], folded)
        return [
            {"entity": name, "value": value, "start": start, "end": end, "extractor": type(self).__name__}
            for name, value, start, end in sorted(found, key=lambda entity: entity[2])
        ]

    def _named(self, folded: str) -> Iterator[Found]:
        document = self._nlp.make_doc(folded)
        spans = filter_spans(self._names(document, as_spans=True))
        places: list[tuple[int, int]] = []
        for span in spans:
            start, end = span.start_char, span.end_char
            if span.label_ == "place":
                if _STREET.match(folded, end):
                    continue
                end += folded[end : end + 1] in ("市", "省")
                if places and places[-1][1] == start:
                    start, _ = places.pop()
                places.append((start, end))
            elif end - start > 1 or _ALONE.match(folded, start):
                yield "colour", folded[start:end], start, end
        for start, end in places:
            yield "place", folded[start:end], start, end


def _size_patterns(names: list[str]) -> Iterator[str]:
    """Latin sizes stand alone, numbers need 码 or 号 unless they are the whole message, others are plain."""
    names = sorted(map(fold, names), key=len, reverse=True)
    numbers = "|".join(name for name in names if name.isdigit())
    latin = "|".join(name for name in names if name.isascii() and not name.isdigit())
    plain = "|".join(name for name in names if not name.isascii())
    if latin:
        yield _LATIN.format(f"(?P<v>{latin})")
    if numbers:
        yield rf"(?<![\d.])(?P<v>(?:{numbers})(?:\.5)?)\s?[码号](?!楼|线|店)"
        yield rf"(?:鞋子?|脚|穿)\s?(?P<v>(?:{numbers})(?:\.5)?)(?![\d斤公kc])"
        yield rf"^\s*(?P<v>{numbers})\s*$"
    if plain:
        yield f"(?P<v>{plain})"


def _by_rules(rules: list[Rule], folded: str) -> Iterator[Found]:
    for each in rules:
        for match in each.pattern.finditer(folded):
            value = each.read(match["v"])
            if value is not None:
                yield each.entity, value, match.start("v"), match.end("v")


def _keep(found: list[Found], entity: Found) -> None:
    if all(entity[3] <= start or end <= entity[2] for _, _, start, end in found):
        found.append(entity)
