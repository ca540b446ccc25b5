"""Examples come, change and go; all the rest of a project stays byte for byte."""

import difflib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.strategies import data, dictionaries, lists, none, sampled_from, text

from backoffice.kit.errors import Conflict, Invalid, NotFound, Problem
from backoffice.training.projects.editing import add_example, remove_example, replace_example
from backoffice.training.projects.entries import BLANKS
from backoffice.training.projects.rasa_yaml import Project, changes, read, write
from backoffice.training.projects.views import Example, Intent, intents
from tests.backoffice.training.projects.samples import FILES, NLU

PATH = "data/nlu.yml"
PROJECT = read(FILES)
NASTY = [
    "你好",
    "- ",
    ": x",
    "# y",
    "yes",
    "\\u4f60",
    '"',
    "\n",
    "\r",
    "\x85",
    "🧥",
    "[黑](colour)",
    " ",
    "a",
    "\t",
    "\x00",
]
marked = lists(sampled_from(NASTY), min_size=1, max_size=4).map("".join) | text(min_size=1, max_size=6)
metadata = none() | dictionaries(text(max_size=3), text(max_size=3), min_size=1, max_size=2)


def marked_of(project: Project, intent: str) -> list[str]:
    return [example.marked for example in intents(project)[intent].examples]


def example(project: Project, intent: str, text: str) -> Example:
    return next(each for each in intents(project)[intent].examples if each.text == text)


def lines_changed(project: Project, path: str = PATH) -> list[str]:
    written = write(project)
    assert {name for name in written if written[name] != FILES.get(name)} == set(changes(project)) == {path}
    told = difflib.unified_diff(
        FILES.get(path, "").splitlines(), written[path].splitlines(), n=0, lineterm=""
    )
    return [line for line in told if not line.startswith(("---", "+++", "@@"))]


def test_an_example_is_one_more_line() -> None:
    assert lines_changed(add_example(PROJECT, "faq/place", "在[上海](city)吗")) == ["+    - 在[上海](city)吗"]


def test_an_example_goes_into_the_last_entry_of_its_intent_or_of_that_in_the_file() -> None:
    assert marked_of(add_example(PROJECT, "greet", "早"), "greet")[-1] == "早"
    assert lines_changed(add_example(PROJECT, "greet", "早", path=PATH)) == ["+  - text: 早"]


def test_an_example_with_metadata_gets_an_entry_where_lines_cannot_hold_it() -> None:
    project = add_example(PROJECT, "faq/place", "where\nis it", {"from": "review"})
    assert lines_changed(project) == [
        "+- intent: faq/place",
        "+  examples:",
        "+  - text: |-",
        "+      where",
        "+      is it",
        "+    metadata:",
        "+      from: review",
    ]
    added = intents(read(write(project)))["faq/place"].examples[-1]
    assert (added.text, added.metadata) == ("where\nis it", {"from": "review"})


def test_a_new_intent_and_a_new_file() -> None:
    project = add_example(PROJECT, "bye", "再见", path=PATH)
    project = add_example(project, "bye", "拜拜", path="data/new.yml")
    assert (
        changes(project)["data/new.yml"] == "version: '3.1'\nnlu:\n- intent: bye\n  examples: |\n    - 拜拜\n"
    )
    assert marked_of(read(write(project)), "bye") == ["再见", "拜拜"]
    assert marked_of(add_example(PROJECT, "empty", "x"), "empty") == ["x"]
    assert marked_of(add_example(read({"a.yml": "# nothing\n"}), "a", "x", path="a.yml"), "a") == ["x"]


def test_an_example_is_replaced_in_its_line() -> None:
    project = replace_example(PROJECT, example(PROJECT, "greet", "# y"), "# z")
    assert lines_changed(project) == ["-    - # y", "+    - # z"]
    project = replace_example(PROJECT, example(PROJECT, "greet", "hi"), "hey", {"from": "me"})
    assert lines_changed(project) == [
        "-  - text: |",
        "-      hi",
        "+  - text: |-",
        "+      hey",
        "-      from: review",
        "+      from: me",
    ]
    project = replace_example(PROJECT, example(PROJECT, "greet", "red"), "blue")
    assert lines_changed(project) == ["-  - text: ' [red](colour) '", "+  - text: 'blue'"]


