"""YAML 1.2 as Rasa reads it, to plain values and back into the text they came from.

Comments, quotes and order stay where a text is changed, except beside what goes. A text that cannot be
changed in its place, as where a change parts what an anchor held together, is written anew: its comments are
the one thing lost.
"""

import io
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, ScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from backoffice.kit.errors import Invalid

LARGEST = 2_000_000
"""Values in one file, each counted as often as it is referred to."""
WIDE = 1 << 30
ENVIRONMENT = re.compile(r"\$\{.*\}")
LIKE_YES = {"y", "n", "yes", "no", "on", "off"}
"""What YAML 1.1 takes for true or false: quoted, so that every reader sees a text."""
NESTED = re.compile(r"^[^\s#-].*:[ ]*\n( +)[^\s#-]", re.MULTILINE)
"""A mapping in a mapping, with how far it is indented."""
BLANK = " \t\n"


class Unreadable(Invalid):
    """A file that Rasa would not take: `path`, `line` (from 1) and a sentence that says why."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__("training_data_unreadable", reason, path=path, line=line)
        self.path, self.line, self.reason = path, line, reason

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def load(path: str, text: str) -> Any:
    """What a YAML text says. Raises `Unreadable`."""
    try:
        return plain(YAML(typ="safe", pure=True).load(unescaped(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(path, mark.line + 1 if mark else 1, reason_of(error)) from None
    except YAMLError as error:
        raise Unreadable(path, 1, f"not YAML: {str(error).splitlines()[0]}") from None
    except UnicodeError:
        raise Unreadable(path, 1, "not YAML: it holds half of a character") from None
    except RecursionError:
        raise Unreadable(path, 1, "not YAML: its values are nested too deep or in themselves") from None
    except OverflowError:
        raise Unreadable(path, 1, f"it holds more than {LARGEST} values") from None
    except ValueError as error:
        raise Unreadable(path, 1, f"not YAML: {error}") from None


def reason_of(error: MarkedYAMLError) -> str:
    told = [str(part).splitlines()[0] for part in (error.context, error.problem) if part]
    return f"not YAML: {', '.join(told)}"


def unescaped(text: str) -> str:
    """Rasa takes `\\u4f60` for a character wherever it stands in a text that is all ASCII."""
    if not text.isascii():
        return text
    return text.encode().decode("raw_unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")


def plain(value: Any) -> Any:
    """The same values, none of them twice the same object.

    Raises `OverflowError` when there are too many, `UnicodeError` for half of a character.
    """
    count = 0

    def copied(value: Any) -> Any:
        nonlocal count
        count += 1
        if count > LARGEST:
            raise OverflowError
        if isinstance(value, dict):
            return {copied(key): copied(each) for key, each in value.items()}
        if isinstance(value, list):
            return [copied(each) for each in value]
        if isinstance(value, str):
            value.encode()
        return value

    return copied(value)


def same(one: Any, other: Any) -> bool:
    """Equal in kind too: 1 is not true; the order of keys is no difference."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


