import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from backoffice.inventory import transferring
from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.inventory.stock_schemas import Line, NewTransfer, TransferView
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound
from tests.backoffice.inventory.test_audit import audited
from tests.backoffice.inventory.test_holds import counters, hold
from tests.backoffice.stock import COAT_L, COAT_M, KETTLE_STEEL, NORTH, SHOP_HANGZHOU, SOUTH, fill


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def send(database: Database, pieces: int = 10, from_id: int = SOUTH) -> TransferView:
    lines = [Line(sku_id=COAT_M, quantity=pieces)]
    async with database.write() as session:
        return await transferring.send(
            session, NewTransfer(from_id=from_id, to_id=SHOP_HANGZHOU, lines=lines, note="补货"), by=1
        )


async def arrive(database: Database, transfer_id: int, pieces: int, sku_id: int = COAT_M) -> bool:
    try:
        async with database.write() as session:
            await transferring.arrive(session, transfer_id, [Line(sku_id=sku_id, quantity=pieces)])
    except Conflict as refused:
        if refused.code not in ("more_than_sent", "transfer_closed"):
            raise
        return False
    return True


async def shown(database: Database, transfer_id: int) -> TransferView:
    async with database.read() as session:
        return await transferring.shown(session, transfer_id)


async def pieces_and_ledger(database: Database) -> tuple[int, int]:
    """Of the coat: what is on hand everywhere, and what the ledger sent and has not seen arrive."""
    async with database.read() as session:
        on_hand = select(func.sum(StockLevel.on_hand)).where(StockLevel.sku_id == COAT_M)
        moving = select(func.coalesce(-func.sum(StockMovement.on_hand), 0)).where(
            StockMovement.sku_id == COAT_M, StockMovement.kind.in_(("sent", "arrived"))
        )
        return await session.scalar(on_hand) or 0, await session.scalar(moving) or 0


async def test_a_transfer_arrives_in_parts_and_nothing_is_lost_on_the_way(database: Database) -> None:
    sent = await send(database)
    assert await counters(database, SOUTH, COAT_M) == (90, 0, 0)
    assert await pieces_and_ledger(database) == (97, 10)
    assert await arrive(database, sent.id, 6)
    assert not await arrive(database, sent.id, 5)
    (line,) = (await shown(database, sent.id)).lines
    assert (line.sent, line.received, line.on_the_way, line.lost) == (10, 6, 4, 0)
    assert await pieces_and_ledger(database) == (103, 4)
    assert await arrive(database, sent.id, 4)
    assert (await shown(database, sent.id)).state == "closed"
    assert not await arrive(database, sent.id, 1)
    assert await counters(database, SHOP_HANGZHOU, COAT_M) == (12, 0, 0)
    assert await pieces_and_ledger(database) == (107, 0)
    assert await audited(database) == []


async def test_what_does_not_arrive_is_written_off_with_a_reason(database: Database) -> None:
    sent = await send(database)
    await arrive(database, sent.id, 7)
    async with database.write() as session:
        done = await transferring.close(session, sent.id, "途中破损")
    (line,) = done.lines
    assert (done.state, done.difference, line.lost, line.on_the_way) == ("closed", "途中破损", 3, 0)
    assert await pieces_and_ledger(database) == (104, 0)
    async with database.read() as session:
        lost = (await session.scalars(select(StockMovement).where(StockMovement.kind == "written_off"))).one()
    assert (lost.on_hand, lost.reason, lost.holder) == (-3, "途中破损", f"transfer:{sent.id}")
    async with database.write() as session:
        with pytest.raises(Conflict, match="transfer_closed"):
            await transferring.close(session, sent.id, "again")
    assert await audited(database) == []


async def test_rivals_receive_what_was_sent_and_no_more(database: Database) -> None:
    sent = await send(database)
    won = await asyncio.gather(*(arrive(database, sent.id, 1) for _ in range(20)))
    assert sum(won) == 10
    assert (await shown(database, sent.id)).state == "closed"
    assert await counters(database, SHOP_HANGZHOU, COAT_M) == (12, 0, 0)


@pytest.mark.parametrize("first", ["arrive", "close"])
async def test_arriving_and_closing_do_not_both_take_a_piece(database: Database, first: str) -> None:
    sent = await send(database)

    async def close() -> None:
        async with database.write() as session:
            await transferring.close(session, sent.id, "lost")

    async with database.write() as session:
        if first == "arrive":
            await transferring.arrive(session, sent.id, [Line(sku_id=COAT_M, quantity=9)])
            rival = asyncio.ensure_future(close())
        else:
            await transferring.close(session, sent.id, "lost")
            rival = asyncio.ensure_future(arrive(database, sent.id, 9))
        await asyncio.wait({rival}, timeout=0.1)
        assert not rival.done()
    assert await rival in (None, False)
    (line,) = (await shown(database, sent.id)).lines
    assert (line.received, line.lost) == ((9, 1) if first == "arrive" else (0, 10))
    assert await audited(database) == []


async def test_only_free_pieces_are_sent_to_another_place(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 3))
    with pytest.raises(Conflict, match="not_free"):
        await send(database, 3, NORTH)
    with pytest.raises(Invalid, match="same_location"):
        await send(database, 1, SHOP_HANGZHOU)
    with pytest.raises(NotFound, match="transfer_not_found"):
        await arrive(database, 999, 1)
    sent = await send(database, 2, NORTH)
    assert not await arrive(database, sent.id, 1, COAT_L)


async def test_staff_send_and_receive(
    client: httpx.AsyncClient, as_supervisor: dict[str, str], as_agent: dict[str, str]
) -> None:
    path = "/api/staff/inventory/transfers"
    body = {"from_id": SOUTH, "to_id": NORTH, "lines": [{"sku_id": COAT_L, "quantity": 2}], "note": "调拨"}
    keyed = as_supervisor | {"Idempotency-Key": "a"}
    assert (await client.post(path, json=body, headers=as_agent | keyed | as_agent)).status_code == 403
    made, again = [await client.post(path, json=body, headers=keyed) for _ in range(2)]
    assert (made.status_code, made.json()) == (201, again.json())
    here = f"{path}/{made.json()['id']}"
    one = {"lines": [{"sku_id": COAT_L, "quantity": 1}]}
    for _ in range(2):
        arrived = await client.post(f"{here}/arrivals", json=one, headers=keyed | {"Idempotency-Key": "b"})
        assert arrived.json()["lines"][0]["on_the_way"] == 1
    done = await client.post(f"{here}/close", json={"reason": "少一件"}, headers=as_supervisor)
    assert (done.json()["state"], done.json()["lines"][0]["lost"]) == ("closed", 1)
    listed = await client.get(path, params={"location_id": NORTH, "state": "closed"}, headers=as_agent)
    assert [each["id"] for each in listed.json()["transfers"]] == [made.json()["id"]]
    unknown = body | {"lines": [{"sku_id": KETTLE_STEEL + 999, "quantity": 1}]}
    refused = await client.post(path, json=unknown, headers=keyed | {"Idempotency-Key": "c"})
    assert (refused.status_code, refused.json()["code"]) == (404, "sku_not_found")
