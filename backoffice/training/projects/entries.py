"""What the entries of the lists in a file hold."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

BLANKS = "\n\r "
"""What Rasa cuts off around an example."""
TermKind = Literal["synonym", "regex", "lookup"]
TERM_KINDS: tuple[TermKind, ...] = ("synonym", "regex", "lookup")
StoryKind = Literal["story", "rule"]
STORIES: Mapping[str, StoryKind] = {"stories": "story", "rules": "rule"}


def kind_of(entry: Mapping[str, Any]) -> TermKind | None:
    """None for an intent, and for what Rasa passes over."""
    return None if "intent" in entry else next((kind for kind in TERM_KINDS if kind in entry), None)


def examples_of(examples: Any) -> Iterator[tuple[int, str, Any]]:
    """Row, marked text and metadata; lines that Rasa passes over are left out."""
    if isinstance(examples, str):
        for row, line in enumerate(examples.splitlines()):
            if line.startswith("-"):
                yield row, line[1:].strip(BLANKS), None
    elif isinstance(examples, list):
        for row, item in enumerate(examples):
            if item:
                yield row, item.get("text", "").strip(BLANKS), item.get("metadata")


def with_example(examples: Any, marked: str, metadata: Any) -> Any:
    """What `examples` of an entry become, None when they cannot hold it."""
    item = {"text": marked} if metadata is None else {"text": marked, "metadata": metadata}
    if isinstance(examples, list):
        return [*examples, item]
    if fits_line(marked, metadata):
        before = examples or ""
        return f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}- {marked}\n"
    return None if examples else [item]


def fits_line(marked: str, metadata: Any) -> bool:
    return metadata is None and marked.splitlines() == [marked]
