"""An intent under another name, in all that a project says of it.

What the shop's own code says of an intent is not in the files and is not changed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backoffice.kit.errors import Invalid, NotFound
from backoffice.training.projects.editing import named, with_data, with_section
from backoffice.training.projects.rasa_yaml import Project, sections
from backoffice.training.projects.views import domain, intents


def rename_intent(project: Project, old: str, new: str, with_response: bool = False) -> Project:
    """`old` is called `new` wherever files name it; where there is a `new` already, the two become one.

    In entries, domain, slot mappings, forms, stories, rules, payloads of buttons and the pipeline, and with
    a retrieval intent (`faq`, or one of it: `faq/hours`), or on demand, its responses and their action. Two
    rules that now say different things of one intent are left for Rasa to complain of.
    Raises `NotFound` (`intent_unknown`), `Invalid` (`intent_name_invalid`, `intent_kinds_differ`).
    """
    named(new)
    if ("/" in old) != ("/" in new):
        raise Invalid("intent_kinds_differ", "only a retrieval intent has a / in its name")
    names = {*intents(project), *(each.name for each in domain(project).intents)}
    bases = {name.split("/")[0] for name in names}
    if old not in names | bases:
        raise NotFound("intent_unknown", f"there is no intent {old}")
    if "/" in new and new.split("/")[0] not in bases:
        raise NotFound("intent_unknown", f"there is no intent {new.split('/')[0]}")
    if old == new:
        return project
    retrieval, other = (any(name.startswith(f"{each}/") for name in names) for each in (old, new))
    if new in bases and retrieval != other:
        raise Invalid("intent_kinds_differ", f"only one of {old} and {new} is a retrieval intent")
    renaming = Renaming(old, new, retrieval or "/" in old or with_response)
    taken = {
        section: {name for _, told in sections(project, section) for name in names_in(told)}
        for section in ("intents", "actions", "responses")
    }
    renamed = project
    for path, file in project.files.items():
        if isinstance(file.data, dict):
            renamed = with_data(renamed, path, renaming.file(file.data, taken))
    return moved_responses(project, renamed, renaming, taken["responses"])


def names_in(told: Any) -> list[str]:
    """Names in a list of names or of names with their options, or the keys of a mapping."""
    if isinstance(told, dict):
        return list(told)
    return [name for item in told for name in ([item] if isinstance(item, str) else item)]


def moved_responses(before: Project, project: Project, renaming: "Renaming", taken: set[str]) -> Project:
    """Variations of a response whose new name is taken, behind those that are there."""
    for _, told in sections(before, "responses"):
        for name, variations in told.items():
            to = renaming.action(name)
            if to == name or to not in taken or not variations:
                continue
            path, there = next((path, told) for path, told in sections(project, "responses") if to in told)
            more = [renaming.payloads(each) for each in variations]
            project = with_section(project, path, "responses", {**there, to: [*(there[to] or []), *more]})
    return project


@dataclass(frozen=True)
class Renaming:
    old: str
    new: str
    answered: bool

    def file(self, data: dict[Any, Any], taken: Mapping[str, set[str]]) -> dict[Any, Any]:
        verbs: Mapping[str, Callable[[Any], Any]] = {
            "nlu": lambda told: self.each(told, {"intent": self.intent}),
            "intents": lambda told: self.listed(told, self.intent, taken["intents"]),
            "actions": lambda told: self.listed(told, self.action, taken["actions"]),
            "responses": lambda told: self.responses(told, taken["responses"]),
            "slots": self.slots,
            "forms": self.forms,
            "stories": self.steps,
            "rules": self.steps,
            "pipeline": lambda told: self.each(told, {"retrieval_intent": self.intent}),
        }
        return {key: verbs[key](told) if told and key in verbs else told for key, told in data.items()}

    def intent(self, name: Any) -> Any:
        if isinstance(name, str) and (name == self.old or name.startswith(f"{self.old}/")):
            return self.new + name[len(self.old) :]
        return name

    def action(self, name: Any) -> Any:
        """A retrieval intent has an action of its name, another may have."""
        if self.answered and isinstance(name, str) and name.startswith("utter_"):
            return "utter_" + self.intent(name.removeprefix("utter_"))
        return name

    def payload(self, text: Any) -> Any:
        """`/greet`, `/greet@0.9` or `/greet{"name": "x"}`."""
        if not isinstance(text, str) or not text.startswith("/"):
            return text
        name = re.split("[{@]", text[1:], maxsplit=1)[0]
        renamed = self.intent(name.strip())
        return text if renamed == name.strip() else f"/{renamed}{text[1 + len(name.rstrip()) :]}"

    def each(self, told: Any, verbs: Mapping[str, Callable[[Any], Any]]) -> Any:
        return [self.keyed(item, verbs) for item in told] if isinstance(told, list) else told

    def keyed(self, told: Any, verbs: Mapping[str, Callable[[Any], Any]]) -> Any:
        if not isinstance(told, dict):
            return told
        return {key: verbs[key](value) if key in verbs else value for key, value in told.items()}

    def listed(self, told: list[Any], verb: Callable[[Any], Any], taken: set[str]) -> list[Any]:
        """Items under the new name, without those whose new name is taken."""
        renamed = list[Any]()
        for item in told:
            if isinstance(item, dict):
                kept = {
                    verb(name): options
                    for name, options in item.items()
                    if verb(name) == name or verb(name) not in taken
                }
                renamed += [kept] if kept or not item else []
            elif verb(item) == item or verb(item) not in taken:
                renamed.append(verb(item))
        return renamed

    def responses(self, told: dict[str, Any], taken: set[str]) -> dict[str, Any]:
        return {
            self.action(name): variations and self.payloads(variations)
            for name, variations in told.items()
            if self.action(name) == name or self.action(name) not in taken
        }

    def payloads(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self.payloads(each) for each in told]
        if isinstance(told, dict):
            return {
                key: self.payload(value)
                if key == "payload" and isinstance(value, str)
                else self.payloads(value)
                for key, value in told.items()
            }
        return told

    def slots(self, told: dict[str, Any]) -> dict[str, Any]:
        return {name: self.keyed(slot, {"mappings": self.mappings}) for name, slot in told.items()}

    def forms(self, told: dict[str, Any]) -> dict[str, Any]:
        verbs = {"ignored_intents": self.one_or_several, "required_slots": self.required}
        return {name: self.keyed(form, verbs) for name, form in told.items()}

    def required(self, told: Any) -> Any:
        """Slots of a form; before Rasa 3 each had its mappings here."""
        return {slot: self.mappings(each) for slot, each in told.items()} if isinstance(told, dict) else told

    def mappings(self, told: Any) -> Any:
        return self.each(told, {"intent": self.one_or_several, "not_intent": self.one_or_several})

    def one_or_several(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self.intent(each) for each in told if self.intent(each) == each or self.new not in told]
        return self.intent(told)

    def steps(self, told: Any) -> Any:
        """Steps in a story, an `or` among them; a slot may be called `intent`."""
        if isinstance(told, list):
            return [self.steps(each) for each in told]
        if not isinstance(told, dict):
            return told
        verbs: Mapping[str, Callable[[Any], Any]] = {
            "intent": lambda name: self.payload(name) if str(name).startswith("/") else self.intent(name),
            "user": self.payload,
            "action": self.action,
            "steps": self.steps,
            "or": self.steps,
        }
        return self.keyed(told, verbs)
