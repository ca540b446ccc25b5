import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.staff import presence
from backoffice.staff.models import StaffMember, StaffPresence
from tests.backoffice.staff.conftest import ADMIN, AGENT, OTHER


async def here(database: Database, after: timedelta = timedelta()) -> list[int]:
    async with database.read() as session:
        return [each.staff_id for each in await presence.present(session, now() + after)]


async def beat(database: Database, staff_id: int) -> None:
    async with database.write() as session:
        await presence.heartbeat(session, staff_id)


async def test_an_agent_is_present_while_the_console_is_heard_of(database: Database) -> None:
    assert await here(database) == []
    await beat(database, AGENT)
    assert await here(database) == [AGENT]
    assert await here(database, timedelta(seconds=29)) == [AGENT]
    assert await here(database, timedelta(seconds=31)) == []


async def test_who_only_looks_is_not_asked_to_answer(database: Database) -> None:
    await beat(database, ADMIN)
    assert await here(database) == []
    async with database.write() as session:
        await presence.set_state(session, ADMIN, "online")
    assert await here(database) == [ADMIN]


async def test_a_chosen_state_outlasts_heartbeats(database: Database) -> None:
    async with database.write() as session:
        await presence.set_state(session, AGENT, "away")
    await beat(database, AGENT)
    assert await here(database) == []
    async with database.read() as session:
        states = {each.staff_id: each.state for each in await presence.everybody(session, now())}
    assert (states[AGENT], states[OTHER]) == ("away", "offline")


async def test_a_capacity_set_by_another_makes_nobody_present(database: Database) -> None:
    async with database.write() as session:
        await presence.set_capacity(session, AGENT, 3)
    assert await here(database) == []
    await beat(database, AGENT)
    async with database.read() as session:
        assert [each.capacity for each in await presence.present(session, now())] == [3]


async def test_a_disabled_account_is_not_present(database: Database) -> None:
    await beat(database, AGENT)
    async with database.write() as session:
        await session.execute(update(StaffMember).where(StaffMember.id == AGENT).values(disabled_at=now()))
        assert await presence.hold_present(session, AGENT, now()) is None
    assert await here(database) == []


async def test_skills_replace_those_before_even_at_once(database: Database) -> None:
    async def learn(*skills: presence.Skill) -> None:
        async with database.write() as session:
            await presence.set_skills(session, AGENT, skills)

    await asyncio.gather(learn("order", "return", "return"), learn("shipping"), learn("order", "return"))
    async with database.read() as session:
        assert await presence.skills_of(session, AGENT) in (["order", "return"], ["shipping"])
    await learn()
    async with database.read() as session:
        assert await presence.skills_of(session, AGENT) == []
    with pytest.raises(NotFound, match="no_such_account"):
        async with database.write() as session:
            await presence.set_skills(session, 99, ["order"])


async def test_who_holds_a_present_person_counts_undisturbed(database: Database) -> None:
    """Rivals who count and give under the hold never give more than the capacity."""
    await beat(database, AGENT)
    async with database.write() as session:
        await presence.set_capacity(session, AGENT, 3)
    given: list[int] = []

    async def give(one: int) -> None:
        async with database.write() as session:
            capacity = await presence.hold_present(session, AGENT, now())
            counted = len(given)
            await asyncio.sleep(0)
            if capacity is not None and counted < capacity:
                given.append(one)

    await asyncio.gather(*(give(one) for one in range(8)))
    assert len(given) == 3


async def test_nobody_leaves_while_held(database: Database) -> None:
    await beat(database, AGENT)
    order: list[str] = []
    held = asyncio.Event()

    async def assign() -> None:
        async with database.write() as session:
            assert await presence.hold_present(session, AGENT, now())
            held.set()
            order.append("assigned")

    async def leave() -> None:
        await held.wait()
        async with database.write() as session:
            await presence.set_state(session, AGENT, "offline")
            order.append("left")

    await asyncio.gather(assign(), leave())
    assert order == ["assigned", "left"]
    async with database.write() as session:
        assert await presence.hold_present(session, AGENT, now()) is None
        stale = now() - timedelta(seconds=31)
        await session.execute(update(StaffPresence).values(state="online", heartbeat_at=stale))
        assert await presence.hold_present(session, AGENT, now()) is None