def test_a_replacement_that_needs_more_than_a_line_moves() -> None:
    project = read(
        write(replace_example(PROJECT, example(PROJECT, "faq/place", "where are you"), "a\nb", {"c": "d"}))
    )
    (left,) = intents(project)["faq/place"].examples
    assert (left.text, left.metadata) == ("a\nb", {"c": "d"})


def test_an_example_goes_and_an_entry_with_its_last() -> None:
    assert lines_changed(remove_example(PROJECT, example(PROJECT, "greet", "yes"))) == ["-    - yes"]
    project = remove_example(PROJECT, example(PROJECT, "faq/place", "where are you"))
    assert lines_changed(project) == ["-- intent: faq/place", "-  examples: |", "-    - where are you"]


def test_what_else_an_entry_says_stays_when_its_examples_are_gone() -> None:
    project = PROJECT
    for gone in ("hi", "two\nlines", "red"):
        project = remove_example(project, example(project, "greet", gone))
    left = intents(read(write(project)))["greet"].entries[1]
    assert (left.examples, left.metadata is None) == ((), False)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(data())
def test_any_edits_are_kept_and_lose_nothing_else(drawn) -> None:  # type: ignore[no-untyped-def]
    project, files = read({PATH: NLU, "other.yml": NLU}), {}
    for _ in range(drawn.draw(sampled_from([1, 2, 3]))):
        intent = drawn.draw(sampled_from(["greet", "faq/hours"]))
        before = intents(project)[intent].examples
        change: Callable[[Project], Project] = drawn.draw(edits(before))
        try:
            project = change(project)
        except Problem:
            assume(False)
        files = write(project)
        assert shown(intents(read(files))) == shown(intents(project))
        assert {path: file.data for path, file in read(files).files.items()} == {
            path: file.data for path, file in project.files.items()
        }
    assert write(read(files)) == files


def edits(examples: list[Example]):  # type: ignore[no-untyped-def]
    texts = marked.filter(lambda each: each.strip(BLANKS).strip())
    adding = texts.flatmap(
        lambda new: metadata.map(lambda about: lambda project: add_example(project, "greet", new, about))
    )
    replacing = texts.flatmap(
        lambda new: metadata.flatmap(
            lambda about: sampled_from(examples).map(
                lambda each: lambda project: replace_example(project, each, new, about)
            )
        )
    )
    removing = sampled_from(examples).map(lambda each: lambda project: remove_example(project, each))
    return adding | replacing | removing


def shown(found: dict[str, Intent]) -> dict[str, list[tuple[str, object]]]:
    return {
        name: [(each.marked, each.metadata) for each in intent.examples] for name, intent in found.items()
    }


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(marked, metadata)
def test_what_is_added_is_read_as_rasa_strips_it(new: str, about: dict[str, str] | None) -> None:
    try:
        project = add_example(PROJECT, "faq/place", new, about)
    except Invalid:
        assume(False)
    added = intents(read(write(project)))["faq/place"].examples[-1]
    assert (added.marked, added.metadata) == (new.strip(BLANKS), about)
    assert marked_of(remove_example(project, intents(project)["faq/place"].examples[-1]), "faq/place") == [
        "where are you"
    ]


def test_an_example_that_is_not_there_any_more_is_not_touched() -> None:
    gone = example(PROJECT, "greet", "yes")
    project = remove_example(PROJECT, gone)
    for verb in (lambda: remove_example(project, gone), lambda: replace_example(project, gone, "x")):
        with pytest.raises(Conflict, match="example_changed"):
            verb()


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("", "needs a text"),
        (" \n", "needs a text"),
        ("[a]{b}", "written as JSON"),
        ("\ud83d", "half of a character"),
    ],
)
def test_what_cannot_be_an_example_is_refused(new: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        add_example(PROJECT, "greet", new)
    with pytest.raises(Invalid, match=why):
        replace_example(PROJECT, example(PROJECT, "greet", "yes"), new)


def test_examples_stand_in_yaml() -> None:
    with pytest.raises(Invalid, match="path_invalid"):
        add_example(PROJECT, "greet", "x", path="README.md")


def test_an_unknown_intent_needs_a_file_and_a_name() -> None:
    with pytest.raises(NotFound, match="intent_unknown"):
        add_example(PROJECT, "nobody", "x")
    for name in ("", " a", "a/b/c", "a{b}", "a\nb", "/a"):
        with pytest.raises(Invalid, match="intent_name_invalid"):
            add_example(PROJECT, name, "x", path=PATH)