def line_of(text: str, way: Sequence[int | str]) -> int:
    """The line, from 1, where the value at the end of a way of keys and places begins."""
    node = YAML(typ="safe", pure=True).compose(io.StringIO(unescaped(text)))
    line = 0
    for step in way:
        found = None
        if isinstance(node, MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        elif isinstance(node, ScalarNode) and isinstance(step, int) and node.style == "|":
            return int(line) + step + 2
        if found is None:
            break
        node, line = found, found.start_mark.line
    return int(line) + 1


def dump(data: Any, source: str = "") -> str:
    """A text that says `data`: `source` with no more changed than needed, or a new one.

    Raises `ValueError` for what no YAML can hold.
    """
    ways: list[Callable[[], str]] = [lambda: changed(source, data), lambda: emitted(writer(), quoted(data))]
    for way in ways:
        with suppress(LookupError, AttributeError, TypeError, ValueError, YAMLError, Unreadable):
            text = way()
            if same(load("", text), plain(data)):
                return text
    raise ValueError("this cannot be written as YAML")


def changed(source: str, data: Any) -> str:
    yaml, ending = writer(), "\r\n" if "\r\n" in source else "\n"
    source = source.replace("\r\n", "\n")
    begins = re.search(r"^---(\s|$)", source, re.MULTILINE)
    yaml.explicit_start = bool(begins)
    _, indent, offset = load_yaml_guess_indent(source) if source.strip() else (None, None, None)
    if indent:
        nested = NESTED.search(source)
        yaml.indent(mapping=len(nested[1]) if nested else 2, sequence=indent, offset=offset or 0)
    tree = yaml.load(unescaped(source))
    text = emitted(yaml, conformed(tree, load("", source), data))
    if begins:
        text = source[: begins.start()] + text
    return text.replace("\n", ending)


def conformed(tree: Any, old: Any, new: Any) -> Any:
    """`tree`, which said `old`, made to say `new`."""
    if same(old, new):
        return tree
    if isinstance(old, dict) and isinstance(new, dict) and old:
        conform_mapping(tree, old, new)
        return tree
    if isinstance(old, list) and isinstance(new, list) and old:
        conform_sequence(tree, old, new)
        return tree
    return styled(new, tree)


def conform_mapping(tree: CommentedMap, old: dict[Any, Any], new: dict[Any, Any]) -> None:
    renamed = {}
    if len(old) == len(new):
        renamed = {
            now: before for before, now in zip(old, new, strict=True) if before not in new and now not in old
        }
    for place, (key, value) in enumerate(new.items()):
        before = renamed.get(key, key)
        if before not in old:
            tree[key] = styled(value)
        elif before == key:
            tree[key] = conformed(tree[key], old[key], value)
        else:
            comment = tree.ca.items.pop(before, None)
            tree.insert(place, key, conformed(tree.pop(before), old[before], value))
            if comment:
                tree.ca.items[key] = comment
    for key in old:
        if key not in new and key not in renamed.values():
            del tree[key]


def conform_sequence(tree: list[Any], old: list[Any], new: list[Any]) -> None:
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if not same(old[place], new[place])), shorter)
    left = shorter - head
    tail = next((back for back in range(left) if not same(old[-1 - back], new[-1 - back])), left)
    common = left - tail
    for place in range(head, head + common):
        tree[place] = conformed(tree[place], old[place], new[place])
    for _ in range(len(old) - head - common - tail):
        del tree[head + common]
    for place in range(head + common, len(new) - tail):
        tree.insert(place, styled(new[place]))


def styled(value: Any, before: Any = None) -> Any:
    """A new value as it is written best, a text in the quotes that it had `before`."""
    if isinstance(value, dict):
        return CommentedMap((styled(key), styled(each)) for key, each in value.items())
    if isinstance(value, list):
        return [styled(each) for each in value]
    if not isinstance(value, str):
        return value
    if "\n" in value or isinstance(before, LiteralScalarString):
        return LiteralScalarString(value) if in_lines(value) else DoubleQuotedScalarString(value)
    if ENVIRONMENT.search(value) or value.lower() in LIKE_YES:
        return DoubleQuotedScalarString(value)
    if isinstance(before, ScalarString):
        return type(before)(value)
    return value


def in_lines(text: str) -> bool:
    """Whether a text can stand in a block of lines."""
    lines = text.splitlines()
    return (
        text[:1] not in BLANK
        and not text.endswith("\n\n")
        and len(lines) == text.count("\n") + (not text.endswith("\n"))
        and all(line.isprintable() and line == line.rstrip(BLANK) for line in lines)
    )


def quoted(value: Any) -> Any:
    """Every text in double quotes, which hold whatever it is."""
    if isinstance(value, dict):
        return CommentedMap((quoted(key), quoted(each)) for key, each in value.items())
    if isinstance(value, list):
        return [quoted(each) for each in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


class Representer(RoundTripRepresenter):
    """Writes `null` out."""

    def null(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


Representer.add_representer(type(None), Representer.null)


def writer() -> YAML:
    yaml = YAML()
    yaml.Representer = Representer
    yaml.preserve_quotes = True
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.width = WIDE
    return yaml


def emitted(yaml: YAML, tree: Any) -> str:
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()
