"""What /openapi.json says is true: every body has an example that is taken, every credential is named."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter, ValidationError

from backoffice.app import create_app
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.trade.checkout.schemas import NewQuote

Json = Any
AS_CUSTOMER: Json = [{"customer": []}, {"service": [], "turn": []}]
WRONG_PASSWORD = "bad_sign_in"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """One that is described, not asked."""
    return create_app(Settings(secret="for tests", state=tmp_path_factory.mktemp("openapi")), consoles=False)


@pytest.fixture
async def http(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings.model_copy(update={"worker": "apart"}), consoles=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
    ):
        yield client


def operations(app: FastAPI) -> Iterator[tuple[str, Json, Any]]:
    """The name of each operation, how it is described and its route."""
    paths = app.openapi()["paths"]
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield f"{method} {route.path_format}", paths[route.path_format][method.lower()], route


def examples_of(app: FastAPI, content: Json) -> list[Json]:
    schema = content.get("schema", {})
    if reference := schema.get("$ref"):
        schema = app.openapi()["components"]["schemas"][reference.rpartition("/")[2]]
    own = [content["example"]] if "example" in content else []
    return own or schema.get("examples", [])


def json_bodies(app: FastAPI) -> Iterator[tuple[str, type, list[Json]]]:
    for name, operation, route in operations(app):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            yield name, route.body_field.field_info.annotation, examples_of(app, content)


def json_answers(app: FastAPI) -> Iterator[tuple[str, type, list[Json]]]:
    for name, operation, route in operations(app):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if status < "3" and content and route.response_field:
                yield name, route.response_field.field_info.annotation, examples_of(app, content)


def faults(model: Any, example: Json) -> str:
    """Why an example is not what the model takes; empty when it is."""
    adapter = TypeAdapter(model)
    try:
        taken = adapter.validate_json(json.dumps(example))
    except ValidationError as error:
        return str(error)
    kept = adapter.dump_python(taken, mode="json", by_alias=True, exclude_unset=True)
    return ", ".join(f"{where} is not known" for where in dropped(example, kept))


def dropped(shown: Json, kept: Json, where: str = "") -> Iterator[str]:
    if isinstance(shown, dict):
        for name, value in shown.items():
            if name in kept:
                yield from dropped(value, kept[name], f"{where}.{name}")
            else:
                yield f"{where}.{name}"
    elif isinstance(shown, list):
        for place, (one, other) in enumerate(zip(shown, kept, strict=True)):
            yield from dropped(one, other, f"{where}[{place}]")


def test_every_body_has_an_example(app: FastAPI) -> None:
    assert [name for name, _, examples in json_bodies(app) if not examples] == []
    assert len(list(json_bodies(app))) >= 73


def test_every_example_is_taken(app: FastAPI) -> None:
    found = {}
    for name, model, examples in (*json_bodies(app), *json_answers(app)):
        for example in examples:
            if fault := faults(model, example):
                found[name] = fault
    assert found == {}


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"coupon": 7}, True),
        ({"delivery": "by pigeon"}, False),
        ({"lines": []}, False),
        ({"lines": [{"sku_id": 11}]}, False),
        ({"lines": [{"sku_id": 11, "quantity": 1, "price_fen": 1}]}, False),
        ({"adress": {"text": "文三路90号"}}, False),
    ],
)
def test_an_example_that_is_not_taken_is_found(change: Json, good: bool) -> None:
    example = {"lines": [{"sku_id": 11, "quantity": 1}], "delivery": "standard"}
    assert (not faults(NewQuote, example | change)) is good


async def test_who_is_not_known_is_refused_where_a_credential_is_described(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    refused, described = set(), set()
    for name, operation, _ in operations(app):
        method, path = name.replace("{", "").replace("}", "").split(" ")
        if not path.startswith(("/api/", "/chat/")):
            continue
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = next(iter(examples_of(app, content)), None)
        answer = await http.request(method, path, json=body)
        if answer.status_code == 401 and answer.json()["code"] != WRONG_PASSWORD:
            refused.add(name)
        if operation.get("security") and {} not in operation["security"]:
            described.add(name)
    assert refused == described
    assert len(refused) > 150


def test_every_way_to_be_let_in_is_described(app: FastAPI) -> None:
    told = {name: operation.get("security") for name, operation, _ in operations(app)}
    assert told["POST /api/orders"] == told["GET /api/me"] == AS_CUSTOMER
    assert told["GET /api/cart"] == told["POST /chat/conversations"] == [*AS_CUSTOMER, {}]
    assert told["GET /api/products"] is None
    assert told["GET /api/names"] == [{"service": []}]
    assert told["POST /api/inventory/sales"] == [{"service": []}, {"till": []}, {"marketplace": []}]
    assert told["POST /api/inventory/receipts"] == [{"service": []}, {"till": []}]
    assert told["GET /api/webhooks"] == [{"staff": []}]
    assert told["POST /chat/conversations/{conversation_id}/messages"] == [{"visitor": []}]
    assert told["POST /carriers/{code}/push"] == [{"carrier": []}]
    assert told["POST /wechat/{app_id}"] == [{"wechat": []}, {"wechat_encrypted": []}]


def test_every_credential_says_where_it_comes_from(app: FastAPI) -> None:
    schemes = app.openapi()["components"]["securitySchemes"]
    used = {
        scheme
        for _, operation, _ in operations(app)
        for way in operation.get("security", [])
        for scheme in way
    }
    assert used == set(schemes)
    assert all(scheme["description"] for scheme in schemes.values())
    assert (schemes["turn"]["in"], schemes["turn"]["name"]) == ("header", "X-Turn")
    headers = {
        each["name"].lower()
        for _, operation, _ in operations(app)
        for each in operation.get("parameters", [])
        if each["in"] == "header"
    }
    assert not headers & {"authorization", "x-turn"}
