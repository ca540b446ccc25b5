"""Entities marked in a text, as Rasa 3 writes them.

`[x](city)`, `[x](city:value)`, `[x]{"entity": "city"}`, `[x][{"entity": "city"}, {"entity": "harbour"}]`;
what does not close is plain text; there is no escape for it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

MARKED = re.compile(
    r"\[(?P<text>[^\]]+?)\]"
    r"(?:\((?P<entity>[^:)]+?)(?::(?P<value>[^)]+))?\)|\{(?P<one>[^}]+?)\}|\[(?P<several>.*?)\])"
)
ONE_OF_SEVERAL = re.compile(r"\{([^}]+?)\}")
ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "entity": str,
    "role": str,
    "group": str,
    "value": (str, int, float),
}
CLOSING = str.maketrans({each: f"\\u{ord(each):04x}" for each in "}]\n"})


@dataclass(frozen=True)
class Span:
    """`text[start:end]` names an entity; `value` is what it stands for, None: its own text."""

    start: int
    end: int
    entity: str
    value: str | int | float | None = None
    role: str | None = None
    group: str | None = None


def read_markup(marked: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its markup, and what was marked.

    Raises `ValueError` with a sentence when the attributes of an entity are not what Rasa takes.
    """
    text, spans, done = "", list[Span](), 0
    for found in MARKED.finditer(marked):
        text += marked[done : found.start()]
        start, done = len(text), found.end()
        text += found["text"]
        spans += (Span(start, len(text), **attributes) for attributes in attributes_of(found))
    return text + marked[done:], tuple(spans)


def attributes_of(found: re.Match[str]) -> Iterator[dict[str, Any]]:
    if found["entity"]:
        yield {"entity": found["entity"], "value": found["value"]}
        return
    for written in [found["one"]] if found["one"] else ONE_OF_SEVERAL.findall(found["several"]):
        try:
            told = json.loads(f"{{{written}}}")
        except ValueError:
            raise ValueError(f"the entity {{{written}}} is not written as JSON") from None
        if "entity" not in told:
            raise ValueError(f"{{{written}}} does not say which entity it is")
        for name, kind in ATTRIBUTES.items():
            if name in told and (not isinstance(told[name], kind) or isinstance(told[name], bool)):
                raise ValueError(f"the {name} of the entity {{{written}}} is not a text")
        yield {name: told[name] for name in ATTRIBUTES if name in told}


def write_markup(text: str, spans: Iterable[Span]) -> str:
    """The marked text that `read_markup` takes apart into just these.

    Raises `ValueError` when none does: spans that overlap or are empty, a `]` inside one, or a text that
    looks like markup itself.
    """
    ordered = sorted(spans, key=lambda span: (span.start, span.end))
    marked, done = "", 0
    for (start, end), group in groupby(ordered, key=lambda span: (span.start, span.end)):
        if not done <= start < end <= len(text):
            raise ValueError("entities must lie in the text, one after the other")
        marked += text[done:start] + f"[{text[start:end]}]{written(list(group))}"
        done = end
    marked += text[done:]
    try:
        read = read_markup(marked)
    except ValueError:
        read = "", ()
    if read != (text, tuple(ordered)):
        raise ValueError("this text cannot be marked: brackets in it look like markup")
    return marked


def written(spans: list[Span]) -> str:
    """What follows the brackets around a text; short where that is all there is to say."""
    first = spans[0]
    if len(spans) > 1:
        return f"[{', '.join(map(as_json, spans))}]"
    value = first.value
    short = first.role is None and first.group is None and re.fullmatch(r"[^:)]+", first.entity)
    if not short or not (value is None or (isinstance(value, str) and re.fullmatch(r"[^)]+", value))):
        return as_json(first)
    return f"({first.entity})" if value is None else f"({first.entity}:{value})"


def as_json(span: Span) -> str:
    told = {name: getattr(span, name) for name in ATTRIBUTES if getattr(span, name) is not None}
    inside = json.dumps(told, ensure_ascii=False)[1:-1]
    return f"{{{inside.translate(CLOSING)}}}"
