"""What a project holds: intents with their examples, other terms, the domain, stories and rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from backoffice.training.projects.entries import STORIES, StoryKind, TermKind, examples_of, kind_of
from backoffice.training.projects.markup import Span, read_markup
from backoffice.training.projects.rasa_yaml import Project, sections


@dataclass(frozen=True)
class Place:
    """The `entry` of the `nlu` list of a file, from 0."""

    path: str
    entry: int


@dataclass(frozen=True)
class Example:
    """`marked` is the text with its entities as Rasa writes them; `row`: its line or item in the entry."""

    marked: str
    place: Place
    row: int
    metadata: Any = None

    @property
    def text(self) -> str:
        return read_markup(self.marked)[0]

    @property
    def spans(self) -> tuple[Span, ...]:
        return read_markup(self.marked)[1]


@dataclass(frozen=True)
class Entry:
    """One entry of an intent; Rasa adds up those with the same name."""

    name: str
    place: Place
    metadata: Any
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Intent:
    """`faq/opening_hours` is an intent of its own here, though the dialogue knows only `faq`."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def examples(self) -> list[Example]:
        return [example for entry in self.entries for example in entry.examples]


@dataclass(frozen=True)
class Terms:
    """Values of a synonym, patterns of a regex, elements of a lookup table."""

    kind: TermKind
    name: str
    place: Place
    values: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """A name in the domain's list of intents, entities or actions, with its options."""

    name: str
    path: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Named:
    """A slot or a form of the domain with all that is told of it."""

    name: str
    path: str
    told: Any


@dataclass(frozen=True)
class Variation:
    """One way to say a response; `other` holds what has no field here: elements, attachment, button_type."""

    response: str
    path: str
    text: str | None
    id: str | None
    channel: str | None
    condition: Sequence[Mapping[str, Any]]
    buttons: Sequence[Mapping[str, Any]]
    image: str | None
    custom: Any
    metadata: Any
    other: Mapping[str, Any]


@dataclass(frozen=True)
class Domain:
    """All domain files of a project together, each item with the file where it stands."""

    intents: Sequence[Listed] = ()
    entities: Sequence[Listed] = ()
    actions: Sequence[Listed] = ()
    slots: Sequence[Named] = ()
    forms: Sequence[Named] = ()
    responses: Sequence[Variation] = ()
    session_config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """Steps are as in the file; markup in a `user` step is for `read_markup`."""

    kind: StoryKind
    name: str
    path: str
    condition: Sequence[Any]
    steps: Sequence[Any]


def intent_names(project: Project) -> list[str]:
    """As `intents` has them; their examples, which take a while, are not read."""
    named = [entry["intent"] for _, entry in nlu_entries(project) if "intent" in entry]
    return list(dict.fromkeys(named))


def intents(project: Project) -> dict[str, Intent]:
    """By name, in the order of the files."""
    found = dict[str, list[Entry]]()
    for place, entry in nlu_entries(project):
        if "intent" in entry:
            name, metadata = entry["intent"], entry.get("metadata")
            examples = tuple(
                Example(marked, place, row, about)
                for row, marked, about in examples_of(entry.get("examples"))
            )
            found.setdefault(name, []).append(Entry(name, place, metadata, examples))
    return {name: Intent(name, tuple(entries)) for name, entries in found.items()}


def terms(project: Project) -> list[Terms]:
    return [
        Terms(kind, entry[kind], place, tuple(marked for _, marked, _ in examples_of(entry.get("examples"))))
        for place, entry in nlu_entries(project)
        if (kind := kind_of(entry))
    ]


def domain(project: Project) -> Domain:
    config = dict[str, Any]()
    for _, told in sections(project, "session_config"):
        config |= told
    return Domain(
        intents=list(listed(project, "intents")),
        entities=list(listed(project, "entities")),
        actions=list(listed(project, "actions")),
        slots=list(named(project, "slots")),
        forms=list(named(project, "forms")),
        responses=[
            variation(each.name, each.path, way)
            for each in named(project, "responses")
            for way in each.told or []
        ],
        session_config=config,
    )


def stories(project: Project) -> list[Story]:
    return [
        Story(kind, story[kind], path, story.get("condition") or [], story.get("steps") or [])
        for section, kind in STORIES.items()
        for path, told in sections(project, section)
        for story in told
    ]


def nlu_entries(project: Project) -> Iterator[tuple[Place, dict[str, Any]]]:
    for path, entries in sections(project, "nlu"):
        for number, entry in enumerate(entries):
            yield Place(path, number), entry


def listed(project: Project, section: str) -> Iterator[Listed]:
    for path, items in sections(project, section):
        for item in items:
            if isinstance(item, str):
                yield Listed(item, path, {})
            else:
                for name, options in item.items():
                    yield Listed(name, path, options or {})


def named(project: Project, section: str) -> Iterator[Named]:
    for path, items in sections(project, section):
        for name, told in items.items():
            yield Named(name, path, told)


def variation(response: str, path: str, told: Mapping[str, Any]) -> Variation:
    known = ("text", "id", "channel", "condition", "buttons", "image", "custom", "metadata")
    fields = {name: told.get(name) for name in known}
    fields |= {name: fields[name] or [] for name in ("condition", "buttons")}
    other = {name: value for name, value in told.items() if name not in known}
    return Variation(response, path, **cast(Any, fields), other=other)
