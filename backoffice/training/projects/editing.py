"""A project with other examples.

Each verb gives a new project; files that it does not touch stay the same.
"""

from dataclasses import replace
from typing import Any

from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.projects.entries import BLANKS, examples_of, fits_line, with_example
from backoffice.training.projects.markup import read_markup
from backoffice.training.projects.rasa_yaml import File, Project, is_yaml
from backoffice.training.projects.views import Example, Place, intents

VERSION = "3.1"


def add_example(
    project: Project, intent: str, marked: str, metadata: Any = None, path: str | None = None
) -> Project:
    """One more example at the end of an intent; in the file `path`, else in the last that has the intent.

    Where the lines of an entry cannot hold it (metadata, several lines) it gets an entry of its own.
    Raises `NotFound` (`intent_unknown`) for a new intent without a path, `Invalid` (`example_invalid`,
    `intent_name_invalid`, `path_invalid`).
    """
    marked = checked(marked)
    if path is not None and not is_yaml(path):
        raise Invalid("path_invalid", "examples stand in a file that ends in .yml")
    known = intents(project).get(intent)
    entries = [each for each in known.entries if path in (None, each.place.path)] if known else []
    if not entries and path is None:
        raise NotFound("intent_unknown", f"there is no intent {intent}")
    for entry in reversed(entries):
        told = entry_at(project, entry.place)
        if (examples := with_example(told.get("examples"), marked, metadata)) is not None:
            return with_entry(project, entry.place, {**told, "examples": examples})
    told = {"intent": named(intent)}
    if entries and entries[-1].metadata is not None:
        told["metadata"] = entries[-1].metadata
    told["examples"] = with_example(None, marked, metadata)
    place = entries[-1].place if entries else Place(path or "", -1)
    return with_new_entry(project, place, told)


def replace_example(project: Project, example: Example, marked: str, metadata: Any = None) -> Project:
    """Another text, or other metadata, in the place of an example.

    Raises `Conflict` (`example_changed`) when it is not there any more, `Invalid` (`example_invalid`).
    """
    marked = checked(marked)
    entry = holding(project, example)
    examples = entry["examples"]
    if isinstance(examples, list):
        item = {key: told for key, told in examples[example.row].items() if key != "metadata"}
        item |= {"text": marked} if metadata is None else {"text": marked, "metadata": metadata}
        changed: Any = [*examples[: example.row], item, *examples[example.row + 1 :]]
    elif fits_line(marked, metadata):
        lines = examples.splitlines(keepends=True)
        ending = lines[example.row][len(lines[example.row].splitlines()[0]) :]
        changed = "".join([*lines[: example.row], f"- {marked}{ending}", *lines[example.row + 1 :]])
    else:
        added = add_example(project, entry["intent"], marked, metadata, example.place.path)
        return remove_example(added, example)
    return with_entry(project, example.place, {**entry, "examples": changed})


def remove_example(project: Project, example: Example) -> Project:
    """An entry that is nothing but its name goes with its last example.

    Raises `Conflict` (`example_changed`) when it is not there any more.
    """
    entry = holding(project, example)
    examples = entry["examples"]
    rows = examples if isinstance(examples, list) else examples.splitlines(keepends=True)
    left = [*rows[: example.row], *rows[example.row + 1 :]]
    if not left and entry.keys() == {"intent", "examples"}:
        return with_entry(project, example.place, None)
    return with_entry(
        project, example.place, {**entry, "examples": left if isinstance(examples, list) else "".join(left)}
    )


def checked(marked: str) -> str:
    marked = marked.strip(BLANKS)
    try:
        marked.encode()
        text, _ = read_markup(marked)
    except UnicodeError:
        raise Invalid("example_invalid", "it holds half of a character") from None
    except ValueError as error:
        raise Invalid("example_invalid", str(error)) from None
    if not text.strip():
        raise Invalid("example_invalid", "an example needs a text")
    return marked


def entry_at(project: Project, place: Place) -> dict[str, Any]:
    entry: dict[str, Any] = project.files[place.path].data["nlu"][place.entry]
    return entry


def holding(project: Project, example: Example) -> dict[str, Any]:
    """The entry that has the example. Raises `Conflict` (`example_changed`)."""
    try:
        entry = entry_at(project, example.place)
    except (LookupError, TypeError):
        entry = {}
    row = (example.row, example.marked, example.metadata)
    if "intent" not in entry or row not in examples_of(entry.get("examples")):
        raise Conflict("example_changed", "this example has been changed or removed meanwhile")
    return entry


def with_entry(project: Project, place: Place, entry: dict[str, Any] | None) -> Project:
    """None: without it."""
    nlu = project.files[place.path].data["nlu"]
    put = [] if entry is None else [entry]
    return with_section(project, place.path, "nlu", [*nlu[: place.entry], *put, *nlu[place.entry + 1 :]])


def with_new_entry(project: Project, place: Place, entry: dict[str, Any]) -> Project:
    """Behind a place, or at the end of the file when that is -1."""
    file = project.files.get(place.path, File())
    nlu = (file.data or {}).get("nlu") or []
    at = place.entry + 1 or len(nlu)
    return with_section(project, place.path, "nlu", [*nlu[:at], entry, *nlu[at:]])


def with_section(project: Project, path: str, name: str, told: Any) -> Project:
    data = project.files.get(path, File()).data or {"version": VERSION}
    return with_data(project, path, {**data, name: told})


def with_data(project: Project, path: str, data: Any) -> Project:
    file = project.files.get(path, File())
    return replace(project, files={**project.files, path: replace(file, data=data)})


def named(intent: str) -> str:
    """Raises `Invalid` (`intent_name_invalid`)."""
    parts = intent.split("/")
    if (
        len(parts) > 2
        or not all(part and part == part.strip() for part in parts)
        or set(intent) & set("{}@\n")
    ):
        raise Invalid("intent_name_invalid", f"{intent!r} cannot be the name of an intent")
    return intent
