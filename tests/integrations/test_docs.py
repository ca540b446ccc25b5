"""The chat at /docs: every route says what it takes and answers, and its examples are true."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backoffice.app import create_app
from backoffice.conversations.announcements import TOPICS
from backoffice.inventory.alerts import LOW, RECOVERED
from backoffice.inventory.feed import CHANGED
from backoffice.settings import Settings
from integrations.channels.examples import STREAM

Schema = dict[str, Any]
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    settings = Settings(secret="for tests", state=tmp_path_factory.mktemp("docs"))
    return create_app(settings, consoles=False).openapi()


def operations(spec: Schema) -> Iterator[tuple[str, Schema]]:
    for path, methods in spec["paths"].items():
        if path.startswith("/chat/conversations"):
            yield from ((f"{method.upper()} {path}", operation) for method, operation in methods.items())


def faults(spec: Schema, schema: Schema, value: Any, where: str = "") -> Iterator[str]:
    """What of a value a JSON schema does not allow, as far as FastAPI writes schemas."""
    if reference := schema.get("$ref"):
        schema = spec["components"]["schemas"][reference.rpartition("/")[2]]
    if options := schema.get("anyOf"):
        if all(any(faults(spec, option, value, where)) for option in options):
            yield f"{where}: {value!r} is none of {options}"
        return
    expected = schema.get("type")
    if expected and not isinstance(value, TYPES[expected]):
        yield f"{where}: {value!r} is no {expected}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, str):
        yield from string_faults(schema, value, where)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from faults(spec, schema.get("items", {}), item, f"{where}[{place}]")
    if isinstance(value, dict):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        yield from (f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value)
        for name, item in value.items():
            if name in properties:
                yield from faults(spec, properties[name], item, f"{where}.{name}")
            elif isinstance(more, dict):
                yield from faults(spec, more, item, f"{where}.{name}")
            elif properties:
                yield f"{where}.{name} is unknown"


def string_faults(schema: Schema, value: str, where: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{where}: {value!r} has the wrong length"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} is not like {schema['pattern']}"


def examples_of(spec: Schema, content: Schema) -> list[Any]:
    schema = content.get("schema", {})
    if reference := schema.get("$ref"):
        schema = spec["components"]["schemas"][reference.rpartition("/")[2]]
    return [content["example"]] if "example" in content else schema.get("examples", [])


def test_every_route_of_the_chat_has_examples_that_fit(spec: Schema) -> None:
    told = dict(operations(spec))
    assert len(told) >= 8
    for name, operation in told.items():
        assert operation["tags"], name
        assert operation["description"], name
        contents = []
        if body := operation.get("requestBody", {}).get("content", {}).get("application/json"):
            contents.append(body)
        for status, answer in operation["responses"].items():
            if status != "204":
                contents += answer["content"].values()
        for content in contents:
            if content.get("schema", {}).get("format") == "binary":
                continue
            examples = examples_of(spec, content)
            assert examples, (name, content)
            for example in examples:
                if "schema" in content:
                    assert list(faults(spec, content["schema"], example)) == [], name


def test_every_route_of_the_chat_tells_its_problems(spec: Schema) -> None:
    for name, operation in operations(spec):
        problems = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
        assert {"401", "422"} <= problems.keys(), name
        for status, answer in problems.items():
            (media,) = answer["content"]
            assert media == "application/problem+json", (name, status)
    limited = [
        operation["responses"]["429"]["headers"]
        for _, operation in operations(spec)
        if "429" in operation["responses"]
    ]
    assert limited
    assert all("Retry-After" in headers for headers in limited)


@pytest.mark.parametrize(
    ("schema", "value", "good"),
    [
        ({"type": "integer"}, 1, True),
        ({"type": "integer"}, "1", False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, True),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, False),
        ({"type": "object", "required": ["a"], "properties": {"a": {}}}, {}, False),
        ({"type": "object", "properties": {"a": {}}}, {"b": 1}, False),
        ({"type": "array", "items": {"enum": ["x"]}}, ["x", "y"], False),
    ],
)
def test_an_example_that_does_not_fit_is_found(schema: Schema, value: Any, good: bool) -> None:
    assert (not list(faults({}, schema, value))) is good


def test_what_webhooks_are_posted_is_described(spec: Schema) -> None:
    assert set(spec["webhooks"]) == {CHANGED, LOW, RECOVERED}.union(*TOPICS.values())
    for name, operation in spec["webhooks"].items():
        content = operation["post"]["requestBody"]["content"]["application/json"]
        (example,) = content["examples"] if "examples" in content else content["schema"]["examples"]
        assert list(faults(spec, content["schema"], example)) == [], name


def test_the_stream_of_the_example_is_one(spec: Schema) -> None:
    schemas = spec["components"]["schemas"]
    known = {
        "message": schemas["EventView"],
        "state": schemas["Look"]
        | {"required": [name for name in schemas["Look"]["required"] if name not in ("events", "last")]},
    }
    seen = set()
    for block in STREAM.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            assert list(faults(spec, known[fields["event"]], json.loads(fields["data"]))) == []
            seen.add(fields["event"])
    assert seen == {"message", "state"}


async def test_the_page_is_there(tmp_path: Path) -> None:
    app = create_app(Settings(secret="for tests", state=tmp_path), consoles=False)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as http:
        assert "/openapi.json" in (await http.get("/docs")).text
        assert (await http.get("/openapi.json")).json()["paths"]
