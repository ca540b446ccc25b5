from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from backoffice.kit.database import Database
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from backoffice.training.datasets.folders import shipped

AT = "/api/training/data"


@pytest.fixture
async def signed_in(database: Database) -> dict[str, dict[str, str]]:
    """Headers of an admin and of a supervisor."""
    shown = {}
    async with database.write() as session:
        for role in ("admin", "supervisor"):
            member = StaffMember(login=role, name=role, role=role, password_hash="")
            session.add(member)
            await session.flush()
            shown[role] = {"Authorization": f"Bearer {await sessions.open_session(session, member)}"}
    return shown


@pytest.fixture
async def admin(api: FastAPI, signed_in: dict[str, dict[str, str]]) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop", headers=signed_in["admin"], timeout=60
    ) as client:
        yield client


async def test_only_admins_and_our_services_edit(
    admin: httpx.AsyncClient, signed_in: dict[str, dict[str, str]], as_service: dict[str, str]
) -> None:
    assert (await admin.get(AT)).json()["number"] == 0
    assert (await admin.get(AT, headers=as_service)).status_code == 200
    assert (await admin.get(AT, headers=signed_in["supervisor"])).status_code == 403
    assert (await admin.get(AT, headers={"Authorization": "Bearer x"})).status_code == 401


async def test_an_intent_is_made_tried_first_and_goes_again(admin: httpx.AsyncClient) -> None:
    new = {
        "name": "trade_in",
        "sentences": ["旧手机抵多少钱呀", "旧的那台能折价不"],
        "answer": "旧机可以抵钱。",
        "why": "上周常问",
    }
    tried = (await admin.post(f"{AT}/intents?dry_run=true", json=new)).json()
    assert tried["number"] is None
    assert (await admin.get(AT)).json()["number"] == 0
    made = (await admin.post(f"{AT}/intents", json=new)).json()
    assert made == {**tried, "number": 1}
    assert [each["what"] for each in made["touched"]] == ["intent", "response", "rule"]
    assert (await admin.post(f"{AT}/intents", json=new)).json()["code"] == "intent_exists"

    same = {"sentences": [{"intent": "thanks", "text": "旧手机抵多少钱呀！"}]}
    (found,) = (await admin.post(f"{AT}/check", json=same)).json()["findings"]
    assert found["same"] == {"intent": "trade_in", "text": "旧手机抵多少钱呀", "likeness": 100}
    refused = await admin.post(f"{AT}/sentences", json=same)
    assert (refused.status_code, refused.json()["code"]) == (422, "training_data_unsound")
    assert refused.json()["troubles"][0]["what"].startswith(
        "nlu_data/shop.yml: '旧手机抵多少钱呀' belongs to two"
    )

    renamed = await admin.post(f"{AT}/intents/trade_in/rename", json={"name": "swap", "why": "叫法"})
    assert renamed.json()["number"] == 2
    refused = await admin.delete(f"{AT}/intents/cancel_order")
    assert (refused.status_code, refused.json()["code"]) == (409, "intent_in_code")
    assert "actions/changes.py" in refused.json()["places"]
    gone = (await admin.delete(f"{AT}/intents/swap?why=不做了")).json()
    assert len(gone["removed"]) == 2
    back = (await admin.post(f"{AT}/revisions/2/restore", json={"why": "又做了"})).json()
    assert len(back["added"]) == 2

    listed = (await admin.get(f"{AT}/revisions?limit=3")).json()["revisions"]
    assert [(each["number"], each["why"]) for each in listed] == [(4, "又做了"), (3, "不做了"), (2, "叫法")]
    assert (await admin.get(f"{AT}/revisions/3")).json()["removed"] == gone["removed"]
    merged = await admin.post(f"{AT}/intents/swap/merge", json={"name": "price_inquiry"})
    assert {each["intent"] for each in merged.json()["added"]} == {"price_inquiry"}


async def test_data_leave_as_a_zip_and_come_back(admin: httpx.AsyncClient) -> None:
    packed = await admin.get(f"{AT}/export")
    assert packed.headers["content-type"] == "application/zip"
    asked = await admin.post(f"{AT}/import?whole=true", content=packed.content)
    assert (asked.json()["number"], asked.json()["files"]) == (None, [])
    text = shipped()["nlu_data/store.yml"].replace("\n    - ", "\n    - 请问一下 ", 1)
    made = await admin.post(f"{AT}/import?name=nlu_data/store.yml&why=门店", content=text.encode())
    assert (made.json()["number"], made.json()["files"]) == (1, ["nlu_data/store.yml"])
    older = await admin.get(f"{AT}/export?number=0")
    assert older.content == packed.content
    broken = await admin.post(f"{AT}/import?name=nlu_data/a.yml", content=b"nlu:\n- intent: [\n")
    assert (broken.json()["code"], broken.json()["line"]) == ("training_data_unreadable", 3)
