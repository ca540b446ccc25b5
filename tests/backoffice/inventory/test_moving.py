import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

import httpx
import pytest

from backoffice.events import audit
from backoffice.inventory import counting, holds, moving, service, shares, transferring
from backoffice.inventory.schemas import LevelKey, NewShares, Share
from backoffice.inventory.stock_schemas import (
    AdjustedLine,
    Counted,
    Line,
    NewAdjustment,
    NewCount,
    NewReceipt,
    NewSale,
    NewTransfer,
    NewWriteOff,
)
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, Problem
from backoffice.kit.time import now
from tests.backoffice.inventory.test_audit import audited
from tests.backoffice.inventory.test_holds import PAST, SOON, confirm, counters, hold
from tests.backoffice.stock import COAT_L, COAT_M, KETTLE_STEEL, NORTH, SHOP_HANGZHOU, SOUTH, fill

SALES, STAFF = "/api/inventory/sales", "/api/staff/inventory"


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


def sale(receipt: str, pieces: int = 1, channel: Any = "pos") -> NewSale:
    lines = [Line(sku_id=COAT_M, quantity=pieces)]
    return NewSale(receipt=receipt, channel=channel, location_id=NORTH, lines=lines)


async def sell(database: Database, wanted: NewSale) -> bool:
    try:
        async with database.write() as session:
            await moving.sell(session, wanted)
    except Conflict:
        return False
    return True


async def test_a_sale_at_the_till_is_booked_once(
    client: httpx.AsyncClient, database: Database, as_service: dict[str, str]
) -> None:
    body = {"receipt": "A1", "location_id": SHOP_HANGZHOU, "lines": [{"sku_id": COAT_M, "quantity": 1}] * 2}
    assert (await client.post(SALES, json=body, headers=as_service)).status_code == 422
    keyed = as_service | {"Idempotency-Key": "a"}
    first, again = [await client.post(SALES, json=body, headers=keyed) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    assert (first.json()["levels"][0]["on_hand"], first.json()["levels"][0]["free"]) == (0, 0)
    short = await client.post(SALES, json=body, headers=as_service | {"Idempotency-Key": "b"})
    assert (short.status_code, short.json()["code"]) == (409, "out_of_stock")
    assert short.json()["lines"][0]["available"] == 0
    assert (await client.post(SALES, json=body, headers={"Idempotency-Key": "c"})).status_code == 401
    assert await audited(database) == []


async def test_till_online_and_marketplace_compete_for_the_same_pieces(database: Database) -> None:
    won = await asyncio.gather(
        *(sell(database, sale(f"p{number}")) for number in range(7)),
        *(sell(database, sale(f"m{number}", channel="marketplace")) for number in range(7)),
        *(hold(database, f"order:{number}", (NORTH, COAT_M, 1)) for number in range(7)),
    )
    assert sum(won) == 5
    assert await counters(database, NORTH, COAT_M) == (5 - sum(won[:14]), 0, sum(won[14:]))
    assert await audited(database) == []


async def test_a_till_waits_for_an_order_that_takes_the_last_pieces(database: Database) -> None:
    async with database.write() as session:
        await holds.hold(session, "order:1", [(NORTH, COAT_M, 5)], now() + SOON)
        till = asyncio.create_task(sell(database, sale("p1")))
        await asyncio.wait({till}, timeout=0.1)
        assert not till.done()
    assert not await till
    assert await counters(database, NORTH, COAT_M) == (5, 0, 5)


async def test_only_the_till_sells_the_safety_stock(database: Database) -> None:
    async with database.write() as session:
        await shares.set_safety(session, LevelKey(location_id=NORTH, sku_id=COAT_M), 5)
    assert not await sell(database, sale("m1", channel="marketplace"))
    assert await sell(database, sale("p1", 5))


async def test_a_till_sells_what_a_hold_kept_until_it_was_over(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 5), lasts=PAST)
    assert await sell(database, sale("p1", 5))
    assert not await confirm(database, "order:1")
    assert await audited(database) == []


async def test_what_is_promised_is_not_adjusted_away(database: Database) -> None:
    assert await hold(database, "order:1", (NORTH, COAT_M, 4))
    down = NewAdjustment(location_id=NORTH, lines=[AdjustedLine(sku_id=COAT_M, pieces=-2)], reason="盘亏")
    with pytest.raises(Conflict, match="not_free") as refused:
        async with database.write() as session:
            await moving.adjust(session, down)
    assert refused.value.extra["lines"] == [
        {"sku_id": COAT_M, "location_id": NORTH, "wanted": 2, "available": 1}
    ]
    nothing = [AdjustedLine(sku_id=COAT_M, pieces=pieces) for pieces in (1, -1)]
    with pytest.raises(Invalid, match="nothing_to_adjust"):
        async with database.write() as session:
            await moving.adjust(session, NewAdjustment(location_id=NORTH, lines=nothing, reason="x"))


