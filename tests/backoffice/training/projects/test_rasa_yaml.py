"""A project is read into values and written back, byte for byte where nothing is changed."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import (
    booleans,
    composite,
    dictionaries,
    fixed_dictionaries,
    integers,
    lists,
    none,
    sampled_from,
    text,
)

from backoffice.training.projects.markup import Span, write_markup
from backoffice.training.projects.rasa_yaml import File, Project, changes, read, write
from backoffice.training.projects.views import Domain, Intent, domain, intents, stories, terms
from backoffice.training.projects.yaml_text import Unreadable, dump
from tests.backoffice.training.projects.samples import FILES

ROOT = Path(__file__).parents[4]
OURS = ("nlu_data", "bot/domain", "bot/rules", "bot/stories")
NASTY = [
    "yes",
    "1e3",
    ": x",
    "# y",
    "- z",
    "null",
    "你好",
    "🧥",
    "\\",
    '"',
    "'",
    "{",
    "]",
    "(",
    " ",
    "\t",
    "a",
    "%",
]
words = lists(sampled_from(NASTY), min_size=1, max_size=4).map("".join)
names = words.map(str.strip).filter(bool)
metadata = none() | dictionaries(words, integers() | booleans() | words, max_size=2)


@composite
def marked(draw: Any) -> str:
    piece = draw(names.filter(lambda each: "]" not in each and "[" not in each))
    before = draw(words.filter(lambda each: "]" not in each and "[" not in each))
    span = Span(len(before), len(before) + len(piece), *draw(fixed_pieces))
    return write_markup(before + piece, [span])


fixed_pieces = lists(names, min_size=2, max_size=2)
examples = words | marked()
lines = lists(examples, max_size=4).map(lambda rows: "".join(f"- {row}\n" for row in rows))
items = lists(
    fixed_dictionaries(
        {"text": examples | examples.map(lambda row: f"{row}\nmore\n")}, optional={"metadata": metadata}
    ),
    max_size=3,
)
entries = (
    fixed_dictionaries(
        {"intent": names, "examples": lines | items}, optional={"metadata": metadata, "other": words}
    )
    | fixed_dictionaries({"synonym": names, "examples": lines})
    | fixed_dictionaries({"regex": names, "examples": lines})
    | fixed_dictionaries({"lookup": names, "examples": lines})
)
steps = (
    fixed_dictionaries({"intent": names}, optional={"user": examples, "entities": lists(names, max_size=2)})
    | fixed_dictionaries({"action": names})
    | fixed_dictionaries({"active_loop": names | none()})
    | fixed_dictionaries({"slot_was_set": lists(dictionaries(names, words | none(), min_size=1), max_size=2)})
    | fixed_dictionaries({"or": lists(fixed_dictionaries({"intent": names}), max_size=2)})
    | fixed_dictionaries({"checkpoint": names})
)
variations = fixed_dictionaries(
    {"text": words},
    optional={
        "condition": lists(
            fixed_dictionaries({"type": names, "name": names, "value": words | none()}), max_size=2
        ),
        "buttons": lists(fixed_dictionaries({"title": words, "payload": words}), max_size=2),
        "channel": names,
        "custom": dictionaries(words, words),
        "metadata": metadata,
    },
)
options = fixed_dictionaries({}, optional={"use_entities": booleans() | lists(names, max_size=2)})
contents = fixed_dictionaries(
    {"version": sampled_from(["3.1", "3.0"])},
    optional={
        "nlu": lists(entries, max_size=3),
        "intents": lists(names | dictionaries(names, options, min_size=1, max_size=1), max_size=3),
        "responses": dictionaries(names, lists(variations, max_size=2), max_size=2),
        "stories": lists(fixed_dictionaries({"story": names, "steps": lists(steps, max_size=3)}), max_size=2),
        "rules": lists(fixed_dictionaries({"rule": names, "steps": lists(steps, max_size=3)}), max_size=2),
        "session_config": dictionaries(names, integers(), max_size=2),
        "whatever": words,
    },
)
relaxed = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


@relaxed
@given(lists(contents, min_size=1, max_size=2))
def test_what_is_written_is_read_as_it_was(contents: list[dict[str, Any]]) -> None:
    made = Project({f"{number}.yml": File(data=each) for number, each in enumerate(contents)})
    written = write(made)
    again = read(written)
    assert {path: file.data for path, file in again.files.items()} == dict(enumerate_paths(contents))
    assert views(again) == views(made)
    assert write(again) == written
    assert changes(again) == {}


def enumerate_paths(contents: list[dict[str, Any]]) -> Iterable[tuple[str, Any]]:
    return ((f"{number}.yml", each) for number, each in enumerate(contents))


def views(project: Project) -> tuple[dict[str, Intent], list[Any], Domain, list[Any]]:
    return intents(project), terms(project), domain(project), stories(project)


@relaxed
@given(contents, contents, text(max_size=10))
def test_only_what_changes_is_written_anew(
    before: dict[str, Any], after: dict[str, Any], comment: str
) -> None:
    comment = "".join(filter(str.isprintable, comment))
    source = f"# {comment}\n{dump(before)}"
    project = read({"a.yml": source, "b.yml": source, "c.txt": comment})
    changed = Project({**project.files, "b.yml": replace(project.files["b.yml"], data=after)})
    written = write(changed)
    assert (written["a.yml"], written["c.txt"]) == (source, comment)
    assert read(written).files["b.yml"].data == after
    undone = Project({**changed.files, "b.yml": replace(changed.files["b.yml"], data=before)})
    assert write(undone) == write(project)


def test_a_project_of_all_spellings_is_written_byte_for_byte() -> None:
    project = read(FILES)
    assert write(project) == FILES
    assert changes(project) == {}


def test_a_project_that_is_written_anew_says_the_same() -> None:
    project = read(FILES)
    anew = {path: dump(file.data) if file.data else file.source for path, file in project.files.items()}
    assert views(read(anew)) == views(project)


def ours() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf8")
        for folder in OURS
        for path in sorted((ROOT / folder).rglob("*.yml"))
    }


def test_our_own_training_data_is_read_and_written_without_loss() -> None:
    files = ours()
    project = read(files)
    assert write(project) == files
    for path, source in files.items():
        said = yaml.load(source, yaml.CSafeLoader)
        assert project.files[path].data == said
        assert yaml.load(dump(said), yaml.CSafeLoader) == said
    known = {each.name for each in domain(project).intents}
    assert intents(project).keys() <= known
    assert sum(len(intent.examples) for intent in intents(project).values()) > 15_000


def test_intents_have_the_examples_of_all_their_entries() -> None:
    found = intents(read(FILES))
    assert list(found) == ["greet", "yes", "faq/hours", "faq/place", "empty"]
    greet = found["greet"]
    assert [entry.metadata for entry in greet.entries] == [
        None,
        {"sentiment": "neutral", "since": date(2024, 1, 1)},
        None,
    ]
    assert [entry.place.path for entry in greet.entries] == ["data/nlu.yml"] * 2 + ["data/escaped.yaml"]
    texts = [example.text for example in greet.examples]
    assert texts[:10] == [
        *["你好", "没有空格", "three blanks before", "- z", ": x", "# y", "yes", "1e3", "null"],
        "\"quoted\" 'too' \\ \\n",
    ]
    assert texts[-5:] == ["hi", "two\nlines", "red", "你好 🧥", "\\\\u4f60"]
    assert [example.metadata for example in greet.examples[-5:-2]] == [{"from": "review"}, None, None]
    assert [example.text for example in found["yes"].examples] == ["on", "off"]
    assert [example.text for example in found["faq/hours"].examples] == ["when do you open", "几点开门"]
    assert found["empty"].examples == []


def test_examples_tell_their_entities() -> None:
    found = {example.text: example.spans for example in intents(read(FILES))["greet"].examples}
    assert found["🧥 羽绒服 有黑的吗"] == (Span(2, 5, "product"), Span(7, 8, "colour", "黑色"))
    assert found["从上海到北京"] == (Span(1, 3, "city", role="from"), Span(4, 6, "city", "BJ", "to"))
    assert found["1 x"] == (Span(0, 1, "no", 1, group="a"), Span(2, 3, "a"), Span(2, 3, "b", "/"))


def test_terms_are_listed_by_kind() -> None:
    assert [(each.kind, each.name, each.values) for each in terms(read(FILES))] == [
        ("synonym", "黑色", ("黑", "black")),
        ("synonym", "yes", ("yep",)),
        ("regex", "number", ("[0-9]{1,3}", r"[\u4e00-\u9fff]+\d # 5")),
        ("lookup", "colour", ("红", "012", "~")),
        ("lookup", "shop_word", ("单号",)),
    ]


def test_the_domain_is_told_with_all_its_options() -> None:
    told = domain(read(FILES))
    assert [(each.name, each.options) for each in told.intents] == [
        ("greet", {"use_entities": []}),
        ("yes", {}),
        ("faq", {"is_retrieval_intent": True}),
        ("bye", {"ignore_entities": ["city"]}),
    ]
    assert told.entities[1].options == {"roles": ["from", "to"], "groups": ["1", "2"]}
    assert [each.name for each in told.actions] == ["action_hello", "utter_faq", "action_all"]
    assert told.slots[1].told["mappings"] == [{"type": "from_entity", "entity": "number"}]
    assert told.forms[0].told == {"ignored_intents": "greet", "required_slots": ["number"]}
    assert told.session_config["session_expiration_time"] == 60
    first = next(each for each in told.responses if each.id == "r1")
    assert (first.response, first.path, first.text, first.channel) == (
        "utter_greet",
        "domain.yml",
        "hello {name}",
        "web",
    )
    assert (first.image, first.metadata) == ("https://example.com/a.png", {"rephrase": True})
    assert first.condition == [{"type": "slot", "name": "number", "value": 1}]
    assert first.buttons[0] == {"title": "yes", "payload": "/yes"}
    assert first.custom == {"payload": "/greet", "card": [1]}
    assert first.other == {"button_type": "vertical"}
    assert {each.response for each in told.responses} == {"utter_greet", "utter_faq/hours", "utter_faq/place"}


def test_stories_and_rules_keep_their_steps() -> None:
    story, rule = stories(read(FILES))
    assert (story.kind, story.name, len(story.steps)) == ("story", "all kinds of steps", 12)
    assert story.steps[1] == {"or": [{"intent": "greet"}, {"intent": "faq"}]}
    assert (rule.kind, rule.condition) == ("rule", [{"slot_was_set": [{"number": None}]}])


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("nlu: [", 1, "not YAML"),
        ("- a\n- b", 1, "keys at its top"),
        ("just words", 1, "keys at its top"),
        ("version: x\nnlu: words", 2, "nlu must be a list"),
        ("nlu:\n- intent: a\n- words", 3, "entry of the nlu list"),
        ("nlu:\n- examples: |\n    - a\n  intent: 5", 4, "name of this intent is not a text"),
        ("nlu:\n- intent:", 2, "name of this intent is not a text"),
        ("nlu:\n- lookup: ' '", 2, "this lookup has no name"),
        ("nlu:\n- intent: a\n  examples: 5", 3, "examples of intent a"),
        ("nlu:\n- regex: a\n  examples:\n  - b", 4, "examples of regex a"),
        ("nlu:\n- intent: a\n  examples:\n  - text: b\n  - c", 5, "text: as its key"),
        (
            "nlu:\n- intent: a\n  examples:\n  - text: b\n  - metadata: c\n    text: 5",
            6,
            "this example is not a text",
        ),
        ("nlu:\n- intent: a\n  examples: |\n    - b\n    - [c]{d}", 5, "not written as JSON"),
        ('nlu:\n- intent: a\n  examples:\n  - text: b\n  - text: \'[c]{"role": "d"}\'', 5, "which entity"),
        ("intents: greet", 1, "intents must be a list"),
        ("intents:\n- a\n- 5", 3, "not a text"),
        ("entities:\n- a\n- b: c", 3, "options of b"),
        ("responses: [a]", 1, "responses must have keys"),
        ("responses:\n  utter_a: words", 2, "variations of utter_a must be a list"),
        ("responses:\n  5:\n  - text: a", 2, "name of a response"),
        ("responses:\n  utter_a:\n  - text: a\n  - words", 4, "variation of utter_a"),
        ("slots: [a]", 1, "slots must have keys"),
        ("stories:\n- words", 2, "a story must have keys"),
        ("stories:\n- story: a\n- steps: []", 3, "a story must have a name"),
        ("rules:\n- rule: a\n  steps: words", 3, "its steps must be a list"),
    ],
)
def test_what_rasa_would_not_take_is_told_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable, match=why) as caught:
        read({"good.yml": "nlu: []", "data/bad.yml": text})
    assert (caught.value.path, caught.value.line, caught.value.status) == ("data/bad.yml", line, 422)
    assert caught.value.extra == {"path": "data/bad.yml", "line": line}


@pytest.mark.parametrize(
    "text", ["", "# nothing", "nlu:", "nlu: []", "responses:\n  utter_a:", "nlu:\n- {}\n- other: 5"]
)
def test_what_is_empty_or_unknown_is_kept(text: str) -> None:
    assert write(read({"a.yml": text})) == {"a.yml": text}
