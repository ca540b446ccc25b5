"""Goods that wait in a store for who names the code."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from backoffice.fulfillment import fulfilments, parcels, pickups
from backoffice.fulfillment.fulfilment_schemas import Handed, NewParcel
from backoffice.fulfillment.models import Fulfilment
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from tests.backoffice.fulfillment.order import ORDER, shown, told, topics
from tests.backoffice.stock import COAT_M, SHOP_HANGZHOU, ledger_level, level

LATER = timedelta(days=4)


@pytest.fixture
async def waiting(database: Database, pickup: int) -> int:
    async with database.write() as session:
        await pickups.ready(session, pickup)
    return pickup


async def code_of(database: Database, fulfilment_id: int) -> str:
    async with database.read() as session:
        code = await session.scalar(select(Fulfilment.code).where(Fulfilment.id == fulfilment_id))
    assert code
    return code


async def collect(database: Database, fulfilment_id: int, code: str) -> Handed:
    async with database.write() as session:
        return await pickups.collect(session, fulfilment_id, code)


async def expire(database: Database, fulfilment_id: int) -> bool:
    async with database.write() as session:
        return await pickups.expire(session, fulfilment_id, now() + LATER)


async def test_who_names_the_code_gets_it(database: Database, waiting: int) -> None:
    async with database.read() as session:
        (pickup,) = (await pickups.waiting(session, [ORDER, 8]))[ORDER]
    assert (pickup.store, pickup.hours) == ("店小二·湖滨店", "10:00-22:00")
    assert timedelta(days=2) < pickup.hold_until - now() < LATER
    handed = await collect(database, waiting, f" {pickup.code.replace(' ', '-')} ")
    assert handed.fulfilment is not None
    assert handed.fulfilment.state == "collected"
    assert await level(database, SHOP_HANGZHOU, COAT_M) == (1, 0)
    assert await ledger_level(database, SHOP_HANGZHOU, COAT_M) == (1, 0)
    again = await collect(database, waiting, pickup.code)
    assert again.fulfilment == handed.fulfilment
    assert (await topics(database))[-2:] == ["fulfilment.ready_for_pickup", "fulfilment.collected"]
    assert pickup.code.replace(" ", "") not in str(await told(database))
    async with database.read() as session:
        assert await pickups.waiting(session, [ORDER]) == {ORDER: []}


async def test_wrong_codes_are_limited(database: Database, waiting: int) -> None:
    right = await code_of(database, waiting)
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    tries = await asyncio.gather(*(collect(database, waiting, wrong) for _ in range(8)))
    assert sorted(each.limited for each in tries) == [False] * 5 + [True] * 3
    assert (await collect(database, waiting, right)).limited
    assert (await shown(database, waiting)).state == "ready_for_pickup"


async def test_full_width_digits_are_digits(database: Database, waiting: int) -> None:
    code = (await code_of(database, waiting)).translate({48 + n: 0xFF10 + n for n in range(10)})
    assert (await collect(database, waiting, code)).fulfilment is not None


async def test_it_is_handed_over_once(database: Database, waiting: int) -> None:
    code = await code_of(database, waiting)
    await asyncio.gather(*(collect(database, waiting, code) for _ in range(5)))
    assert await level(database, SHOP_HANGZHOU, COAT_M) == (1, 0)
    assert (await topics(database)).count("fulfilment.collected") == 1


async def test_what_nobody_fetches_is_free_again(database: Database, waiting: int) -> None:
    code = await code_of(database, waiting)
    async with database.write() as session:
        assert not await pickups.expire(session, waiting, now())
    assert sorted(await asyncio.gather(*(expire(database, waiting) for _ in range(4)))) == [False] * 3 + [
        True
    ]
    assert (await topics(database)).count("pickup.expired") == 1
    assert await level(database, SHOP_HANGZHOU, COAT_M) == (2, 0)
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await collect(database, waiting, code)


async def test_of_fetching_and_running_out_at_once_one_wins(database: Database, waiting: int) -> None:
    code = await code_of(database, waiting)
    fetched, *ran_out = await asyncio.gather(
        collect(database, waiting, code),
        *(expire(database, waiting) for _ in range(3)),
        return_exceptions=True,
    )
    assert isinstance(fetched, Handed) != any(each is True for each in ran_out)
    assert await level(database, SHOP_HANGZHOU, COAT_M) == ((1, 0) if isinstance(fetched, Handed) else (2, 0))


async def test_it_runs_out_while_the_code_is_read(
    database: Database, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two can write at once, a rival gets in between reading the code and handing over."""
    if database.url.startswith("sqlite"):
        pytest.skip("one writer at a time")
    code, counted = await code_of(database, waiting), pickups.give_back_attempt

    async def late(session: WriteSession, scope: str, subject: str) -> None:
        assert await expire(database, waiting)
        await counted(session, scope, subject)

    monkeypatch.setattr(pickups, "give_back_attempt", late)
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await collect(database, waiting, code)
    assert await level(database, SHOP_HANGZHOU, COAT_M) == (2, 0)


async def test_only_a_pickup_waits_and_it_is_never_sent(database: Database, packed: int, pickup: int) -> None:
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        async with database.write() as session:
            await pickups.ready(session, packed)
    async with database.write() as session:
        await fulfilments.pack(session, pickup)
    with pytest.raises(Conflict, match="not_sent"):
        async with database.write() as session:
            await parcels.ship(session, pickup, NewParcel(key="1", carrier="sf"), "SF1")
    with pytest.raises(Conflict, match="fulfilment_moved_on"):
        await collect(database, pickup, "12345678")
