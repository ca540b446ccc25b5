"""An intent is renamed wherever a project names it, and nowhere else."""

import difflib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from

from backoffice.kit.errors import Invalid, NotFound
from backoffice.training.projects.rasa_yaml import Project, changes, read, write
from backoffice.training.projects.renaming import rename_intent
from backoffice.training.projects.views import domain, intents, stories
from backoffice.training.projects.yaml_text import load
from tests.backoffice.training.projects.samples import FILES

PROJECT = read(FILES)


def lines_of(project: Project, path: str) -> list[str]:
    before, after = FILES[path].splitlines(), write(project)[path].splitlines()
    told = difflib.unified_diff(before, after, n=0, lineterm="")
    return [line for line in told if line.startswith("+") and not line.startswith("+++")]


def test_an_intent_is_renamed_everywhere() -> None:
    project = rename_intent(PROJECT, "greet", "hello")
    assert lines_of(project, "data/nlu.yml") == ["+- intent: hello  # the first", "+- intent: hello"]
    assert lines_of(project, "domain.yml") == [
        "+- hello: {use_entities: []}",
        "+      intent: hello",
        "+    ignored_intents: hello",
        """+    - {title: hi, payload: '/hello{"name": "x"}'}""",
        '+    custom: {payload: "/hello", card: [1]}',
    ]
    assert lines_of(project, "data/stories.yml") == [
        "+    - intent: hello",
        "+  - intent: hello",
        "+    intent: hello",
        """+  - user: '/hello{"city": "x"}'""",
    ]
    assert lines_of(project, "data/rules.yml") == ["+  - intent: hello"]
    assert changes(project).keys() == FILES.keys() - {"config.yml", "README.md", "data/empty.yml"}
    assert "initial_value: greet" in write(project)["domain.yml"]
    assert "    - intent: greet" in write(project)["data/stories.yml"], (
        "a slot of that name is none of its business"
    )
    assert "- action: utter_greet" in write(project)["data/stories.yml"]


def test_a_retrieval_intent_is_renamed_with_its_responses_and_its_action() -> None:
    project = rename_intent(PROJECT, "faq", "ask")
    assert lines_of(project, "data/nlu.yml") == [
        *["+- intent: ask/hours", "+- intent: ask/place", "+  utter_ask/hours:", "+  utter_ask/place:"]
    ]
    assert lines_of(project, "data/stories.yml") == ["+    - intent: ask", "+  - action: utter_ask"]
    assert lines_of(project, "domain.yml") == [
        *["+- ask:", "+- utter_ask", "+    - {title: hours, payload: /ask/hours}"]
    ]
    assert lines_of(project, "config.yml") == ["+  retrieval_intent: ask"]


def test_one_of_a_retrieval_intent_is_renamed() -> None:
    project = rename_intent(PROJECT, "faq/hours", "faq/opening")
    assert lines_of(project, "data/nlu.yml") == ["+- intent: faq/opening", "+  utter_faq/opening:"]
    assert lines_of(project, "domain.yml") == ["+    - {title: hours, payload: /faq/opening}"]
    assert changes(project).keys() == {"data/nlu.yml", "domain.yml"}


def test_two_intents_become_one() -> None:
    project = read(write(rename_intent(PROJECT, "yes", "greet")))
    found = intents(project)
    assert "yes" not in found
    before = intents(PROJECT)
    assert len(found["greet"].examples) == len(before["greet"].examples) + len(before["yes"].examples)
    assert [each.name for each in domain(project).intents] == ["greet", "faq", "bye"]
    slot = next(each for each in domain(project).slots if each.name == "intent")
    assert slot.told["mappings"][0]["not_intent"] == ["greet", "bye"]


def test_responses_of_two_that_become_one_are_added_up() -> None:
    project = read(write(rename_intent(PROJECT, "faq/hours", "faq/place")))
    assert [each.text for each in domain(project).responses if each.response == "utter_faq/place"] == [
        "here",
        "早上九点",
    ]
    assert intents(project)["faq/place"].examples[0].text == "when do you open"


def test_intents_of_two_files_become_one() -> None:
    files = {
        "a.yml": "intents:\n- a\n- b: {use_entities: [x]}\nactions: [utter_a, utter_b]\n"
        "responses:\n  utter_a/x:\n  - text: one\n",
        "b.yml": "intents: [b]\nnlu:\n- intent: a/x\n- intent: b/x\n"
        "responses:\n  utter_b/x:\n  - text: two\n",
    }
    project = rename_intent(read(files), "a", "b")
    assert load("", write(project)["a.yml"]) == {
        "intents": [{"b": {"use_entities": ["x"]}}],
        "actions": ["utter_b"],
        "responses": {},
    }
    assert [each.text for each in domain(project).responses] == ["two", "one"]


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(sampled_from(["greet", "yes", "faq", "bye", "empty"]))
def test_there_and_back_is_byte_for_byte(name: str) -> None:
    there = read(write(rename_intent(PROJECT, name, "quite_another")))
    assert write(rename_intent(rename_intent(PROJECT, name, "quite_another"), "quite_another", name)) == FILES
    back = read(write(rename_intent(there, "quite_another", name)))
    assert {path: file.data for path, file in back.files.items()} == {
        path: file.data for path, file in PROJECT.files.items()
    }
    assert name not in intents(there)
    assert all(name not in (each.name, each.name.split("/")[0]) for each in domain(there).intents)
    assert [story.name for story in stories(there)] == [story.name for story in stories(PROJECT)]


@pytest.mark.parametrize("name", ["greet", "greet2", "gree", "greeting"])
def test_only_the_whole_name_counts(name: str) -> None:
    files = {
        "a.yml": "nlu:\n- intent: greet\n- intent: greet2\nresponses:\n  utter_greet2:\n"
        "  - buttons: [{payload: /greet2}, {payload: / greet}, {payload: /greet 2}]\n"
    }
    if name in ("gree", "greeting"):
        with pytest.raises(NotFound, match="intent_unknown"):
            rename_intent(read(files), name, "x")
    else:
        told = write(rename_intent(read(files), name, "x"))["a.yml"]
        assert ("intent: greet2" in told, "/greet2" in told) == (name == "greet", name == "greet")
        assert "/greet 2" in told


def test_the_same_name_changes_nothing() -> None:
    assert rename_intent(PROJECT, "greet", "greet") is PROJECT


@pytest.mark.parametrize(
    ("old", "new", "error", "code"),
    [
        ("nobody", "x", NotFound, "intent_unknown"),
        ("faq/hours", "ask/hours", NotFound, "intent_unknown"),
        ("greet", "faq/greet", Invalid, "intent_kinds_differ"),
        ("greet", "faq", Invalid, "intent_kinds_differ"),
        ("faq", "greet", Invalid, "intent_kinds_differ"),
        ("faq/hours", "hours", Invalid, "intent_kinds_differ"),
        ("greet", "", Invalid, "intent_name_invalid"),
        ("greet", "a{b", Invalid, "intent_name_invalid"),
        ("greet", "a/b/c", Invalid, "intent_name_invalid"),
    ],
)
def test_what_cannot_be_renamed_is_told(old: str, new: str, error: type[Exception], code: str) -> None:
    with pytest.raises(error, match=code):
        rename_intent(PROJECT, old, new)
