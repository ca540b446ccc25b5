"""How many of the entities in real-sounding sentences are found, and how many of those found are there."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from spacy.scorer import PRFScore

MARKED = re.compile(r"\[(?P<words>[^\]]+)\]\((?P<entity>\w+)(?: (?P<value>[^)]+))?\)")
SHEET = yaml.safe_load(Path(__file__).with_name("entities.yml").read_text(encoding="utf8"))
NOW = SHEET["now"] if isinstance(SHEET["now"], datetime) else datetime.fromisoformat(SHEET["now"])
LEAST = 0.95

Marked = list[tuple[str, int, int, str]]


def read(line: str) -> tuple[str, Marked]:
    """The plain sentence, and (entity, start, end, value or "") of what is marked in it."""
    plain, marked, last = "", [], 0
    for match in MARKED.finditer(line):
        plain += line[last : match.start()]
        marked.append((match["entity"], len(plain), len(plain) + len(match["words"]), match["value"] or ""))
        plain, last = plain + match["words"], match.end()
    return plain + line[last:], marked


def agrees(entity: str, value: Any, wanted: str) -> bool:
    if not wanted:
        return True
    if entity == "when":
        return agrees_in_time(value, wanted)
    if entity == "amount":
        low, dash, high = wanted.partition("-")
        bounds = (int(low or 0), int(high) if high else None) if dash else (int(low), int(low))
        return (value["from"], value["to"]) == bounds
    return str(value) == wanted


def agrees_in_time(value: dict[str, str], wanted: str) -> bool:
    start, _, end = wanted.partition("/")
    if not end and "T" in start:
        return moment(start) == datetime.fromisoformat(value["from"])
    last = moment(end) if end else moment(start) + timedelta(days=1)
    return (moment(start), last) == tuple(map(datetime.fromisoformat, (value["from"], value["to"])))


def moment(said: str) -> datetime:
    day, _, hour = said.partition("T")
    day = day if len(day) > 5 else f"{SHEET['year']}-{day}"
    hour = hour if ":" in hour else f"{hour or '00'}:00"
    return datetime.fromisoformat(f"{day}T{hour}:00+08:00")


def sentences() -> Iterator[tuple[str, Marked]]:
    return map(read, SHEET["sentences"].splitlines())


def judged(extract: Any, said: str, marked: Marked) -> tuple[set[tuple[str, int, int, bool]], ...]:
    """What was found and what was wanted; a wrong value makes what was found another thing."""
    wanted = {(entity, start, end): value for entity, start, end, value in marked}
    found = set()
    for each in extract(said, NOW):
        key = (each["entity"], each["start"], each["end"])
        found.add((*key, agrees(each["entity"], each["value"], wanted.get(key, ""))))
    return found, {(*key, True) for key in wanted}


def test_sentences_score(extract: Any, capsys: pytest.CaptureFixture[str]) -> None:
    total, by_entity = PRFScore(), defaultdict(PRFScore)
    for said, marked in sentences():
        found, wanted = judged(extract, said, marked)
        total.score_set(found, wanted)
        for entity in {each[0] for each in found | wanted}:
            of = [{each for each in group if each[0] == entity} for group in (found, wanted)]
            by_entity[entity].score_set(*of)
    with capsys.disabled():
        print(f"\n{'entity':12} {'precision':>9} {'recall':>9} {'F1':>9} {'in all':>7}")
        for entity, score in [*sorted(by_entity.items()), ("all", total)]:
            figures = "".join(f"{figure:10.3f}" for figure in (score.precision, score.recall, score.fscore))
            print(f"{entity:12}{figures} {score.tp + score.fn:7}")
    assert total.fscore >= LEAST


def test_there_are_enough_sentences() -> None:
    texts = [said for said, _ in sentences()]
    assert len(set(texts)) == len(texts) >= 400
    assert sum(not marked for _, marked in sentences()) >= 50
