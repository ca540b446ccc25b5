"""YAML is read as Rasa reads it; what is written says the same, and changes no more than it must."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import (
    booleans,
    builds,
    dates,
    dictionaries,
    floats,
    integers,
    lists,
    none,
    recursive,
    sampled_from,
    text,
)

from backoffice.training.projects.yaml_text import Unreadable, dump, line_of, load, plain, same

SIGNIFICANT = [
    *[
        "yes",
        "No",
        "on",
        "~",
        "null",
        "true",
        "1e3",
        "012",
        "0o7",
        "1_000",
        ".nan",
        "2024-01-01",
        "12:30",
        "<<",
        "=",
    ],
    *[
        ": x",
        "x: y",
        "# y",
        "x # y",
        "- z",
        "-",
        "? a",
        "&a",
        "*a",
        "!x",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "a]",
    ],
    *[
        "'",
        '"',
        "\\",
        "\\u4f60",
        "\\\\u4f60",
        "${HOME}",
        "---",
        "...",
        "",
        " ",
        " a",
        "a ",
        "\ta",
        "\n",
        "a\n",
        "\na",
    ],
    *[
        "a\nb",
        "a\n b\n",
        " a\nb",
        "a \nb",
        "a\n\n",
        "a\n\nb\n",
        "a\r\nb",
        "\x85",
        "a\u2028b",
        "\ufeff",
        "\x00",
        "\x1b",
    ],
    *["羽绒服 黑色", "🧥", "- 黑\n- 白\n", "- a # b\n- c: d\n", "a, b", "a" * 200 + " " + "b" * 200],
]
texts = sampled_from(SIGNIFICANT) | text(max_size=12) | builds(str.__add__, *[sampled_from(SIGNIFICANT)] * 2)
scalars = texts | none() | booleans() | integers() | floats() | dates(date(1000, 1, 1))
values = recursive(scalars, lambda inner: lists(inner, max_size=4) | dictionaries(texts, inner, max_size=4))
documents = dictionaries(texts, values, max_size=5)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(documents)
def test_whatever_is_written_says_the_same(data: dict[str, Any]) -> None:
    assert same(load("a.yml", dump(data)), plain(data))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(documents, documents)
def test_a_text_can_be_made_to_say_anything(before: dict[str, Any], after: dict[str, Any]) -> None:
    source = dump(before)
    changed = dump(after, source)
    assert same(load("a.yml", changed), plain(after))
    assert same(load("a.yml", dump(before, changed)), plain(before))


@pytest.mark.parametrize("said", SIGNIFICANT)
def test_significant_texts_stay_texts(said: str) -> None:
    assert load("a.yml", dump({said: [said, {"a": said}]})) == {said: [said, {"a": said}]}


def test_texts_that_look_like_yes_are_quoted_for_readers_of_older_yaml() -> None:
    assert dump({"a": ["yes", "OFF", "yes please"]}) == 'a:\n- "yes"\n- "OFF"\n- yes please\n'


SOURCE = """\
---
version: "3.1"   # the format
# what shoppers say
nlu:
  - intent: a   # first
    examples: |
      - eins # no comment
      - zwei

  # the second
  - intent: 'b'
    metadata: {x: 1, y: [null, ~]}
    examples: |
      - drei
