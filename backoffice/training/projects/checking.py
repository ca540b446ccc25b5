"""What Rasa would not take of a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from backoffice.training.projects.entries import STORIES, examples_of, kind_of
from backoffice.training.projects.markup import read_markup


class Misplaced(Exception):
    """Where a file says what it must not: the way of keys and places to it."""

    def __init__(self, way: Sequence[int | str], reason: str) -> None:
        super().__init__(reason)
        self.way, self.reason = way, reason


def check(data: Any) -> None:
    """Raises `Misplaced`."""
    if data is None:
        return
    require(data, dict, [], "a file must have keys at its top")
    checks: Mapping[str, Callable[[Any, str], None]] = {
        "nlu": check_nlu,
        "intents": check_listed,
        "entities": check_listed,
        "actions": check_listed,
        "responses": check_responses,
        "slots": check_named,
        "forms": check_named,
        "session_config": check_named,
        "stories": check_stories,
        "rules": check_stories,
    }
    for section, checked in checks.items():
        if data.get(section) is not None:
            checked(data[section], section)


def require(value: Any, kind: type, way: Sequence[int | str], reason: str) -> None:
    if not isinstance(value, kind):
        raise Misplaced(way, reason)


def items(told: Any, section: str) -> Iterable[tuple[int, Any]]:
    require(told, list, [section], f"{section} must be a list")
    return enumerate(told)


def check_nlu(told: Any, section: str) -> None:
    for number, entry in items(told, section):
        way: list[int | str] = [section, number]
        require(entry, dict, way, "an entry of the nlu list must have keys")
        kind = "intent" if "intent" in entry else kind_of(entry)
        if kind is None:
            continue
        require(entry[kind], str, [*way, kind], f"the name of this {kind} is not a text")
        if not entry[kind].strip():
            raise Misplaced([*way, kind], f"this {kind} has no name")
        examples, way = entry.get("examples"), [*way, "examples"]
        if isinstance(examples, list) and kind == "intent":
            for row, item in enumerate(examples):
                if item:
                    require(item, dict, [*way, row], "an example of this list must have a text: as its key")
                    require(item.get("text", ""), str, [*way, row, "text"], "this example is not a text")
        elif examples is not None:
            require(
                examples, str, way, f"the examples of {kind} {entry[kind]} must be lines that begin with -"
            )
        if kind == "intent":
            check_markup(examples, way)


def check_markup(examples: Any, way: list[int | str]) -> None:
    for row, marked, _ in examples_of(examples):
        try:
            read_markup(marked)
        except ValueError as error:
            raise Misplaced([*way, row], str(error)) from None


def check_listed(told: Any, section: str) -> None:
    for number, item in items(told, section):
        way: list[int | str] = [section, number]
        names = item if isinstance(item, dict) else [item]
        for name in names:
            require(name, str, way, f"a name in the list of {section} is not a text")
            options = item[name] if isinstance(item, dict) else None
            require(options or {}, dict, way, f"the options of {name} must have keys")


def check_named(told: Any, section: str) -> None:
    require(told, dict, [section], f"{section} must have keys")


def check_responses(told: Any, section: str) -> None:
    check_named(told, section)
    for name, variations in told.items():
        require(name, str, [section], "the name of a response is not a text")
        require(variations or [], list, [section, name], f"the variations of {name} must be a list")
        for number, each in enumerate(variations or []):
            require(each, dict, [section, name, number], f"a variation of {name} must have keys")


def check_stories(told: Any, section: str) -> None:
    kind = STORIES[section]
    for number, story in items(told, section):
        require(story, dict, [section, number], f"a {kind} must have keys")
        require(story.get(kind), str, [section, number, kind], f"a {kind} must have a name")
        for part in ("steps", "condition"):
            require(story.get(part) or [], list, [section, number, part], f"its {part} must be a list")
        for row, step in enumerate(story.get("steps") or []):
            require(step, dict, [section, number, "steps", row], "a step must have keys")
            require(step.get("or") or [], list, [section, number, "steps", row, "or"], "or must be a list")
