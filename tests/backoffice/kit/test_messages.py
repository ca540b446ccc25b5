from string import Formatter
from typing import Any

import pytest

from backoffice.kit.messages import ROOMS, catalogue, message, preferred


def sentences(group: dict[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in group.items():
        here = f"{path}.{key}" if path else str(key)
        found |= sentences(value, here) if isinstance(value, dict) else {here: str(value)}
    return found


SAME = {"less": "fold"}
"""Chinese says which share of a price is paid, English what is taken off."""


def fields(sentence: str) -> set[str]:
    return {SAME.get(name, name) for _, name, _, _ in Formatter().parse(sentence) if name}


@pytest.mark.parametrize("room", [path.parent.name for path in ROOMS.glob("*/messages.en.yml")])
def test_a_room_says_the_same_in_both_languages(room: str) -> None:
    chinese, english = sentences(catalogue(room)), sentences(catalogue(room, "en"))
    assert chinese.keys() == english.keys()
    assert {key: fields(text) for key, text in chinese.items()} == {
        key: fields(text) for key, text in english.items()
    }


def test_a_room_without_english_speaks_chinese() -> None:
    assert message("users", "levels.gold", "en") == message("users", "levels.gold")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr;q=0.9, en;q=0.5", "en"),
        ("", "zh-CN"),
        ("*", "zh-CN"),
    ],
)
def test_a_browser_gets_the_first_language_we_speak(accepted: str, language: str) -> None:
    assert preferred(accepted) == language
