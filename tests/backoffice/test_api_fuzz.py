"""Whatever is sent, to any route, by anybody: an answer that the API's description knows, never a crash.

`XIAOER_FUZZ=500 pytest tests/backoffice/test_api_fuzz.py` tries 500 requests for each route, not few.
"""

import asyncio
import json
import os
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import select

from backoffice.app import create_app
from backoffice.demo.seed import seed as fill
from backoffice.kit.database import Database
from backoffice.knowledge.models import Article
from backoffice.returns.models import Return
from backoffice.settings import Settings
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from backoffice.trade.lifecycle import sourcing
from backoffice.trade.models import Order, Refund
from backoffice.users.identity import Credentials, TurnCredential

Json = Any
SHOPPER = 1
TRIES = int(os.environ.get("XIAOER_FUZZ", "3"))
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LEFT_OUT = {
    "GET /chat/conversations/{conversation_id}/stream": "never ends when it is asked well",
    "GET /api/inventory/feed/stream": "never ends when it is asked well",
}
SIGN_OUT = ("DELETE /api/staff/session", "DELETE /api/staff/sessions", "POST /api/staff/password")
"""Tried last: whoever may do it asks no more."""
BAD = [
    *('"a\\u0000b"', '"\\ud800"', '"%"', '"{0}"', '"１２"', json.dumps("x" * 3000), '""'),
    *("-1", "0", "2147483648", "9223372036854775808", "9" * 30, "NaN", "1e400", "0.5"),
    *('"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59-23:59"', '"2026-01-01T00:00:00"', '"9999-12-31"'),
    *("null", "[]", "{}", "[{}]", "[[]]", "true"),
]
"""JSON values that some layer below the API cannot take."""
BODIES = ["", "[]", "null", "[" * 10_000, "\x00", '{"a":', "\ud800"]


@dataclass(frozen=True)
class Person:
    """Somebody who asks, and how they show who they are."""

    role: str
    headers: dict[str, str]


@pytest.fixture
async def http(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings.model_copy(
        update={"worker": "apart", "opened_a_minute": 10**6, "said_a_minute": 10**6}
    )
    app = create_app(settings, consoles=False)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport) as client:
        client.base_url = httpx.URL("http://shop")
        yield client


@pytest.fixture
async def filled(database: Database) -> dict[str, list[str]]:
    """A demo shop with work for its locations; by the name of a path parameter what there is of it."""
    await fill(database, customers=30, orders=100)
    async with database.write() as session:
        for order_id in await session.scalars(select(Order.id).where(Order.state == "paid")):
            await sourcing.source(session, order_id)
        numbers = {
            "orders": select(Order.number).where(Order.customer_id == SHOPPER),
            "returns": select(Return.number),
            "refunds": select(Refund.number),
            "slug": select(Article.slug),
        }
        found = {name: [*await session.scalars(query.limit(20))] for name, query in numbers.items()}
    return found | {"channel": ["web", "store"], "code": ["sf", "wechat"]}