async def test_staff_move_stock_with_a_reason_and_see_it_in_the_ledger(
    client: httpx.AsyncClient, database: Database, as_supervisor: dict[str, str], as_agent: dict[str, str]
) -> None:
    async def book(what: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        asked = {"location_id": NORTH, "reason": what} | body
        return await client.post(
            f"{STAFF}/{what}", json=asked, headers=headers | {"Idempotency-Key": f"{what}{body}"}
        )

    kettles = [{"sku_id": KETTLE_STEEL, "quantity": 6}]
    assert (await book("receipts", as_agent, lines=kettles)).status_code == 403
    for _ in range(2):
        assert (await book("receipts", as_supervisor, lines=kettles)).status_code == 201
    done = await book("write-offs", as_supervisor, lines=[{"sku_id": KETTLE_STEEL, "quantity": 1}])
    assert done.json()["levels"][0]["on_hand"] == 5
    differences = [{"sku_id": KETTLE_STEEL, "pieces": -2}, {"sku_id": COAT_L, "pieces": 3}]
    done = await book("adjustments", as_supervisor, lines=differences)
    assert [level["on_hand"] for level in done.json()["levels"]] == [3, 3], done.text
    for lost in ({"location_id": 999, "lines": kettles}, {"lines": [{"sku_id": 999, "quantity": 1}]}):
        assert (await book("receipts", as_supervisor, **lost)).status_code == 404
    seen = await client.get(f"{STAFF}/movements", params={"sku_id": KETTLE_STEEL}, headers=as_agent)
    assert [(each["kind"], each["on_hand"], each["reason"]) for each in seen.json()["movements"]] == [
        ("adjusted", -2, "adjustments"),
        ("written_off", -1, "write-offs"),
        ("received", 6, "receipts"),
    ]
    kinds = {"kind": ["written_off", "adjusted"], "limit": 1, "since": "2020-01-01T00:00:00Z"}
    page = (await client.get(f"{STAFF}/movements", params=kinds, headers=as_agent)).json()
    assert (len(page["movements"]), page["total"]) == (1, 3)
    levels = await client.get(f"{STAFF}/levels", params={"location_id": NORTH}, headers=as_agent)
    assert levels.json()["total"] == 4
    naive = await client.get(f"{STAFF}/movements", params={"since": "2020-01-01T00:00:00"}, headers=as_agent)
    assert naive.status_code == 422
    async with database.read() as session:
        entries = await audit.entries(session, f"stock:{NORTH}:{KETTLE_STEEL}")
    assert [entry.action for entry in entries] == ["stock_adjusted", "stock_written_off", "stock_received"]
    assert await audited(database) == []


async def count(session: WriteSession, location_id: int, sku_id: int, counted: int) -> None:
    made = await counting.open_count(session, NewCount(location_id=location_id, sku_ids=[sku_id]), by=1)
    await counting.enter(session, made.id, sku_id, Counted(counted=counted), by=1)


async def transfer(session: WriteSession, from_id: int, line: Line) -> None:
    wanted = NewTransfer(from_id=from_id, to_id=SHOP_HANGZHOU, lines=[line])
    sent = await transferring.send(session, wanted, by=1)
    await transferring.arrive(session, sent.id, [Line(sku_id=line.sku_id, quantity=1)])
    if line.quantity > 1:
        await transferring.close(session, sent.id, "lost")


Verb = Callable[[WriteSession], Awaitable[object]]


def some_verb(random: Random) -> Verb:
    """Any verb that moves stock, with figures that often do not fit."""
    location_id, sku_id = random.choice(((NORTH, COAT_M), (SOUTH, COAT_L), (SHOP_HANGZHOU, COAT_M)))
    holder, pieces = f"order:{random.randrange(4)}", random.randrange(1, 5)
    picks, lines = [(location_id, sku_id, pieces)], [Line(sku_id=sku_id, quantity=pieces)]
    channel: Any = random.choice(("web", "marketplace", "pos"))
    key = LevelKey(location_id=location_id, sku_id=sku_id)
    adjusted = [AdjustedLine(sku_id=sku_id, pieces=random.choice((-pieces, pieces)))]
    bound = [Share(channel=channel, percent=random.randrange(101))]
    verbs: list[Verb] = [
        lambda s: holds.hold(s, holder, picks, now() + random.choice((SOON, PAST)), channel),
        lambda s: holds.allocate(s, holder, picks, channel),
        lambda s: holds.confirm(s, holder),
        lambda s: holds.let_go(s, holder, picks if pieces == 1 else None),
        lambda s: holds.ship(s, holder, picks),
        lambda s: moving.sell(s, NewSale(receipt="r", channel=channel, location_id=location_id, lines=lines)),
        lambda s: moving.receive(s, NewReceipt(location_id=location_id, lines=lines, reason="r")),
        lambda s: moving.adjust(s, NewAdjustment(location_id=location_id, lines=adjusted, reason="r")),
        lambda s: moving.write_off(s, NewWriteOff(location_id=location_id, lines=lines, reason="r")),
        lambda s: moving.write_off_returned(s, picks, "return"),
        lambda s: count(s, location_id, sku_id, pieces),
        lambda s: transfer(s, location_id, lines[0]),
        lambda s: shares.set_safety(s, key, pieces),
        lambda s: shares.set_shares(s, NewShares(levels=[key], shares=bound[: random.randrange(2)])),
    ]
    return random.choice(verbs)


async def test_levels_are_what_the_ledger_says_whatever_happens_at_once(database: Database) -> None:
    random = Random(7)

    async def act(verb: Verb) -> None:
        with suppress(Problem):
            async with database.write() as session:
                await verb(session)

    for _ in range(12):
        await asyncio.gather(*(act(some_verb(random)) for _ in range(10)), holds.Sweeper(database).sweep())
        assert await audited(database) == []
    async with database.read() as session:
        assert (await service.imbalances(session, 1))[2] >= 6
