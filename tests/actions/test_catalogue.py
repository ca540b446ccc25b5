"""What shoppers read stands in the catalogues, complete; the domain and the actions know each other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions import wording
from tests.actions.conftest import Backoffice

ROOT = Path(__file__).parents[2]
SOURCES = {path.name: path.read_text(encoding="utf8") for path in sorted((ROOT / "actions").glob("*.py"))}


def domain(key: str) -> dict[str, Any] | list[Any]:
    """One key of the domain, collected from its files."""
    found: Any = None
    for path in sorted((ROOT / "bot" / "domain").rglob("*.yml")):
        part = yaml.safe_load(path.read_text(encoding="utf8")).get(key)
        if part is not None:
            found = part if found is None else {**found, **part} if isinstance(part, dict) else found + part
    return found


@pytest.mark.parametrize("name", SOURCES)
def test_no_chinese_in_python(name: str) -> None:
    assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", SOURCES[name])


def test_every_action_is_in_the_domain_and_the_other_way_round(backoffice: Backoffice) -> None:
    from actions.registry import ERRANDS, FORMS, QUESTIONS

    assert {action.name() for action in (*ERRANDS, *FORMS, *QUESTIONS)} == set(domain("actions"))
    forms = {form.form: list(form.slots) for form in FORMS}
    assert forms == {name: form["required_slots"] for name, form in domain("forms").items()}  # type: ignore[union-attr]


def test_every_intent_has_a_rule() -> None:
    ruled = set()
    for path in (ROOT / "bot" / "rules").glob("*.yml"):
        for rule in yaml.safe_load(path.read_text(encoding="utf8"))["rules"]:
            ruled |= {step["intent"] for step in rule["steps"] if "intent" in step}
    assert ruled == {name for intent in domain("intents") for name in intent}


def test_what_the_actions_say_is_written() -> None:
    """Names built at run time are matched by their fixed part."""
    written = {name.removeprefix("utter_") for name in domain("responses")}
    said = set()
    for source in SOURCES.values():
        said |= set(re.findall(r'say\(\s*(?:f)?"([^"]+)"', source))
    for name in said:
        pattern = re.sub(r"\\\{.*?\\\}", ".+", re.escape(name))
        assert [each for each in written if re.fullmatch(pattern, each)], name


def test_no_form_lacks_a_question_or_a_last_word() -> None:
    responses, actions = set(domain("responses")), set(domain("actions"))
    for form, wanted in domain("forms").items():  # type: ignore[union-attr]
        assert f"utter_stopped_{form}" in responses
        for slot in wanted["required_slots"]:
            assert f"utter_ask_{slot}" in responses or f"action_ask_{slot}" in actions


def test_every_pattern_compiles_and_no_key_is_a_boolean() -> None:
    def check(group: Any, path: str) -> None:
        if not isinstance(group, dict):
            re.compile(group)
            return
        for name, inner in group.items():
            assert isinstance(name, str), f"{path}: {name} needs quotes"
            check(inner, f"{path}.{name}")

    check(wording.wording()["heard"], "heard")
    assert all(isinstance(name, str) for name in wording.wording()["said"])
