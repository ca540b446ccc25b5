import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from backoffice.catalog import keeping
from backoffice.catalog.models import PriceChange
from backoffice.catalog.schemas import NewPrice
from backoffice.events.audit import AuditEntry
from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import now
from backoffice.staff.models import StaffMember

PRODUCT: dict[str, Any] = {
    "name": "云栖软壳衣",
    "category": "外套",
    "facts": {"材质": "尼龙"},
    "size_table": [{"size": "M", "height_cm": [160, 170]}],
}
SKU = {"code": "YQ-M", "colour": "黑色", "size": "M", "weight_g": 500, "price_fen": 29900}


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        for id, role in ((1, "admin"), (2, "agent")):
            hashed = hash_password("right horse")
            session.add(StaffMember(id=id, login=role, name=role, role=role, password_hash=hashed))


async def signed_in(client: httpx.AsyncClient, login: str = "admin") -> dict[str, str]:
    asked = {"login": login, "password": "right horse"}
    token = (await client.post("/api/staff/session", json=asked)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


async def stocked(client: httpx.AsyncClient) -> tuple[dict[str, str], int, int]:
    """An admin's headers, a product and its SKU."""
    admin = await signed_in(client)
    product = (await client.post("/api/staff/products", json=PRODUCT, headers=admin)).json()["id"]
    answer = await client.post(f"/api/staff/products/{product}/skus", json=SKU, headers=admin)
    assert answer.status_code == 201, answer.text
    return admin, product, answer.json()["skus"][0]["id"]


async def test_a_product_is_added_and_found_with_its_sizes(client: httpx.AsyncClient) -> None:
    _, product, _ = await stocked(client)
    found = (await client.post("/api/products/find", json={"text": "有云栖软壳衣吗"})).json()
    assert [each["id"] for each in found["products"]] == [product]
    advice = await client.get(f"/api/products/{product}/size-advice", params={"height_cm": 165})
    assert advice.json()["size"] == "M"


async def test_what_is_there_is_not_added_again(client: httpx.AsyncClient) -> None:
    admin, product, sku = await stocked(client)
    again = await client.post("/api/staff/products", json=PRODUCT, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "product_exists")
    path = f"/api/staff/products/{product}/skus"
    assert (await client.post(path, json=SKU, headers=admin)).json()["code"] == "sku_exists"
    await client.post(path, json=SKU | {"code": "YQ-L", "size": "L"}, headers=admin)
    clash = await client.put(f"/api/staff/skus/{sku}", json=SKU | {"size": "L"}, headers=admin)
    assert clash.json()["code"] == "sku_exists"
    other = await client.post("/api/staff/products", json=PRODUCT | {"name": "另一件"}, headers=admin)
    path = f"/api/staff/products/{other.json()['id']}"
    assert (await client.put(path, json=PRODUCT, headers=admin)).json()["code"] == "product_exists"
    changed = await client.put(path, json=PRODUCT | {"name": "第三件"}, headers=admin)
    assert changed.json()["name"] == "第三件"


async def test_only_admins_keep_the_catalog(client: httpx.AsyncClient) -> None:
    _, product, sku = await stocked(client)
    agent = await signed_in(client, "agent")
    price = {"price_fen": 1, "reason": "促销"}
    for method, path, body in (
        ("POST", "/api/staff/products", PRODUCT),
        ("PUT", f"/api/staff/products/{product}", PRODUCT),
        ("POST", f"/api/staff/products/{product}/skus", SKU),
        ("PUT", f"/api/staff/skus/{sku}", SKU),
        ("POST", f"/api/staff/skus/{sku}/prices", price),
    ):
        assert (await client.request(method, path, json=body, headers=agent)).status_code == 403
        assert (await client.request(method, path, json=body)).status_code == 401


async def test_a_price_changes_with_its_reason(client: httpx.AsyncClient, database: Database) -> None:
    admin, _, sku = await stocked(client)

    async def price(fen: int, **fields: str) -> httpx.Response:
        body = {"price_fen": fen, "reason": "换季"} | fields
        return await client.post(f"/api/staff/skus/{sku}/prices", json=body, headers=admin)

    assert (await price(25900)).json()["price_from_fen"] == 25900
    later = (now() + timedelta(days=1)).isoformat()
    assert (await price(19900, at=later)).json()["price_from_fen"] == 25900
    assert (await price(19900, at=later)).status_code == 201
    assert (await price(18900, at=later)).json()["code"] == "price_set"
    past = (now() - timedelta(days=1)).isoformat()
    assert (await price(1, at=past)).json()["code"] == "in_the_past"
    async with database.read() as session:
        entries = select(AuditEntry.reason).where(AuditEntry.action == "price_changed")
        assert (await session.scalars(entries)).all() == ["换季"] * 2


async def test_rivals_set_one_price_from_a_moment(client: httpx.AsyncClient, database: Database) -> None:
    _, _, sku = await stocked(client)
    at = now() + timedelta(hours=1)

    async def change(fen: int) -> int:
        async with database.write() as session:
            await keeping.set_price(session, 1, sku, NewPrice(price_fen=fen, reason="促销", at=at))
        return fen

    ended = await asyncio.gather(*(change(fen) for fen in range(100, 110)), return_exceptions=True)
    (won,) = [fen for fen in ended if isinstance(fen, int)]
    async with database.read() as session:
        assert (await session.scalars(select(PriceChange.price_fen))).all() == [won]
