import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from backoffice.events import audit
from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import now
from backoffice.staff.models import StaffMember
from backoffice.users import phones
from backoffice.users.domain import e164
from backoffice.users.models import Customer, Phone

Headers = Callable[[int], dict[str, str]]
XIAO, WANG = 1, 2
OTHER = "13800138000"


@pytest.fixture(autouse=True)
async def customers(database: Database) -> None:
    async with database.write() as session:
        for id, name in ((XIAO, "林晓"), (WANG, "王建国")):
            phone = f"1540000000{id}"
            hashed = hash_password("xiaoer")
            session.add(Customer(id=id, phone=phone, name=name, password_hash=hashed))
            await session.flush()
            first = {"number": f"+86{phone}", "is_primary": True, "verified_at": now(), "added_at": now()}
            session.add(Phone(customer_id=id, **first))
        for id, role in ((1, "admin"), (2, "agent")):
            hashed = hash_password("right horse")
            session.add(StaffMember(id=id, login=role, name=role, role=role, password_hash=hashed))


async def signed_in(client: httpx.AsyncClient, login: str = "admin") -> dict[str, str]:
    asked = {"login": login, "password": "right horse"}
    token = (await client.post("/api/staff/session", json=asked)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("+86-138-0013-8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("15400000001", "+8615400000001"),
        ("010-62345678", "+861062345678"),
        ("+852 9123 4567", "+85291234567"),
        ("12345", None),
        ("110", None),
        ("明天", None),
        ("010-62345678 转 12", None),
    ],
)
def test_numbers_are_read_as_chinese_ones_first(text: str, number: str | None) -> None:
    assert e164(text) == number


async def test_another_number_becomes_the_primary_and_signs_in(
    client: httpx.AsyncClient, as_customer: Headers, database: Database
) -> None:
    mine, admin = as_customer(XIAO), await signed_in(client)
    for text in (OTHER, "+86 138-0013-8000"):
        added = await client.post("/api/me/phones", json={"number": text}, headers=mine)
        assert added.status_code == 200, added.text
    shown = [(each["number"], each["is_primary"], each["is_verified"]) for each in added.json()["phones"]]
    assert shown == [("154****0001", True, True), ("138****8000", False, False)]
    first, other = (each["id"] for each in added.json()["phones"])
    path = f"/api/me/phones/{other}"
    early = await client.put(f"{path}/primary", headers=mine)
    assert (early.status_code, early.json()["code"]) == (409, "phone_not_verified")
    proof, reason = f"/api/staff/customers/{XIAO}/phones/{other}/verified", {"reason": "电话核实"}
    agent = await signed_in(client, "agent")
    assert (await client.put(proof, json=reason, headers=agent)).status_code == 403
    assert (await client.put(proof, json=reason, headers=admin)).status_code == 200
    primary = await client.put(f"{path}/primary", headers=mine)
    assert [each["id"] for each in primary.json()["phones"]] == [other, first]
    again = await client.post("/api/session", json={"phone": OTHER, "password": "xiaoer"})
    assert again.status_code == 200
    kept = await client.delete(path, headers=mine)
    assert (kept.status_code, kept.json()["code"]) == (409, "primary_phone")
    left = await client.delete(f"/api/me/phones/{first}", headers=mine)
    assert [each["id"] for each in left.json()["phones"]] == [other]
    seen = await client.get(f"/api/staff/customers/{XIAO}/phones", headers=agent)
    assert seen.json() == left.json()
    async with database.read() as session:
        (entry,) = await audit.entries(session, f"customer:{XIAO}")
    assert (entry.action, entry.reason, OTHER in str(entry.detail)) == ("phone_verified", "电话核实", False)


async def test_no_more_than_five_even_at_once(database: Database) -> None:
    async def add(last: int) -> None:
        async with database.write() as session:
            await phones.add(session, XIAO, f"1380013800{last}")

    ended = await asyncio.gather(*map(add, range(8)), return_exceptions=True)
    assert sum(each is None for each in ended) == phones.MOST_PHONES - 1


async def test_anothers_are_like_none(client: httpx.AsyncClient, as_customer: Headers) -> None:
    for number in ("123456", "明天见个面吧"):
        bad = await client.post("/api/me/phones", json={"number": number}, headers=as_customer(XIAO))
        assert (bad.status_code, bad.json()["code"]) == (422, "bad_phone")
    (own,) = (await client.get("/api/me/phones", headers=as_customer(XIAO))).json()["phones"]
    path = f"/api/me/phones/{own['id']}"
    for method, where in (("PUT", f"{path}/primary"), ("DELETE", path)):
        answer = await client.request(method, where, headers=as_customer(WANG))
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_phone")
    assert (await client.get("/api/me/phones")).status_code == 401


async def test_rivals_for_one_number_leave_it_to_one(database: Database) -> None:
    """Both have proved it and look before either has written: the index decides."""
    ids: dict[int, int] = {}
    for customer in (XIAO, WANG):
        async with database.write() as session:
            ids[customer] = (await phones.add(session, customer, OTHER)).phones[-1].id

    async def prove(customer: int) -> Any:
        async with database.write() as session:
            return await phones.verify(session, customer, ids[customer])

    ended = await asyncio.gather(*(prove(each) for each in ids for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, phones.Conflict) for each in ended) == 5
    async with database.read() as session:
        proved = select(Phone.customer_id).where(Phone.number == e164(OTHER), Phone.verified_at.is_not(None))
        assert len((await session.scalars(proved)).all()) == 1


async def test_a_rival_who_signs_in_with_the_number_keeps_it(database: Database) -> None:
    async with database.write() as session:
        added = (await phones.add(session, XIAO, OTHER)).phones[-1].id
        await phones.verify(session, XIAO, added)
        session.add(Customer(id=3, phone=OTHER, name="未登记号码的顾客"))
    async with database.write() as session:
        with pytest.raises(phones.Conflict, match="phone_taken"):
            await phones.make_primary(session, XIAO, added)
        assert (await phones.phones(session, XIAO)).phones[0].number == "154****0001"
