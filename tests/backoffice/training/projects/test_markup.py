"""Entities in a text are read as Rasa reads them and written so that they are read again."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.strategies import composite, floats, integers, lists, none, sampled_from, text

from backoffice.training.projects.markup import Span, read_markup, write_markup

NASTY = [
    "黑色",
    "羽绒服",
    "\\",
    '"',
    "'",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ":",
    " ",
    "\n",
    "\t",
    "🧥",
    "a",
    "\\u4f60",
    "#",
]


nasty = lists(sampled_from(NASTY), max_size=8).map("".join) | text(max_size=6)
words = text(sampled_from("黑白 ab\\\"'():{}🧥\n#-"), min_size=1, max_size=5)
names = words.filter(str.strip)


@composite
def marked_texts(draw) -> tuple[str, tuple[Span, ...]]:  # type: ignore[no-untyped-def]
    """A text of pieces, some of which name one entity or several."""
    whole, spans = "", []
    for _ in range(draw(integers(0, 4))):
        whole += draw(text(sampled_from("我要 a\\\"':\n🧥，#-"), max_size=4))
        piece = draw(words)
        for _ in range(draw(integers(1, 3))):
            values = none() | nasty | integers(-9, 9) | floats(allow_nan=False, allow_infinity=False)
            parts = [draw(names), draw(values), draw(none() | names), draw(none() | names)]
            spans.append(Span(len(whole), len(whole) + len(piece), *parts))
        whole += piece + " "
    return whole, tuple(spans)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(marked_texts())
def test_what_is_written_is_read_again(case: tuple[str, tuple[Span, ...]]) -> None:
    whole, spans = case
    marked = write_markup(whole, spans)
    assert read_markup(marked) == (whole, spans)
    assert write_markup(*read_markup(marked)) == marked


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nasty)
def test_any_text_is_read_and_what_can_be_marked_is_written_again(marked: str) -> None:
    try:
        read = read_markup(marked)
        again = write_markup(*read)
    except ValueError:
        assume(False)
    assert read_markup(again) == read


@pytest.mark.parametrize(
    ("marked", "text", "spans"),
    [
        ("要[黑](colour)的", "要黑的", [Span(1, 2, "colour")]),
        ("要[黑](colour:黑色)的", "要黑的", [Span(1, 2, "colour", "黑色")]),
        ("a [b](c:d:e) [f](g)", "a b f", [Span(2, 3, "c", "d:e"), Span(4, 5, "g")]),
        (
            '从[上海]{"entity": "city", "role": "from", "group": "1", "value": "沪"}来',
            "从上海来",
            [Span(1, 3, "city", "沪", "from", "1")],
        ),
        ('[x]{"entity": "n", "value": 3}', "x", [Span(0, 1, "n", 3)]),
        ('[x][{"entity": "a"}, {"entity": "b"}]', "x", [Span(0, 1, "a"), Span(0, 1, "b")]),
        ("[x][y]", "x", []),
        ("[x](city", "[x](city", []),
        ("[x] (city)", "[x] (city)", []),
        ("[](city) []", "[](city) []", []),
        ('[x]{"entity": "a"', '[x]{"entity": "a"', []),
        (r"\[x\](city)", "\\x\\", [Span(1, 3, "city")]),
        ("  x  ", "  x  ", []),
    ],
)
def test_each_spelling_is_read(marked: str, text: str, spans: list[Span]) -> None:
    assert read_markup(marked) == (text, tuple(spans))


@pytest.mark.parametrize(
    ("text", "spans", "marked"),
    [
        ("要黑的", [Span(1, 2, "colour")], "要[黑](colour)的"),
        ("要黑的", [Span(1, 2, "colour", "黑色")], "要[黑](colour:黑色)的"),
        ("x", [Span(0, 1, "a", role="b")], '[x]{"entity": "a", "role": "b"}'),
        ("x", [Span(0, 1, "a", "(1)")], '[x]{"entity": "a", "value": "(1)"}'),
        ("x", [Span(0, 1, "a", ")}]")], '[x]{"entity": "a", "value": ")\\u007d\\u005d"}'),
        ("x", [Span(0, 1, "a:b")], '[x]{"entity": "a:b"}'),
        (
            "x",
            [Span(0, 1, "a"), Span(0, 1, "b", "]")],
            '[x][{"entity": "a"}, {"entity": "b", "value": "\\u005d"}]',
        ),
        ("xy", [Span(1, 2, "b"), Span(0, 1, "a")], "[x](a)[y](b)"),
    ],
)
def test_the_short_spelling_is_taken_where_it_says_all(text: str, spans: list[Span], marked: str) -> None:
    assert write_markup(text, spans) == marked


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("xy", [Span(0, 2, "a"), Span(1, 2, "b")]),
        ("xy", [Span(1, 1, "a")]),
        ("xy", [Span(0, 3, "a")]),
        ("x]", [Span(0, 2, "a")]),
        ("[x](a) y", [Span(7, 8, "b")]),
        ("[x](a)", []),
        ("[x]{a}", []),
    ],
)
def test_what_markup_cannot_say_is_refused(text: str, spans: list[Span]) -> None:
    with pytest.raises(ValueError, match=r"entit|marked"):
        write_markup(text, spans)


@pytest.mark.parametrize(
    ("marked", "why"),
    [
        ("[x]{entity: a}", "not written as JSON"),
        ('[x]{"role": "a"}', "does not say which entity"),
        ('[x]{"entity": 5}', "the entity of the entity"),
        ('[x]{"entity": "a", "value": true}', "the value of"),
        ('[x][{"entity": "a"}, {b}]', "not written as JSON"),
    ],
)
def test_bad_attributes_are_told(marked: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_markup(marked)
