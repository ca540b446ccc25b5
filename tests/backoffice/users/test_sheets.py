"""Customers as tables."""

import asyncio
from io import BytesIO

import httpx
import pytest
from sqlalchemy import select

from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.kit.sheets import Report, take_in
from backoffice.kit.time import now
from backoffice.staff.models import StaffMember
from backoffice.users import sheets
from backoffice.users.models import Customer, Phone

TABLE = "手机号,姓名,其他电话（用|隔开）\n{}\n"


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        hashed = hash_password("right horse")
        for id, role in ((1, "admin"), (2, "agent")):
            session.add(StaffMember(id=id, login=role, name=role, role=role, password_hash=hashed))
        session.add(Customer(phone="15400000001", name="林晓"))
        await session.flush()
        first = {"number": "+8615400000001", "is_primary": True, "verified_at": now(), "added_at": now()}
        session.add(Phone(customer_id=1, **first))
        session.add(Phone(customer_id=1, number="+8613800138000", verified_at=now(), added_at=now()))


async def read(database: Database, *lines: str) -> Report:
    table = TABLE.format("\n".join(lines)).encode("gb18030")
    return await take_in(database, sheets.customers(1), BytesIO(table))


async def named(database: Database) -> dict[str, str]:
    async with database.read() as session:
        return {each.phone: each.name for each in await session.scalars(select(Customer))}


async def test_customers_are_known_by_any_verified_phone(database: Database) -> None:
    lines = ("138-0013-8000,林小晓,15400000001|010-62345678", "'+86 13900139000,王建国,")
    report = await read(database, *lines)
    assert (report.taken, report.bad_lines) == (2, [])
    assert await named(database) == {"15400000001": "林小晓", "13900139000": "王建国"}
    async with database.read() as session:
        numbers = await session.scalars(select(Phone.number).order_by(Phone.id))
        assert numbers.all()[2:] == ["+861062345678", "+8613900139000"]
    report = await read(database, *lines)
    assert (report.taken, report.unchanged) == (0, 2)


async def test_bad_lines_are_told(database: Database) -> None:
    many = "|".join(f"1390013900{last}" for last in range(4))
    report = await read(
        database, "12345,甲,", "13900139000,,", "13900139001,乙,不是号码", f"13800138000,丙,{many}"
    )
    assert [(each.line, each.column, each.says) for each in report.bad_lines] == [
        (2, "手机号", "不是有效的电话号码"),
        (3, "姓名", "必填"),
        (4, "其他电话（用|隔开）", "其中有的不是有效的电话号码"),
        (5, "其他电话（用|隔开）", "一位顾客最多 5 个号码"),
    ]
    assert await named(database) == {"15400000001": "林晓"}


async def test_rivals_add_a_customer_once(database: Database) -> None:
    reports = await asyncio.gather(*(read(database, "13900139000,王建国,") for _ in range(6)))
    assert sum(each.taken for each in reports) == 1
    assert await named(database) == {"15400000001": "林晓", "13900139000": "王建国"}


async def test_what_is_written_is_masked(client: httpx.AsyncClient) -> None:
    async def ask(login: str) -> httpx.Response:
        signed = await client.post("/api/staff/session", json={"login": login, "password": "right horse"})
        headers = {"Authorization": f"Bearer {signed.json()['token']}"}
        return await client.get("/api/staff/sheets/customers", headers=headers)

    assert (await ask("agent")).status_code == 403
    _, line = (await ask("admin")).text.splitlines()
    assert line.startswith("1,林*,154****0001,普通会员,0,0,")
