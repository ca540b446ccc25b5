"""Rasa itself reads the same from what it was given and from what we write."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from backoffice.training.projects.editing import add_example
from backoffice.training.projects.markup import Span
from backoffice.training.projects.rasa_yaml import read, write
from backoffice.training.projects.views import intents, terms
from backoffice.training.projects.yaml_text import dump
from tests.backoffice.training.projects.samples import DOMAIN, ESCAPED, NLU, RULES, STORIES

ROOT = Path(__file__).parents[4]
PYTHON = ROOT / ".venv-rasa/bin/python"
SCRIPT = Path(__file__).with_name("as_rasa_reads.py")
HANDWRITTEN = {"nlu.yml": NLU.replace("  unknown: [1, 1.0, true, null]\n", "").replace("    seen: 3\n", "")}
HANDWRITTEN["nlu.yml"] = HANDWRITTEN["nlu.yml"].replace("- something: else\n  examples: |\n    - kept\n", "")
ADDED = ["\\u4f60 ${HOME}", "a\nb", '"', "\x07", "- - -", "[黑](colour:黑色)", "\u2028x"]

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="the bot's environment is not installed")


def written(folder: Path, files: dict[str, str]) -> str:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf8", newline="")
    return str(folder)


def anew(files: dict[str, str]) -> dict[str, str]:
    return {path: dump(file.data) for path, file in read(files).files.items()}


def as_rasa_reads(*folders: str) -> list[dict[str, Any]]:
    run = subprocess.run(
        [PYTHON, "-W", "ignore", SCRIPT, *folders], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told: list[dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
    return told


def span_of(entity: dict[str, Any], text: str) -> Span:
    value = entity["value"] if entity["value"] != text[entity["start"] : entity["end"]] else None
    return Span(
        entity["start"], entity["end"], entity["entity"], value, entity.get("role"), entity.get("group")
    )


def test_rasa_reads_the_same_from_what_is_written(tmp_path: Path) -> None:
    ours = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf8")
        for folder in ("nlu_data", "bot/domain", "bot/rules", "bot/stories")
        for path in sorted((ROOT / folder).rglob("*.yml"))
    }
    nasty = HANDWRITTEN | {
        "escaped.yml": ESCAPED,
        "domain.yml": DOMAIN,
        "a/stories.yml": STORIES,
        "rules.yaml": RULES,
    }
    longer = read(HANDWRITTEN | {"more.yml": ESCAPED})
    for text in ADDED:
        longer = add_example(longer, "faq/place", text)
        longer = add_example(longer, "greet", text, {"from": text})
    before, after, nasty_before, nasty_after, more, more_anew = as_rasa_reads(
        written(tmp_path / "ours", ours),
        written(tmp_path / "ours_anew", anew(ours)),
        written(tmp_path / "nasty", nasty),
        written(tmp_path / "nasty_anew", anew(nasty)),
        written(tmp_path / "more", write(longer)),
        written(tmp_path / "more_anew", anew(write(longer))),
    )
    assert len(before["examples"]) > 15_000
    assert before == after
    assert nasty_before == nasty_after
    assert more == more_anew
    assert len(more["examples"]) == len(nasty_before["examples"]) + 2 * len(ADDED)

    for project, rasa in ((read(nasty), nasty_before), (longer, more)):
        seen = [json.loads(example) for example in rasa["examples"]]
        named = [
            ((each["intent"], each.get("intent_response_key"))[0], each["text"], spans_of(each))
            for each in seen
        ]
        assert sorted(named) == sorted(
            (intent.name.split("/")[0], example.text, [span for span in map(repr, example.spans)])
            for intent in intents(project).values()
            for example in intent.examples
        )
        patterns = {
            (each.name, value) for each in terms(project) if each.kind == "regex" for value in each.values
        }
        assert {(each["name"], each["pattern"]) for each in map(json.loads, rasa["regexes"])} == patterns
        elements = {each.name: list(each.values) for each in terms(project) if each.kind == "lookup"}
        assert {each["name"]: each["elements"] for each in map(json.loads, rasa["lookups"])} == elements
        synonyms = {
            value: each.name for each in terms(project) if each.kind == "synonym" for value in each.values
        }
        assert synonyms.items() <= rasa["synonyms"].items()


def spans_of(example: dict[str, Any]) -> list[str]:
    return [repr(span_of(entity, example["text"])) for entity in example.get("entities", [])]
