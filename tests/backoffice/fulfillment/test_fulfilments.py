"""The part of an order that a location sends, from the plan to the last parcel."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from backoffice.fulfillment import fulfilments, parcels
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, NewParcel, Part, Piece
from backoffice.fulfillment.models import Fulfilment
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now
from tests.backoffice.fulfillment.order import ORDER, SENT, TO, make, shown, told, topics
from tests.backoffice.stock import COAT_L, COAT_M, SOUTH, ledger_level, level

Verb = Callable[[WriteSession, int], Awaitable[FulfilmentView]]


async def do(database: Database, verb: Verb, fulfilment_id: int) -> FulfilmentView:
    async with database.write() as session:
        return await verb(session, fulfilment_id)


async def ship(
    database: Database, fulfilment_id: int, key: str = "1", pieces: dict[int, int] | None = None
) -> FulfilmentView:
    chosen = [Piece(sku_id=sku, quantity=quantity) for sku, quantity in (pieces or {}).items()]
    parcel = NewParcel(key=key, carrier="sf", pieces=chosen or None)
    async with database.write() as session:
        return await parcels.ship(session, fulfilment_id, parcel, f"SF{fulfilment_id}{key}")


async def decline(session: WriteSession, fulfilment_id: int) -> FulfilmentView:
    return await fulfilments.decline(session, fulfilment_id, "no_stock")


async def test_a_part_goes_from_the_plan_into_a_parcel(database: Database, planned: int) -> None:
    first = await shown(database, planned)
    assert (first.state, first.state_label, first.kind_label) == ("planned", "待接单", "标准快递")
    assert first.receiver is not None
    assert (first.receiver.receiver, first.receiver.phone) == ("林*", "154****0001")
    assert [(line.sku_id, line.name, line.quantity, line.sent) for line in first.lines] == [
        (COAT_M, "轻暖短款羽绒服", 2, 0),
        (COAT_L, "轻暖短款羽绒服", 1, 0),
    ]
    assert (await do(database, fulfilments.accept, planned)).state == "accepted"
    assert (await do(database, fulfilments.pack, planned)).state == "packed"
    before = await level(database, SOUTH, COAT_M)
    sent = await ship(database, planned)
    assert sent.state == "shipped"
    assert [line.sent for line in sent.lines] == [2, 1]
    (parcel,) = sent.parcels
    assert {piece.sku_id: piece.quantity for piece in parcel.pieces} == {COAT_M: 2, COAT_L: 1}
    assert await level(database, SOUTH, COAT_M) == (before[0] - 2, before[1] - 2)
    assert await level(database, SOUTH, COAT_M) == await ledger_level(database, SOUTH, COAT_M)
    assert await topics(database) == [
        "fulfilment.planned",
        "fulfilment.accepted",
        "fulfilment.packed",
        "parcel.shipped",
        "fulfilment.shipped",
    ]
    assert (await told(database))[1][1] == {
        "order_id": ORDER,
        "fulfilment_id": planned,
        "part": "1",
        "location_id": SOUTH,
        "kind": "standard",
        "state": "accepted",
        "reason": "",
    }


async def test_a_part_is_made_once(database: Database, planned: int) -> None:
    again = await make(database, SENT.model_copy(update={"kind": "instant"}))
    assert again == planned
    assert (await shown(database, planned)).kind == "standard"
    assert await topics(database) == ["fulfilment.planned"]
    rivals = [make(database, SENT.model_copy(update={"key": "x"})) for _ in range(6)]
    assert len(set(await asyncio.gather(*rivals))) == 1
    assert await topics(database) == ["fulfilment.planned"] * 2


async def test_quantities_of_one_sku_are_summed(database: Database, stock: None) -> None:
    pieces = [Piece(sku_id=COAT_M, quantity=1), Piece(sku_id=COAT_M, quantity=2)]
    made = await make(database, SENT.model_copy(update={"pieces": pieces}))
    assert [(line.sku_id, line.quantity) for line in (await shown(database, made)).lines] == [(COAT_M, 3)]


@pytest.mark.parametrize("verb", [fulfilments.accept, decline, fulfilments.cancel])
async def test_what_is_done_twice_is_told_once(database: Database, planned: int, verb: Verb) -> None:
    first = await do(database, verb, planned)
    assert await do(database, verb, planned) == first
    assert await topics(database) == ["fulfilment.planned", f"fulfilment.{first.state}"]


async def test_accepting_and_declining_at_once_ends_as_one_story(database: Database, planned: int) -> None:
    verbs = [fulfilments.accept, decline] * 4
    tries = await asyncio.gather(*(do(database, verb, planned) for verb in verbs), return_exceptions=True)
    accepted, declined = tries[::2], tries[1::2]
    assert all(isinstance(each, FulfilmentView) for each in declined)
    assert {each.code for each in accepted if isinstance(each, Conflict)} <= {"fulfilment_moved_on"}
    assert (await shown(database, planned)).state == "declined"
    heard = await topics(database)
    assert heard.count("fulfilment.accepted") == any(isinstance(each, FulfilmentView) for each in accepted)
    assert heard[-1] == "fulfilment.declined"
    assert heard.count("fulfilment.declined") == 1


async def test_who_accepts_while_another_cancels_is_told_so(database: Database, planned: int) -> None:
    async with database.write() as session:
        await fulfilments.cancel(session, planned)
        rival = asyncio.create_task(do(database, fulfilments.accept, planned))
        await asyncio.sleep(0)
    with pytest.raises(Conflict, match="fulfilment_moved_on") as refused:
        await rival
    assert refused.value.extra == {"state": "cancelled"}


@pytest.mark.parametrize(
    ("verb", "state"),
    [(fulfilments.pack, "planned"), (fulfilments.accept, "shipped"), (decline, "packed")],
)
async def test_no_step_is_skipped_or_taken_back(
    database: Database, planned: int, verb: Verb, state: str
) -> None:
    async with database.write() as session:
        await session.execute(update(Fulfilment).values(state=state))
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await do(database, verb, planned)


async def test_an_unknown_fulfilment_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="fulfilment_not_found"):
        await do(database, fulfilments.accept, 99)
    with pytest.raises(NotFound, match="fulfilment_not_found"):
        await ship(database, 99)


async def test_a_declined_part_tells_why(database: Database, planned: int) -> None:
    await do(database, decline, planned)
    topic, payload = (await told(database))[-1]
    assert topic == "fulfilment.declined"
    assert (payload["reason"], payload["location_id"], payload["part"]) == ("no_stock", SOUTH, "1")
    assert (await level(database, SOUTH, COAT_M))[1] == 2


async def test_an_order_leaves_in_several_parcels(database: Database, packed: int) -> None:
    first = await ship(database, packed, "1", {COAT_M: 1})
    assert (first.state, [line.sent for line in first.lines]) == ("packed", [1, 0])
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await do(database, fulfilments.cancel, packed)
    second = await ship(database, packed, "2")
    assert (second.state, [line.sent for line in second.lines]) == ("shipped", [2, 1])
    assert [{p.sku_id: p.quantity for p in parcel.pieces} for parcel in second.parcels] == [
        {COAT_M: 1},
        {COAT_M: 1, COAT_L: 1},
    ]
    assert (await topics(database))[-3:] == ["parcel.shipped", "parcel.shipped", "fulfilment.shipped"]
    assert await level(database, SOUTH, COAT_L) == await ledger_level(database, SOUTH, COAT_L) == (2, 0)


async def test_a_parcel_leaves_once(database: Database, packed: int) -> None:
    await asyncio.gather(*(ship(database, packed, "1", {COAT_M: 1}) for _ in range(6)))
    found = await shown(database, packed)
    assert len(found.parcels) == 1
    assert [line.sent for line in found.lines] == [1, 0]
    assert (await level(database, SOUTH, COAT_M))[1] == 1
    with pytest.raises(Invalid, match="parcel_key_reused"):
        await ship(database, packed, "1", {COAT_L: 1})


async def test_rival_parcels_never_hold_more_than_there_is(database: Database, packed: int) -> None:
    tries = await asyncio.gather(
        *(ship(database, packed, str(key), {COAT_M: 1}) for key in range(6)), return_exceptions=True
    )
    assert sum(isinstance(each, FulfilmentView) for each in tries) == 2
    assert {each.code for each in tries if isinstance(each, Conflict)} == {"too_many_pieces"}
    assert (await level(database, SOUTH, COAT_M))[1] == 0


async def test_a_number_stands_for_one_parcel(database: Database, packed: int) -> None:
    other = await make(database, SENT.model_copy(update={"key": "b"}))
    await do(database, fulfilments.accept, other)
    await do(database, fulfilments.pack, other)
    parcel = NewParcel(key="1", carrier="sf", pieces=[Piece(sku_id=COAT_M, quantity=1)])
    async with database.write() as session:
        await parcels.ship(session, packed, parcel, "SF1")
    with pytest.raises(Conflict, match="number_in_use"):
        async with database.write() as session:
            await parcels.ship(session, other, parcel, "SF1")
    assert (await shown(database, other)).parcels == []


async def test_nothing_leaves_that_is_not_promised(database: Database, stock: None) -> None:
    made = await make(database, SENT.model_copy(update={"pieces": [Piece(sku_id=COAT_L, quantity=3)]}))
    await do(database, fulfilments.accept, made)
    await do(database, fulfilments.pack, made)
    with pytest.raises(Conflict, match="not_promised"):
        await ship(database, made)
    found = await shown(database, made)
    assert (found.state, found.lines[0].sent, found.parcels) == ("packed", 0, [])


async def at(database: Database, fulfilment_id: int, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(update(Fulfilment).where(Fulfilment.id == fulfilment_id).values(**values))


@pytest.mark.parametrize(
    ("state", "deadline", "stage"),
    [("planned", "accept_by", "accept"), ("accepted", "leave_by", "leave"), ("packed", "leave_by", "leave")],
)
async def test_what_is_late_is_told_once(
    database: Database, planned: int, state: str, deadline: str, stage: str
) -> None:
    await at(database, planned, state=state)

    async def look() -> int:
        async with database.write() as session:
            return await fulfilments.note_late(session, now())

    assert await look() == 0
    await at(database, planned, **{deadline: now() - timedelta(seconds=1)})
    assert sum(await asyncio.gather(*(look() for _ in range(4)))) == 1
    topic, payload = (await told(database))[-1]
    assert (topic, payload["stage"], payload["fulfilment_id"]) == ("fulfilment.late", stage, planned)
    assert (await topics(database)).count("fulfilment.late") == 1
    assert (await shown(database, planned)).late


async def test_what_is_over_is_never_late(database: Database, planned: int) -> None:
    await do(database, fulfilments.cancel, planned)
    await at(database, planned, accept_by=now() - timedelta(days=1), leave_by=now() - timedelta(days=1))
    async with database.write() as session:
        assert await fulfilments.note_late(session, now()) == 0


async def test_a_new_address_reaches_what_is_not_packed(database: Database, packed: int) -> None:
    waiting = await make(database, SENT.model_copy(update={"key": "b"}))
    async with database.write() as session:
        await fulfilments.readdress(session, ORDER, TO.model_copy(update={"city": "上海市"}))
    receivers = [(await shown(database, each)).receiver for each in (packed, waiting)]
    assert [receiver.city if receiver else "" for receiver in receivers] == ["杭州市", "上海市"]


def test_a_part_holds_something() -> None:
    with pytest.raises(ValueError, match="pieces"):
        Part(key="1", location_id=SOUTH, kind="standard", pieces=[])