other: ${HOME}
last:
"""


def test_a_change_leaves_the_rest_of_a_text_alone() -> None:
    data = load("a.yml", SOURCE)
    data["nlu"][1]["intent"] = "c"
    data["nlu"][0]["examples"] += "- neu\n"
    assert dump(data, SOURCE) == SOURCE.replace("'b'", "'c'").replace(
        "zwei\n", "zwei\n      - neu\n"
    ).replace("~", "null").replace("last:", "last: null")


def test_what_stands_before_the_beginning_stays() -> None:
    assert dump({"a": 2}, "# c\n---\na: 1\n") == "# c\n---\na: 2\n"


def test_items_come_and_go_in_the_middle() -> None:
    source = "a:\n- 1\n# two\n- {b: 2}\n- 3 # three\nz: 1\n"
    assert dump({"a": [1, {"b": 2}, 3], "z": 1}, source) == source
    assert dump({"a": [1, {"b": 2}, 4, 3], "z": 1}, source) == source.replace("- 3", "- 4\n- 3")
    assert dump({"a": [{"b": 2}, 3], "z": 1}, source).endswith("- {b: 2}\n- 3 # three\nz: 1\n")


def test_a_key_is_renamed_where_it_stands() -> None:
    source = "a:\n  x: 1 # one\n  y: 2 # two\n  z: 3\n"
    assert dump({"a": {"x": 1, "new": 2, "z": 3}}, source) == source.replace("y:", "new:")


def test_anchors_are_written_out_where_a_change_parts_them() -> None:
    source = "a: &one {x: 1}\nb: *one\nc:\n  <<: *one\n  y: 2\n"
    data = {"a": {"x": 1}, "b": {"x": 5}, "c": {"x": 1, "y": 2}}
    assert load("a.yml", dump(data, source)) == data


def test_windows_line_ends_stay_where_a_text_is_changed() -> None:
    source = "a: |\r\n  - b\r\n# c\r\nd: [{e: 1}]\r\n"
    assert dump({"a": "- b\n- x\n", "d": [{"e": 1}]}, source) == source.replace("- b", "- b\r\n  - x")


@pytest.mark.parametrize(
    "source",
    [
        "a:\n    b:\n    - c: |\n          - d\n    e: 1\n",
        "a:\n  b:\n    - c: |\n        - d\n  e: 1\n",
        "a:\n  b:\n  - c: |\n      - d\n  e: 1\n",
    ],
)
def test_lines_stay_as_far_in_as_they_are(source: str) -> None:
    assert dump({"a": {"b": [{"c": "- d\n"}], "e": 2}}, source) == source.replace("1", "2")


def test_windows_line_ends_and_a_mark_at_the_beginning_are_read() -> None:
    assert load("a.yml", "\ufeffa: |\r\n  - b\r\n  - c\r\n") == {"a": "- b\n- c\n"}


def test_an_ascii_text_is_unescaped_everywhere_as_rasa_does() -> None:
    assert load("a.yml", "a: |\n  - \\u4f60 \\ud83e\\udde5\n") == {"a": "- 你 🧥\n"}
    assert load("a.yml", "a: \\u4f60\nb: 你\n") == {"a": "\\u4f60", "b": "你"}
    assert load("a.yml", dump({"a": "\\u4f60"}, "a: 你\n")) == {"a": "\\u4f60"}


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: [", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3", 3, "duplicate key"),
        ("a: *b", 1, "undefined alias"),
        ("a: 1\n---\nb: 2", 2, "single document"),
        ("a:\n- b: !special c", 2, "constructor for the tag"),
        ("a: x\x00", 1, "unacceptable character"),
        ("a: 2024-99-99", 1, "month"),
        ("a: !!int x", 1, "invalid literal"),
        ("a: &b [*b]", 1, "in themselves"),
        ('a: "\\ud83d"', 1, "half of a character"),
        ('你: "\\ud83d"', 1, "half of a character"),
        pytest.param("[" * 1000, 1, "nested too deep", id="deep"),
        ("{a: 1}: 2", 1, "unhashable key"),
        ("a: b: c", 1, "mapping values"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable, match=why) as caught:
        load("data/a.yml", text)
    assert (caught.value.path, caught.value.line) == ("data/a.yml", line)
    assert str(caught.value).startswith(f"data/a.yml:{line}: ")
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize("value", [object(), "\ud83d", (1, 2)])
def test_what_yaml_cannot_hold_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"cannot be written|surrogates"):
        dump({"a": value})


def test_values_that_multiply_are_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12)
    )
    with pytest.raises(Unreadable, match="more than"):
        load("a.yml", bomb)


@pytest.mark.parametrize(
    ("way", "line"),
    [
        (["nlu", 0], 5),
        (["nlu", 0, "examples", 1], 8),
        (["nlu", 1, "intent"], 11),
        (["nlu", 7], 5),
        ([], 1),
        (["no"], 1),
    ],
)
def test_a_value_is_found_in_its_line(way: list[int | str], line: int) -> None:
    assert line_of(SOURCE, way) == line
