import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from backoffice.events import audit
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.staff.models import StaffMember
from backoffice.users import points
from backoffice.users.domain import LEVELS, level_of, next_level, oldest_that_last
from backoffice.users.models import Customer, PointsEntry
from backoffice.users.points import Expiry

XIAO, WANG = 1, 2
OLD = oldest_that_last(now()) - timedelta(days=1)
Verb = Callable[..., Awaitable[Any]]


@pytest.fixture(autouse=True)
async def customers(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                Customer(id=XIAO, phone="15400000001", name="林晓"),
                Customer(id=WANG, phone="15400000002", name="王建国"),
            ]
        )


async def do(database: Database, verb: Verb, amount: int, reference: str, customer: int = XIAO) -> Any:
    async with database.write() as session:
        return await verb(session, customer, amount, reference)


async def counters(database: Database) -> tuple[int, int, int, str]:
    async with database.read() as session:
        assert await points.points_audit(session) == []
        found = (await session.scalars(select(Customer).where(Customer.id == XIAO))).one()
        return found.points, found.points_debt, found.growth, found.level


async def make_old(database: Database, reference: str) -> None:
    async with database.write() as session:
        entry = PointsEntry.reference == reference
        await session.execute(update(PointsEntry).where(entry).values(at=OLD))


async def test_each_verb_counts_once(database: Database) -> None:
    for _ in range(2):
        await do(database, points.earn, 3000, "order:1")
        await do(database, points.spend, 500, "order:2")
        await do(database, points.give_back, 200, "refund:1")
        await do(database, points.take_back, 100, "refund:1")
    assert await counters(database) == (2600, 0, 2900, "silver")
    with pytest.raises(Conflict, match="points_entry_differs"):
        await do(database, points.spend, 501, "order:2")


async def test_more_than_there_is_cannot_be_spent_and_leaves_no_trace(database: Database) -> None:
    await do(database, points.earn, 100, "order:1")
    async with database.write() as session:
        with pytest.raises(Conflict, match="not_enough_points") as refused:
            await points.spend(session, XIAO, 101, "order:2")
        assert refused.value.extra == {"left": 100}
        assert await points.spend(session, XIAO, 100, "order:2")
    assert await counters(database) == (0, 0, 100, "regular")


async def test_what_is_spent_and_taken_back_is_paid_by_the_next_points(database: Database) -> None:
    await do(database, points.earn, 2000, "order:1")
    await do(database, points.spend, 1500, "order:2")
    await do(database, points.take_back, 2000, "refund:1")
    assert await counters(database) == (0, 1500, 0, "regular")
    with pytest.raises(Conflict, match="not_enough_points"):
        await do(database, points.spend, 1, "order:3")
    await do(database, points.earn, 1600, "order:4")
    assert await counters(database) == (100, 0, 1600, "regular")


async def test_fifty_spenders_at_once_spend_what_there_is(database: Database) -> None:
    await do(database, points.earn, 200, "order:0")
    spent = [do(database, points.spend, 10, f"order:{rival}") for rival in range(1, 51)]
    ended = await asyncio.gather(*spent, return_exceptions=True)
    assert [end for end in ended if end is True] == [True] * 20
    assert sum(isinstance(end, Conflict) for end in ended) == 30
    assert (await counters(database))[0] == 0


async def test_one_reference_fifty_times_at_once_is_spent_once(database: Database) -> None:
    await do(database, points.earn, 200, "order:0")
    ended = await asyncio.gather(*(do(database, points.spend, 10, "order:1") for _ in range(50)))
    assert sorted(ended) == [False] * 49 + [True]
    assert (await counters(database))[0] == 190


