"""What must hold of training data before it is saved: what Rasa would only complain of while it trains, or
never.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.views import Domain, Intent, Story, domain, intents, stories, terms

WORDS = {
    "intent_empty": "the intent {name} has no example",
    "intent_undeclared": "the intent {name} is not in the domain",
    "intent_unanswered": "the intent {name} has no rule and no story",
    "sentence_twice": "{name!r} belongs to two intents: {other}",
    "synonym_twice": "{name!r} stands for two things: {other}",
    "step_unknown": "{name} names {other}, which is not there",
    "section_misplaced": "Rasa does not look there for {name}",
    "rules_differ": "the rules {name} and {other} answer the same differently",
}
SENTENCES, DIALOGUE = {"nlu"}, {"rules", "stories"}
DOMAIN = {"intents", "entities", "slots", "forms", "actions", "responses", "session_config", "e2e_actions"}
READ_FROM = {"bot/domain/": DOMAIN, "tests/stories/": {"stories"}}
BUILT_IN = {"nlu_fallback", "restart", "back", "session_start"}
BUILT_IN_ACTIONS = {
    "action_listen",
    "action_restart",
    "action_session_start",
    "action_default_fallback",
    "action_deactivate_loop",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
    "action_default_ask_rephrase",
    "action_two_stage_fallback",
    "action_unlikely_intent",
    "action_back",
    "action_extract_slots",
}


@dataclass(frozen=True, order=True)
class Trouble:
    """`code` is one of `WORDS`; `path` the file to look at."""

    code: str
    path: str
    name: str
    other: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {WORDS[self.code].format(name=self.name, other=self.other)}"


def troubles(project: Project) -> Iterator[Trouble]:
    spoken, told, dialogue = intents(project), domain(project), stories(project)
    yield from of_intents(spoken, told, dialogue)
    yield from of_sentences(spoken)
    yield from of_synonyms(project)
    yield from of_steps(told, dialogue)
    yield from of_rules(dialogue)
    yield from of_sections(project)


@lru_cache(maxsize=1 << 16)
def plain(text: str) -> str:
    """What is left of a sentence when width, case, blanks and marks make no difference."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower()) or text


def of_intents(spoken: dict[str, Intent], told: Domain, dialogue: list[Story]) -> Iterator[Trouble]:
    declared = {each.name: each.path for each in told.intents}
    bases = {name.split("/")[0] for name in spoken}
    answered = {name.split("/")[0] for story in dialogue for name in intents_of(story.steps)}
    for name, intent in spoken.items():
        path, base = intent.entries[0].place.path, name.split("/")[0]
        if not intent.examples:
            yield Trouble("intent_empty", path, name)
        if base not in declared:
            yield Trouble("intent_undeclared", path, name)
        elif base not in answered:
            yield Trouble("intent_unanswered", path, name)
    for name in declared.keys() - bases - BUILT_IN:
        yield Trouble("intent_empty", declared[name], name)


def owners(spoken: dict[str, Intent]) -> dict[str, str]:
    """The first intent that has a sentence, by its plain text."""
    found = dict[str, str]()
    for name, intent in spoken.items():
        for example in intent.examples:
            found.setdefault(plain(example.text), name)
    return found


def of_sentences(spoken: dict[str, Intent]) -> Iterator[Trouble]:
    owned = owners(spoken)
    for name, intent in spoken.items():
        for example in intent.examples:
            if (owner := owned[plain(example.text)]) != name:
                yield Trouble("sentence_twice", example.place.path, example.text, f"{owner}, {name}")


def of_synonyms(project: Project) -> Iterator[Trouble]:
    meanings = dict[str, str]()
    for each in terms(project):
        if each.kind == "synonym":
            for value in each.values:
                if (meaning := meanings.setdefault(value, each.name)) != each.name:
                    yield Trouble("synonym_twice", each.place.path, value, f"{meaning}, {each.name}")


def of_steps(told: Domain, dialogue: list[Story]) -> Iterator[Trouble]:
    declared = {each.name for each in told.intents} | BUILT_IN
    named = {each.name for each in told.actions} | {each.name for each in told.forms}
    named |= {each.response.split("/")[0] for each in told.responses}
    for story in dialogue:
        for name in sorted({name.split("/")[0] for name in intents_of(story.steps)} - declared):
            yield Trouble("step_unknown", story.path, story.name, name)
        for name in sorted(set(actions_of(story.steps)) - named - BUILT_IN_ACTIONS):
            yield Trouble("step_unknown", story.path, story.name, name)


def of_rules(dialogue: list[Story]) -> Iterator[Trouble]:
    """Those that begin alike and go on with different actions."""
    answers = dict[str, tuple[str, Any]]()
    for rule in dialogue:
        if rule.kind == "rule" and len(rule.steps) > 1 and rule.steps[0].keys() == {"intent"}:
            begins = f"{rule.condition} {rule.steps[0]}"
            name, then = answers.setdefault(begins, (rule.name, rule.steps[1]))
            if then != rule.steps[1]:
                yield Trouble("rules_differ", rule.path, rule.name, name)


def of_sections(project: Project) -> Iterator[Trouble]:
    """The domain has a folder of its own, test conversations have one."""
    for path, file in project.files.items():
        here = next((told for part, told in READ_FROM.items() if path.startswith(part)), SENTENCES | DIALOGUE)
        for name in sorted(((SENTENCES | DIALOGUE | DOMAIN) - here - {"responses"}) & set(file.data or {})):
            yield Trouble("section_misplaced", path, name)


def flat(steps: Any) -> Iterator[dict[str, Any]]:
    for step in steps:
        if isinstance(step, dict):
            yield step
            yield from flat(step.get("or") or [])


def intents_of(steps: Any) -> Iterator[str]:
    """The intents that steps name, a slot of that name aside."""
    for step in flat(steps):
        if isinstance(step.get("intent"), str):
            yield payload_intent(step["intent"])


def payload_intent(text: str) -> str:
    """Of `/greet{"name": "x"}`, and of a name itself: `greet`."""
    return re.split("[{@]", text.removeprefix("/"), maxsplit=1)[0].strip()


def actions_of(steps: Any) -> Iterator[str]:
    for step in flat(steps):
        if isinstance(step.get("action"), str):
            yield step["action"]