@pytest.fixture
async def people(
    http: httpx.AsyncClient, filled: dict[str, list[str]], database: Database, settings: Settings
) -> list[Person]:
    """Everybody who may ask: strangers first, the mightiest last."""
    issued = Credentials(settings)
    opened = (await http.post("/chat/conversations", json={})).json()
    filled["conversation_id"] = [opened["conversation"]]
    turn = TurnCredential(conversation=opened["conversation"], turn="t", epoch=1, customer=SHOPPER)
    tokens = {
        "visitor": opened["token"],
        "shopper": issued.sign_session(SHOPPER),
        "service": settings.service_token,
    }
    async with database.write() as session:
        for role in ("agent", "supervisor", "admin"):
            member = (await session.scalars(select(StaffMember).where(StaffMember.role == role))).first()
            assert member
            tokens[role] = await sessions.open_session(session, member)
    shown = {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
    shown["bot"] = shown["service"] | {"X-Turn": issued.sign_turn(turn)}
    admin = {"Authorization": f"Bearer {tokens['admin']}"}
    hook = {"url": "https://example.com/hook", "topics": ["message.created"]}
    assert (await http.post("/api/webhooks", json=hook, headers=admin)).status_code == 201
    return [Person("nobody", {}), *(Person(role, headers) for role, headers in shown.items())]


@st.composite
def asked(draw: st.DrawFn, operation: Any, examples: Json, known: dict[str, list[str]]) -> Any:
    """A case of the operation as described or otherwise, most of them about what there is."""
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    theirs = {
        each.name: draw(st.sampled_from(meant(operation.path, each.name, known)))
        for each in operation.path_parameters
        if draw(st.integers(0, 3))
    }
    case = draw(operation.as_strategy(generation_mode=mode))
    case.path_parameters = {**(case.path_parameters or {}), **theirs}
    if examples and draw(st.booleans()):
        case.body = dict(draw(st.sampled_from(examples)))
    spoilt = None
    if isinstance(case.body, dict) and case.body and draw(st.booleans()):
        spoilt = (draw(st.sampled_from(sorted(case.body, key=str))), draw(st.sampled_from(BAD)))
    return case, spoilt


def meant(path: str, name: str, known: dict[str, list[str]]) -> list[str]:
    """Values of a path parameter: a number is that of what comes before it in the path."""
    before = path.split("{" + name)[0].strip("/").split("/")[-1]
    return known.get(before if name == "number" else name) or ["1", "2", "3"]


def examples_of(spec: Json, operation: Any) -> Json:
    """The bodies that the API's description shows for an operation."""
    content = spec["paths"][operation.path][operation.method].get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    named = spec["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return [each for each in named.get("examples", []) if isinstance(each, dict)]


def prepared(case: Any, spoilt: tuple[str, str] | None) -> requests.PreparedRequest:
    sent = case.as_transport_kwargs(base_url="http://shop")
    if spoilt and isinstance(sent.get("json"), dict):
        name, bad = spoilt
        fields = {key: json.dumps(value) for key, value in sent.pop("json").items()} | {name: bad}
        told = ",".join(f"{json.dumps(key)}:{value}" for key, value in fields.items())
        sent["data"] = ("{" + told + "}").encode()
    return requests.Request(**sent).prepare()


def faults(case: Any, answer: httpx.Response) -> Iterator[str]:
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        yield from (f"{type(each).__name__}: {each}" for each in group.exceptions)
    problem = answer.headers.get("Content-Type") == "application/problem+json"
    if answer.is_client_error and not problem:
        yield f"no problem document: {answer.text[:200]}"


async def test_every_answer_to_anybody_is_one_that_is_described(
    http: httpx.AsyncClient, filled: dict[str, list[str]], people: list[Person]
) -> None:
    loop = asyncio.get_running_loop()
    found: dict[str, str] = {}
    answered: set[str] = set()

    async def send(request: requests.PreparedRequest, person: Person) -> httpx.Response:
        headers = {key: value for key, value in request.headers.items() if key.lower() != "content-length"}
        if person.headers:
            headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "x-turn")}
        sent = http.build_request(
            request.method or "", request.url or "", content=request.body, headers=headers | person.headers
        )
        try:
            return await http.send(sent)
        except Exception:
            crash = httpx.Response(500, text=traceback.format_exc()[-2000:], request=sent)
            crash.elapsed = timedelta()
            return crash

    def try_out(operation: Any) -> None:
        @hypothesis.seed(0)
        @hypothesis.settings(
            max_examples=TRIES,
            derandomize=TRIES < 10,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(asked(operation, examples_of(spec, operation), filled))
        def each(drawn: Any) -> None:
            case, spoilt = drawn
            request = prepared(case, spoilt)
            for person in people:
                answer = asyncio.run_coroutine_threadsafe(send(request, person), loop).result()
                if answer.is_success:
                    answered.add(operation.label)
                for fault in faults(case, answer):
                    key = f"{operation.label} {fault.splitlines()[0]} {answer.status_code}"
                    found.setdefault(
                        key,
                        f"{key}\n  by {person.role}: {request.url} {request.body!r:.500}\n  {fault:.600}\n"
                        f"  {answer.text:.2000}",
                    )

        each()

    spec = (await http.get("/openapi.json")).json()
    operations = [each.ok() for each in schemathesis.openapi.from_dict(spec).get_all_operations()]
    assert set(LEFT_OUT) <= {operation.label for operation in operations}
    tried = [operation for operation in operations if operation.label not in LEFT_OUT]
    tried.sort(key=lambda each: (each.label in SIGN_OUT, each.method == "delete"))
    for operation in tried:
        await asyncio.to_thread(try_out, operation)
    print("never answered well:", sorted({o.label for o in tried} - answered))
    assert not found, f"{len(found)} faults\n" + "\n".join(found.values())
