"""Stock as tables: booked once, counted exactly."""

import asyncio
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from backoffice.inventory import holds, ledger_repository, service, sheets
from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.kit.database import WriteSession
from backoffice.kit.idempotency import IdempotencyKey
from backoffice.kit.passwords import hash_password
from backoffice.kit.sheets import Report, Sheet, take_in
from backoffice.kit.time import now
from backoffice.kit.trimming import Trimming
from backoffice.staff.models import StaffMember
from backoffice.worker import SERVED
from tests.backoffice.factories import COAT, WAREHOUSE, Shop

RECEIPTS = "单据号,仓库或门店,SKU 编码,到货件数\n"
COUNTS = "仓库或门店,SKU 编码,实有件数\n"


@pytest.fixture(autouse=True)
async def boss(shop: Shop) -> None:
    hashed = hash_password("right horse")
    await shop.add(
        StaffMember, {"id": 1, "login": "boss", "name": "店长", "role": "admin", "password_hash": hashed}
    )


async def read(shop: Shop, sheet: Sheet[Any], table: str) -> Report:
    return await take_in(shop.database, sheet, BytesIO(table.encode()))


async def on_hand(shop: Shop) -> int:
    async with shop.database.read() as session:
        assert (await service.imbalances(session, 10))[1] == 0
    return int(await shop.value(StockLevel.on_hand, StockLevel.sku_id == COAT))


async def test_a_document_is_booked_once_for_ever(shop: Shop) -> None:
    table = f"{RECEIPTS}采购4711,杭州仓,{COAT},7\n"
    await read(shop, sheets.receipts(1), table)
    async with shop.database.write() as session:
        await session.execute(update(IdempotencyKey).values(at=now() - timedelta(days=400)))
    assert await Trimming(shop.database, SERVED).sweep() == 0
    assert (await read(shop, sheets.receipts(1), table)).unchanged == 1
    assert await on_hand(shop) == 57


async def test_a_document_is_booked_once_even_at_once(shop: Shop) -> None:
    table = f"{RECEIPTS}采购4711,杭州仓,{COAT},7\n"
    reports = await asyncio.gather(*(read(shop, sheets.receipts(1), table) for _ in range(6)))
    assert sorted((each.taken, each.unchanged) for each in reports) == [(0, 1)] * 5 + [(1, 0)]
    assert await on_hand(shop) == 57
    places = (
        ("4711,杭州仓", COAT, 8),
        ("4712,杭州仓", COAT, 0),
        ("4713,北京仓", COAT, 1),
        ("4714,杭州仓", "X", 1),
    )
    other = RECEIPTS + "".join(f"采购{place},{code},{pieces}\n" for place, code, pieces in places)
    report = await read(shop, sheets.receipts(1), other)
    assert [(each.line, each.column, each.says) for each in report.bad_lines] == [
        (2, "到货件数", "同一单据已按别的件数入库"),
        (3, "到货件数", "不能小于 1"),
        (4, "仓库或门店", "没有这个仓库或门店"),
        (5, "SKU 编码", "没有这个 SKU 编码"),
    ]
    assert await on_hand(shop) == 57


async def test_what_was_counted_is_there_but_for_what_is_promised(shop: Shop) -> None:
    async with shop.database.write() as session:
        await holds.allocate(session, "order:1", [(WAREHOUSE, COAT, 10)])
    report = await read(shop, sheets.counts(1), f"{COUNTS}杭州仓,{COAT},48\n")
    assert (report.taken, await on_hand(shop)) == (1, 48)
    report = await read(shop, sheets.counts(1), f"{COUNTS}杭州仓,{COAT},48\n")
    assert (report.unchanged, await on_hand(shop)) == (1, 48)
    report = await read(shop, sheets.counts(1), f"{COUNTS}杭州仓,{COAT},9\n")
    assert [(each.column, each.code) for each in report.bad_lines] == [("实有件数", "not_free")]
    assert await on_hand(shop) == 48
    adjusted = [each.reason for each in await shop.rows(StockMovement) if each.kind == "adjusted"]
    assert adjusted == ["盘点"]


async def test_a_rival_who_receives_during_a_count_waits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking at the counter and adjusting it a delivery arrives: it is added to what was counted."""
    rivals: list[asyncio.Task[Any]] = []
    lock = ledger_repository.lock_level

    async def receive() -> None:
        async with shop.database.write() as session:
            await service.receive(session, [(WAREHOUSE, COAT, 5)])

    async def rival_acts(session: WriteSession, key: tuple[int, int]) -> tuple[int, int]:
        pieces = await lock(session, key)
        rivals.append(asyncio.create_task(receive()))
        await asyncio.wait(rivals, timeout=0.1)
        return pieces

    monkeypatch.setattr(ledger_repository, "lock_level", rival_acts)
    await read(shop, sheets.counts(1), f"{COUNTS}杭州仓,{COAT},40\n")
    await asyncio.gather(*rivals)
    assert await on_hand(shop) == 45


async def test_what_is_written_is_what_was_counted(client: httpx.AsyncClient, shop: Shop) -> None:
    signed = await client.post("/api/staff/session", json={"login": "boss", "password": "right horse"})
    headers = {"Authorization": f"Bearer {signed.json()['token']}"}
    path = "/api/staff/sheets/stock"
    written = await client.get(path, headers=headers)
    assert f"杭州仓,{COAT},云栖轻羽绒服,黑色 / L,50,0,50" in written.text
    report = (await client.post(path, content=written.content, headers=headers)).json()
    assert (report["unchanged"], report["bad"]) == (4, 0)
    receipts = f"{RECEIPTS}采购1,杭州仓,{COAT},1\n".encode()
    answer = await client.post("/api/staff/sheets/receipts", content=receipts, headers=headers)
    assert answer.json()["taken"] == 1
    assert (await client.get(path)).status_code == 401
