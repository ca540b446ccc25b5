"""Intents that get another name, become one with another, or go: with all that names them."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.datasets.naming import require_free
from backoffice.training.datasets.soundness import actions_of, intents_of, payload_intent
from backoffice.training.datasets.verbs import NAME
from backoffice.training.projects.editing import with_section
from backoffice.training.projects.entries import STORIES
from backoffice.training.projects.rasa_yaml import Project, sections
from backoffice.training.projects.renaming import rename_intent
from backoffice.training.projects.views import domain, intents, stories


def rename(project: Project, old: str, new: str) -> Project:
    """Its response `utter_<old>` goes with it.

    Raises `Invalid` (`intent_name_invalid`), `NotFound` (`intent_unknown`), `Conflict` (`intent_exists`,
    `intent_in_code`).
    """
    require_free(project, known(project, old))
    if not NAME.fullmatch(new):
        raise Invalid("intent_name_invalid", "a name is of small Latin letters, digits and _")
    if new in names(project) or f"utter_{new}" in {each.response for each in domain(project).responses}:
        raise Conflict("intent_exists", f"there is an intent {new}")
    return rename_intent(project, old, new, with_response=True)


def merge(project: Project, old: str, into: str) -> Project:
    """The sentences of `old` teach `into`, which is answered as before; test conversations expect that.

    Raises `NotFound` (`intent_unknown`), `Invalid` (`intents_same`), `Conflict` (`intent_in_code`).
    """
    require_free(project, known(project, old))
    if known(project, into) == old:
        raise Invalid("intents_same", "an intent cannot become one with itself")
    answers = {name: answer_to(project, name) for name in (old, into)}

    def kept(story: dict[str, Any]) -> dict[str, Any] | None:
        if "rule" in story and begins_with(story, old):
            return None
        return {**story, "steps": reanswered(story.get("steps") or [], old, answers)}

    project = with_stories(project, kept)
    return without_answer(rename_intent(project, old, into), old)


def retire(project: Project, name: str) -> Project:
    """An intent goes, with its sentences, its answer, and every rule, story, test and button that has it.

    Raises `NotFound` (`intent_unknown`), `Conflict` (`intent_in_code`, `intent_fills_slots`).
    """
    require_free(project, known(project, name))
    told = domain(project)
    for item in (*told.slots, *told.forms):
        if names_intent(item.told, name):
            raise Conflict("intent_fills_slots", f"{item.name} in {item.path} depends on {name}")
    project = with_stories(
        project, lambda story: None if name in intents_of(story.get("steps") or []) else story
    )
    verbs: Mapping[str, Callable[[Any], Any]] = {
        "nlu": lambda told: [each for each in told if each.get("intent") != name],
        "intents": lambda told: [
            each for each in told if name not in ([each] if isinstance(each, str) else each)
        ],
        "responses": lambda told: {key: without_buttons(each, name) for key, each in told.items()},
    }
    for section, verb in verbs.items():
        for path, said in list(sections(project, section)):
            project = with_section(project, path, section, verb(said))
    return without_answer(project, name)


def names(project: Project) -> set[str]:
    return {*intents(project), *(each.name for each in domain(project).intents)}


def known(project: Project, intent: str) -> str:
    if intent not in names(project):
        raise NotFound("intent_unknown", f"there is no intent {intent}")
    return intent


def begins_with(story: Mapping[str, Any], intent: str) -> bool:
    return intent in intents_of((story.get("steps") or [])[:1])


def answer_to(project: Project, intent: str) -> str | None:
    """The action of its rule that has no condition."""
    for story in stories(project):
        if story.kind == "rule" and not story.condition and story.steps[:1] == [{"intent": intent}]:
            return next(actions_of(story.steps[1:2]), None)
    return None


def reanswered(steps: list[Any], old: str, answers: Mapping[str, str | None]) -> list[Any]:
    """Where `old` was said and answered, the answer of the other."""
    _, into = answers
    told = list(steps)
    for place, (step, then) in enumerate(pairwise(steps), 1):
        if old in intents_of([step]) and answers[into] and then == {"action": answers[old]}:
            told[place] = {"action": answers[into]}
    return told


def with_stories(project: Project, verb: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Project:
    """Stories and rules as `verb` leaves them, without those that it drops."""
    for section in STORIES:
        for path, told in list(sections(project, section)):
            kept = [after for story in told if (after := verb(story)) is not None]
            project = with_section(project, path, section, kept)
    return project


def without_answer(project: Project, intent: str) -> Project:
    """Without the response of its name, unless something says it."""
    response = f"utter_{intent}"
    if any(response in actions_of(story.steps) for story in stories(project)):
        return project
    for path, told in list(sections(project, "responses")):
        left = {name: variations for name, variations in told.items() if name != response}
        project = with_section(project, path, "responses", left)
    return project


def without_buttons(variations: Any, intent: str) -> Any:
    return [
        {**each, "buttons": [button for button in each["buttons"] if not presses(button, intent)]}
        if isinstance(each, dict) and each.get("buttons")
        else each
        for each in variations or []
    ]


def presses(button: Any, intent: str) -> bool:
    payload = button.get("payload") if isinstance(button, dict) else None
    return isinstance(payload, str) and payload.startswith("/") and payload_intent(payload) == intent


def names_intent(told: Any, intent: str) -> bool:
    """Whether a slot or a form depends on an intent."""
    if isinstance(told, list):
        return any(names_intent(each, intent) for each in told)
    if not isinstance(told, dict):
        return False
    return any(
        intent in ([each] if isinstance(each, str) else each or [])
        if key in ("intent", "not_intent", "ignored_intents")
        else names_intent(each, intent)
        for key, each in told.items()
    )
