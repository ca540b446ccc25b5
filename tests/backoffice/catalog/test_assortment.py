"""A channel sells everything but what is left out of it: in lists, on pages, in carts and quotes."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from backoffice.catalog.models import ChannelExclusion
from backoffice.events.audit import AuditEntry
from backoffice.kit.passwords import hash_password
from backoffice.staff.models import StaffMember
from tests.backoffice.factories import COAT, COAT_WHITE, CUP, Shop

Headers = dict[str, str]
TO = {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}
COATS, CUPS = 1, 2


@pytest.fixture
async def admin(shop: Shop, client: httpx.AsyncClient) -> Headers:
    hashed = hash_password("right horse")
    people = (
        {"id": id, "login": role, "name": role, "role": role} for id, role in ((1, "admin"), (2, "agent"))
    )
    await shop.add(StaffMember, *(each | {"password_hash": hashed} for each in people))
    return await signed_in(client, "admin")


async def signed_in(client: httpx.AsyncClient, login: str) -> Headers:
    asked = {"login": login, "password": "right horse"}
    token = (await client.post("/api/staff/session", json=asked)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


async def change(
    client: httpx.AsyncClient, who: Headers, product: int, sold: bool, *skus: int
) -> httpx.Response:
    wanted = {"sold": sold, "sku_ids": list(skus) or None}
    return await client.put(f"/api/staff/channels/app/assortment/{product}", json=wanted, headers=who)


async def listed(client: httpx.AsyncClient, channel: str | None = "app") -> dict[int, list[str]]:
    params = {"channel": channel} if channel else {}
    answer = (await client.get("/api/products", params=params)).json()
    assert answer["total"] == len(answer["products"])
    return {each["id"]: each["colours"] for each in answer["products"]}


async def test_what_is_left_out_is_listed_elsewhere_only(client: httpx.AsyncClient, admin: Headers) -> None:
    everything = await listed(client)
    assert everything[COATS] == ["黑色", "白色"]
    assert (await change(client, admin, COATS, False, COAT_WHITE)).status_code == 204
    assert (await listed(client))[COATS] == ["黑色"]
    page = (await client.get(f"/api/products/{COATS}", params={"channel": "app"})).json()
    assert [sku["id"] for sku in page["skus"]] == [COAT]
    await change(client, admin, COATS, False, COAT)
    await change(client, admin, CUPS, False)
    assert sorted(await listed(client)) == [3]
    for product in (COATS, CUPS):
        gone = await client.get(f"/api/products/{product}", params={"channel": "app"})
        assert (gone.status_code, gone.json()["code"]) == (404, "product_not_found")
    found = await client.post("/api/products/find", json={"text": "有保温杯吗", "channel": "app"})
    assert found.json()["products"] == []
    assert await listed(client, "web") == await listed(client, None) == everything
    await change(client, admin, COATS, True)
    await change(client, admin, CUPS, True)
    assert await listed(client) == everything


async def test_what_is_left_out_is_neither_put_in_a_cart_nor_quoted(
    client: httpx.AsyncClient, admin: Headers, owner: Headers
) -> None:
    await change(client, admin, CUPS, False)

    async def put(**channel: str) -> httpx.Response:
        return await client.put(f"/api/cart/lines/{CUP}", json={"quantity": 1, **channel}, headers=owner)

    refused = await put(channel="app")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_sold_here")
    assert (await put(channel="web")).status_code == 200
    asked: dict[str, Any] = {"address": TO, "channel": "app"}
    refused = await client.post("/api/quotes", json=asked, headers=owner)
    assert (refused.status_code, refused.json()["code"], refused.json()["sku_ids"]) == (
        409,
        "not_sold_here",
        [CUP],
    )
    quoted = await client.post("/api/quotes", json=asked | {"channel": "web"}, headers=owner)
    assert quoted.status_code == 200


async def test_changes_are_made_once_and_on_record(
    client: httpx.AsyncClient, admin: Headers, shop: Shop
) -> None:
    for _ in range(2):
        assert (await change(client, admin, CUPS, False)).status_code == 204
        assert (await change(client, admin, COATS, False, COAT_WHITE)).status_code == 204
    shown = (await client.get("/api/staff/channels/app/assortment", headers=admin)).json()
    assert [(each["product_id"], each["sku_ids"]) for each in shown["unsold"]] == [
        (COATS, [COAT_WHITE]),
        (CUPS, []),
    ]
    assert shown["total"] == 2
    part = await change(client, admin, CUPS, True, CUP)
    assert (part.status_code, part.json()["code"]) == (409, "product_not_sold")
    assert (await change(client, admin, COATS, False, CUP)).json()["code"] == "sku_not_found"
    assert (await change(client, admin, 99, False)).json()["code"] == "product_not_found"
    agent = await signed_in(client, "agent")
    assert (await change(client, agent, CUPS, True)).status_code == 403
    assert (await change(client, {}, CUPS, True)).status_code == 401
    assert len(await shop.rows(ChannelExclusion)) == 2
    async with shop.database.read() as session:
        assert len((await session.scalars(select(AuditEntry))).all()) == 2
