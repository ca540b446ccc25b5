"""Tokens of services outside the shop: each opens what is of its scope and nothing else."""

import httpx
import pytest

from backoffice.settings import SERVICE_SCOPES, ServiceScope, Settings
from tests.backoffice.factories import COAT, WAREHOUSE, Shop
from tests.processes import xiaoer

SALES, RECEIPTS, FEED = "/api/inventory/sales", "/api/inventory/receipts", "/api/inventory/feed"


def shown(token: str, key: str = "1") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": key}


def test_each_scope_has_a_token_of_its_own(settings: Settings) -> None:
    tokens = {settings.scoped_token(scope) for scope in SERVICE_SCOPES}
    assert len(tokens | {settings.service_token}) == len(SERVICE_SCOPES) + 1


@pytest.mark.parametrize(("scope", "receipts"), [("till", 422), ("marketplace", 403)])
async def test_a_scope_opens_its_endpoints_only(
    client: httpx.AsyncClient, settings: Settings, shop: Shop, scope: ServiceScope, receipts: int
) -> None:
    headers = shown(settings.scoped_token(scope))
    asked = {"channel": "marketplace", "sku_id": COAT}
    assert (await client.get("/api/inventory/available", params=asked, headers=headers)).status_code == 200
    assert (await client.post(SALES, json={}, headers=headers)).status_code == 422
    assert (await client.post(RECEIPTS, json={}, headers=headers)).status_code == receipts
    for method, path in (("POST", "/api/service/session"), ("GET", "/api/orders")):
        answer = await client.request(method, path, json={"phone": "15400000001"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")
    turn = headers | {"X-Turn": "x"}
    assert (await client.get("/api/orders", headers=turn)).json()["code"] == "bad_credential"


async def test_nobody_is_let_in_without_a_token(client: httpx.AsyncClient, shop: Shop) -> None:
    for headers in ({}, shown(""), shown("x")):
        assert (await client.post(SALES, json={}, headers=headers)).status_code in (401, 422)
        assert (await client.get("/api/inventory/available", headers=headers)).status_code in (401, 422)


async def test_services_do_not_share_their_keys(
    client: httpx.AsyncClient, settings: Settings, shop: Shop
) -> None:
    tokens = [settings.service_token, *map(settings.scoped_token, SERVICE_SCOPES)]
    for count, token in enumerate(tokens, 1):
        body = {
            "location_id": WAREHOUSE,
            "lines": [{"sku_id": COAT, "quantity": count}],
            "receipt": f"R{count}",
            "channel": "marketplace" if count == len(tokens) else "pos",
        }
        for _ in range(2):
            assert (await client.post(SALES, json=body, headers=shown(token))).status_code == 201
    other = await client.post(SALES, json=body | {"channel": "pos"}, headers=shown(tokens[-1], "2"))
    assert (other.status_code, other.json()["code"]) == (403, "scope_required")


def test_the_command_line_prints_a_token(settings: Settings) -> None:
    done = xiaoer("token", "till", XIAOER_SECRET=settings.secret)
    assert done.stdout.strip() == settings.scoped_token("till")