async def test_a_rival_who_spends_during_expiry_does_so_before_or_after(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between counting what is left and taking it, a rival spends: it waits for the customer's row."""
    await do(database, points.earn, 100, "order:1")
    await make_old(database, "order:1")
    rivals: list[asyncio.Task[Any]] = []
    left_of = points.repository.left_of

    async def rival_acts(session: WriteSession, customer_id: int, before: datetime) -> int:
        left = await left_of(session, customer_id, before)
        rivals.append(asyncio.create_task(do(database, points.spend, 60, "order:2")))
        await asyncio.wait(rivals, timeout=0.1)
        return left

    monkeypatch.setattr(points.repository, "left_of", rival_acts)
    async with database.write() as session:
        assert await points.expire(session, XIAO, now()) == 100
    assert isinstance((await asyncio.gather(*rivals, return_exceptions=True))[0], Conflict)
    assert await counters(database) == (0, 0, 100, "regular")


async def test_old_points_expire_once_the_oldest_being_spent_first(database: Database) -> None:
    await do(database, points.earn, 300, "order:1")
    await do(database, points.earn, 50, "order:2", WANG)
    await make_old(database, "order:1")
    await do(database, points.earn, 40, "order:2")
    await do(database, points.spend, 120, "order:3")
    assert await Expiry(database).sweep(now()) == 1
    assert await Expiry(database).sweep(now()) == 0
    assert await counters(database) == (40, 0, 340, "regular")


async def test_points_given_back_last_as_long_as_new_ones(database: Database) -> None:
    await do(database, points.earn, 300, "order:1")
    await make_old(database, "order:1")
    await do(database, points.spend, 300, "order:2")
    await do(database, points.give_back, 300, "refund:2")
    assert await Expiry(database).sweep(now()) == 0
    assert (await counters(database))[0] == 300


async def test_an_adjustment_has_its_bounds(database: Database) -> None:
    async with database.write() as session:
        await points.adjust(session, XIAO, 50, "case:1", "补偿")
        with pytest.raises(Conflict, match="not_enough_points"):
            await points.adjust(session, XIAO, -51, "case:2", "更正")
        with pytest.raises(NotFound):
            await points.adjust(session, 99, 1, "case:3", "补偿")
    assert await counters(database) == (50, 0, 0, "regular")


async def test_admins_adjust_once_with_a_reason(database: Database, client: httpx.AsyncClient) -> None:
    async with database.write() as session:
        for id, role in ((1, "admin"), (2, "agent")):
            hashed = hash_password("right horse")
            session.add(StaffMember(id=id, login=role, name=role, role=role, password_hash=hashed))
    asked = {"delta": 50, "reference": "case:1", "reason": "补偿"}

    async def adjust(login: str, customer: int = XIAO) -> int:
        signed = await client.post("/api/staff/session", json={"login": login, "password": "right horse"})
        headers = {"Authorization": f"Bearer {signed.json()['token']}"}
        path = f"/api/staff/customers/{customer}/points"
        return (await client.post(path, json=asked, headers=headers)).status_code

    assert await adjust("agent") == 403
    assert [await adjust("admin"), await adjust("admin"), await adjust("admin", 99)] == [204, 204, 404]
    assert (await counters(database))[0] == 50
    async with database.read() as session:
        assert len(await audit.entries(session, f"customer:{XIAO}")) == 1


async def test_the_audit_finds_what_was_changed_beside_the_ledger(database: Database) -> None:
    await do(database, points.earn, 10, "order:1")
    async with database.write() as session:
        await session.execute(update(Customer).where(Customer.id == WANG).values(points=7))
    async with database.read() as session:
        (wrong,) = await points.points_audit(session)
        assert await points.points_audit(session, after=WANG) == []
    assert (wrong.customer_id, wrong.counted, wrong.entries) == (WANG, 7, 0)


@given(st.integers(-5, 30_000))
def test_levels(growth: int) -> None:
    level = level_of(growth)
    above = next_level(level, growth)
    assert growth >= LEVELS[level] or level == "regular"
    assert above is None or growth + above[1] == LEVELS[above[0]]


def test_points_of_a_year_last_until_the_end_of_the_next() -> None:
    silvester = datetime(2026, 12, 31, 23, 59, tzinfo=SHOP_ZONE)
    assert oldest_that_last(silvester) == datetime(2025, 1, 1, tzinfo=SHOP_ZONE)
    assert oldest_that_last(silvester + timedelta(minutes=1)) == datetime(2026, 1, 1, tzinfo=SHOP_ZONE)
