"""What an admin does to training data; what is new stands in files of the shop's own."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.datasets.domain import Labelled
from backoffice.training.projects.editing import add_example, checked, remove_example, with_section
from backoffice.training.projects.entries import TermKind
from backoffice.training.projects.rasa_yaml import File, Project, sections
from backoffice.training.projects.views import Example, domain, intent_names, intents, stories, terms

SHOP = "nlu_data/shop.yml"
SHOP_DOMAIN = "bot/domain/shop.yml"
SHOP_RESPONSES = "bot/domain/responses/shop.yml"
SHOP_RULES = "bot/rules/shop.yml"
SHOP_STORIES = "tests/stories/test_shop.yml"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


def add_examples(project: Project, examples: Iterable[Labelled]) -> Project:
    known = {name: {each.marked for each in intent.examples} for name, intent in intents(project).items()}
    shop = Project({path: file for path, file in project.files.items() if path == SHOP})
    for each in examples:
        if each.intent not in known:
            raise NotFound("intent_unknown", f"there is no intent {each.intent}")
        marked = checked(each.marked)
        if marked not in known[each.intent]:
            known[each.intent].add(marked)
            shop = add_example(shop, each.intent, marked, path=SHOP)
    return Project({**project.files, **shop.files})


def move_example(project: Project, example: Example, intent: str) -> Project:
    """The sentence teaches another intent."""
    moved = remove_example(project, example)
    return add_examples(moved, [Labelled(intent, example.marked)])


def add_intent(project: Project, name: str, examples: Sequence[str], answer: str) -> Project:
    """A new intent: its sentences, what the bot says to them, and the rule that joins the two.

    Raises `Invalid` (`intent_name_invalid`, `answer_missing`, `example_invalid`), `Conflict`
    (`intent_exists`).
    """
    if not NAME.fullmatch(name):
        raise Invalid("intent_name_invalid", "a name is of small Latin letters, digits and _")
    response = f"utter_{name}"
    told = domain(project)
    names = {*intent_names(project), *(each.name for each in told.intents)}
    if name in names or any(each.response == response for each in told.responses):
        raise Conflict("intent_exists", f"there is an intent {name}")
    if not answer.strip():
        raise Invalid("answer_missing", "a new intent needs an answer")
    for marked in examples:
        project = add_example(project, name, marked, path=SHOP)
    project = listing(project, SHOP_DOMAIN, "intents", {name: {"use_entities": []}})
    project = with_response(project, response, [{"text": answer.strip()}])
    rule = {"rule": name.replace("_", " "), "steps": [{"intent": name}, {"action": response}]}
    return listing(project, SHOP_RULES, "rules", rule)


def add_story(project: Project, story: Mapping[str, Any]) -> Project:
    if any(each.name == story.get("story") for each in stories(project)):
        raise Conflict("story_exists", f"there is a conversation of the name {story['story']}")
    return listing(project, SHOP_STORIES, "stories", dict(story))


def listing(project: Project, path: str, section: str, item: Any) -> Project:
    """One more item of a list, at its end."""
    told = (project.files.get(path, File()).data or {}).get(section) or []
    return with_section(project, path, section, [*told, item])


def with_response(project: Project, name: str, variations: Sequence[Mapping[str, Any]]) -> Project:
    """What the bot says under a name, in every way it says it; none: the response goes.

    Raises `Invalid` (`response_invalid`) for a name or a variation that Rasa would not take.
    """
    if not re.fullmatch(r"utter_\w+(/\w+)?", name):
        raise Invalid("response_invalid", "the name of a response begins with utter_")
    if not all(any(each.get(part) for part in ("text", "image", "custom", "buttons")) for each in variations):
        raise Invalid("response_invalid", "a way to say it must say something")
    told = [dict(each) for each in variations]
    places = [path for path, responses in sections(project, "responses") if name in responses]
    for path in places[1:] if told else places:
        left = {key: each for key, each in project.files[path].data["responses"].items() if key != name}
        project = with_section(project, path, "responses", left)
    if told:
        path = places[0] if places else SHOP_RESPONSES
        before = (project.files.get(path, File()).data or {}).get("responses") or {}
        project = with_section(project, path, "responses", {**before, name: told})
    return project


def with_terms(project: Project, kind: TermKind, name: str, values: Sequence[str]) -> Project:
    """What stands for a synonym, or in a lookup table, where it first stands; no values: it goes.

    Raises `Invalid` (`terms_invalid`).
    """
    values = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if not name.strip() or any(len(value.splitlines()) > 1 for value in (name, *values)):
        raise Invalid("terms_invalid", "a name and its words are a line each")
    places = [each.place for each in terms(project) if (each.kind, each.name) == (kind, name)]
    examples = "".join(f"- {value}\n" for value in values)
    for place in reversed(places[1:] if values else places):
        nlu = project.files[place.path].data["nlu"]
        project = with_section(project, place.path, "nlu", nlu[: place.entry] + nlu[place.entry + 1 :])
    if not values:
        return project
    if not places:
        return listing(project, SHOP, "nlu", {kind: name.strip(), "examples": examples})
    nlu = list(project.files[places[0].path].data["nlu"])
    nlu[places[0].entry] = {**nlu[places[0].entry], "examples": examples}
    return with_section(project, places[0].path, "nlu", nlu)


def restoring(old: Project, intent: str | None = None) -> Callable[[Project], Project]:
    """Makes a project what `old` is, or only the sentences of an intent."""

    def verb(project: Project) -> Project:
        if intent is None:
            return old
        if intent not in intent_names(old):
            raise NotFound("intent_unknown", f"there was no intent {intent}")
        for path in [*project.files, *(path for path in old.files if path not in project.files)]:
            was, nlu = entries_of(old, path), entries_of(project, path)
            back = [entry for entry in was if entry.get("intent") == intent]
            if back != [entry for entry in nlu if entry.get("intent") == intent]:
                before = list(takewhile(lambda entry: entry.get("intent") != intent, nlu))
                after = [entry for entry in nlu[len(before) :] if entry.get("intent") != intent]
                project = with_section(project, path, "nlu", [*before, *back, *after])
        return project

    return verb


def entries_of(project: Project, path: str) -> list[dict[str, Any]]:
    """Of the nlu list of a file."""
    return (project.files.get(path, File()).data or {}).get("nlu") or []
