"""Whatever is sent, to any route, by anybody: an answer that says what is wrong, never a crash."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from backoffice.app import create_app
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from backoffice.users.identity import Credentials, TurnCredential
from backoffice.users.models import Customer

Schema = dict[str, Any]
BAD_WORDS = ["a\x00b", "%", "{0}", "１２", "x" * 3000]
BAD_NUMBERS = ["-1", "2147483648", "9" * 30, "NaN"]
BAD_JSON = [*map(json.dumps, BAD_WORDS), *BAD_NUMBERS, r'"\ud800"', "null", "[]", "{}"]
BAD_BODIES = ["", "[]", "null", "[" * 10_000, "\x00"]


@pytest.fixture
async def http(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, consoles=False)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
        client.base_url = httpx.URL("http://shop")
        yield client


@pytest.fixture
async def everybody(
    http: httpx.AsyncClient, database: Database, settings: Settings
) -> tuple[str, list[dict[str, str]]]:
    """A conversation's id, and the headers of its visitor, a customer, an admin and the bot in a turn."""
    async with database.write() as session:
        session.add(Customer(id=1, phone="15400000001", name="林晓"))
        admin = StaffMember(id=1, login="admin", name="店长", role="admin", password_hash="")
        session.add(admin)
        await session.flush()
        signed_in = await sessions.open_session(session, admin)
    opened = (await http.post("/chat/conversations", json={})).json()
    conversation, issued = opened["conversation"], Credentials(settings)
    turn = issued.sign_turn(TurnCredential(conversation=conversation, turn="t", epoch=1))
    tokens = [opened["token"], issued.sign_session(1), signed_in, settings.service_token]
    shown: list[dict[str, str]] = [{"Authorization": f"Bearer {token}"} for token in tokens]
    shown[-1]["X-Turn"] = turn
    return conversation, [headers | {"Content-Type": "application/json"} for headers in shown]


def requests(
    spec: Schema, path: str, operation: Schema, conversation: str
) -> Iterator[tuple[str, dict[str, str], str | None]]:
    """A route asked as its schema tells, then with one thing wrong at a time: path, query, body."""
    told = operation.get("parameters", [])
    names = {place: [one["name"] for one in told if one["in"] == place] for place in ("path", "query")}
    known = {name: conversation if name == "conversation_id" else "1" for name in names["path"]}
    query = {one["name"]: "1" for one in told if one["in"] == "query" and one["required"]}
    fields = sample(spec, operation)
    whole = None if fields is None else together(fields)
    yield fill(path, known), query, whole
    for bad in (*BAD_WORDS, *BAD_NUMBERS):
        yield from ((fill(path, known | {name: bad}), query, whole) for name in names["path"])
        yield from ((fill(path, known), query | {name: bad}, whole) for name in names["query"])
    for bad in BAD_JSON:
        yield from (
            (fill(path, known), query, together((fields or {}) | {name: bad})) for name in fields or {}
        )
    if fields is not None:
        yield from ((fill(path, known), query, bad) for bad in BAD_BODIES)


def together(fields: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items()) + "}"


def fill(path: str, values: dict[str, str]) -> str:
    return path.format(**{name: quote(value, safe="") for name, value in values.items()})


def sample(spec: Schema, operation: Schema) -> dict[str, str] | None:
    """The JSON of every field of the operation's model; none of one that takes bytes."""
    if "requestBody" not in operation:
        return None
    model = spec["components"]["schemas"].get(
        reference(operation["requestBody"]["content"]), {"properties": {}}
    )
    return {name: json.dumps(value_of(field)) for name, field in model["properties"].items()}


def reference(content: Schema) -> str:
    """The name of a body's model; empty for a picture."""
    return str(next(iter(content.values()))["schema"].get("$ref", "")).rpartition("/")[2]


def value_of(field: Schema) -> Any:
    field = field.get("anyOf", [field])[0]
    if "enum" in field:
        return field["enum"][0]
    return {"integer": 1, "boolean": True, "array": []}.get(field.get("type", ""), "abc")


async def test_no_input_crashes_a_route(
    http: httpx.AsyncClient, everybody: tuple[str, list[dict[str, str]]]
) -> None:
    spec = (await http.get("/openapi.json")).json()
    conversation, people = everybody
    for route, operations in spec["paths"].items():
        for method, operation in operations.items():
            if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
                continue  # never ends when it is asked well
            allowed = people[0]
            for path, query, body in requests(spec, route, operation, conversation):
                for headers in (allowed, *people):
                    answer = await http.request(method, path, params=query, content=body, headers=headers)
                    assert answer.status_code != 500, (method, path, query, body, answer.text)
                    if answer.status_code not in (401, 403):
                        allowed = headers
                        break
                if answer.is_client_error:
                    assert answer.headers["Content-Type"] == "application/problem+json", (method, path)
