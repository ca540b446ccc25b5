"""Promotions and coupons in the hands of the staff."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from backoffice.events.audit import AuditEntry
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from backoffice.trade.offers.models import Redemption, StoredOffer
from backoffice.trade.offers.schemas import CHANGE, EXAMPLE
from tests.backoffice.factories import CUP, OWNER, Shop

Headers = dict[str, str]


async def signed_in(database: Database, id: int, role: str) -> Headers:
    async with database.write() as session:
        member = StaffMember(id=id, login=role, name=role, role=role, password_hash="")
        session.add(member)
        await session.flush()
        return {"Authorization": f"Bearer {await sessions.open_session(session, member)}"}


@pytest.fixture
async def admin(database: Database) -> Headers:
    return await signed_in(database, 1, "admin")


async def added(client: httpx.AsyncClient, admin: Headers, **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/staff/offers", json=EXAMPLE | more, headers=admin)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_an_offer_goes_through_its_versions_until_it_is_stopped(
    client: httpx.AsyncClient, database: Database, admin: Headers
) -> None:
    made = await added(client, admin)
    at = f"/api/staff/offers/{made['id']}"
    assert (made["text"], made["version"], made["taken"]) == ("满300减40", 1, 0)
    percent = {"rule": {"kind": "percent", "pays_percent": 85, "from_pieces": 2, "most_fen": 5000}}
    changed = (await client.put(at, json=CHANGE | {"terms": percent}, headers=admin)).json()
    assert (changed["text"], changed["version"]) == ("满2件打85折，最多减50", 2)
    assert [each["version"] for each in changed["versions"]] == [2, 1]
    assert changed["versions"][1]["terms"] == made["terms"]
    late = await client.put(at, json=CHANGE, headers=admin)
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (409, "offer_changed", 2)
    for _ in range(2):
        stopped = await client.post(f"{at}/stop", json={"reason": "亏本"}, headers=admin)
        assert stopped.json()["active"] is False
    over = await client.put(at, json=CHANGE | {"version": 2}, headers=admin)
    assert (over.status_code, over.json()["code"]) == (409, "offer_stopped")
    async with database.read() as session:
        told = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [(each.action, each.reason) for each in told] == [
        ("offer_added", ""),
        ("offer_changed", ""),
        ("offer_stopped", "亏本"),
    ]


async def test_what_an_offer_costs_is_told(client: httpx.AsyncClient, shop: Shop, admin: Headers) -> None:
    made = await added(client, admin)
    used = {"offer_id": made["id"], "version": 1, "customer_id": OWNER, "off_fen": 4000}
    await shop.add(Redemption, *({"order_id": id, "slot": id, **used} for id in (1, 2)))
    await shop.add(Redemption, {"order_id": 3, "slot": None, "given_back_at": now(), **used})
    told = (await client.get(f"/api/staff/offers/{made['id']}", headers=admin)).json()
    assert (told["orders"], told["off_fen"]) == (2, 8000)


async def test_offers_are_listed_in_pages_and_added_once(client: httpx.AsyncClient, admin: Headers) -> None:
    first = await added(client, admin)
    coupon = await added(client, admin, code="c", source="coupon", per_customer=9)
    assert coupon["per_customer"] == 1
    again = await client.post("/api/staff/offers", json=EXAMPLE, headers=admin)
    assert (again.status_code, again.json()["code"]) == (409, "offer_exists")

    async def listed(**query: Any) -> tuple[list[int], int]:
        answer = (await client.get("/api/staff/offers", params=query, headers=admin)).json()
        return [each["id"] for each in answer["offers"]], answer["total"]

    assert await listed() == ([coupon["id"], first["id"]], 2)
    assert await listed(limit=1, offset=1) == ([first["id"]], 2)
    assert await listed(source="coupon") == ([coupon["id"]], 1)
    assert await listed(active=False) == ([], 0)


async def test_what_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, shop: Shop, admin: Headers, owner: Headers
) -> None:
    made = await added(client, admin)
    at = f"/api/staff/offers/{made['id']}"
    async with shop.database.write() as session:
        await session.execute(update(StoredOffer).values(taken=5))
    gift = {"rule": {"kind": "gift", "sku_id": 999, "from_fen": 1}}
    refused = [
        await client.put(at, json=CHANGE | {"quota": 4}, headers=admin),
        await client.put(at, json=CHANGE | {"quota": None}, headers=admin),
        await client.put("/api/staff/offers/99", json=CHANGE, headers=admin),
        await client.post("/api/staff/offers", json=EXAMPLE | {"code": "g", "terms": gift}, headers=admin),
        await client.post(
            "/api/staff/offers", json=EXAMPLE | {"ends_at": EXAMPLE["starts_at"]}, headers=admin
        ),
        await client.get(at, headers=await signed_in(shop.database, 2, "agent")),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (409, "quota_too_small"),
        (422, "quota_kind"),
        (404, "offer_not_found"),
        (404, "sku_not_found"),
        (422, "invalid_request"),
        (403, "role_required"),
    ]
    gift["rule"]["sku_id"] = CUP
    assert (await added(client, admin, code="g", terms=gift))["text"] == "满0.01元送赠品1件"
    first = {**EXAMPLE["terms"], "first_order": True}
    assert (await added(client, admin, code="first", terms=first))["per_customer"] == 1


async def test_of_many_changes_at_once_one_is_made(client: httpx.AsyncClient, admin: Headers) -> None:
    made = await added(client, admin)
    at = f"/api/staff/offers/{made['id']}"
    answers = await asyncio.gather(
        *(client.put(at, json=CHANGE | {"quota": 10 + n}, headers=admin) for n in range(8))
    )
    codes = [answer.json().get("code") for answer in answers if answer.status_code != 200]
    assert codes == ["offer_changed"] * 7
    assert [each["version"] for each in (await client.get(at, headers=admin)).json()["versions"]] == [2, 1]
