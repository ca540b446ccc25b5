import asyncio

import pytest
from pydantic import ValidationError

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Forbidden, NotFound
from backoffice.kit.paging import Page
from backoffice.staff import replies, service
from backoffice.staff.schemas import NewCannedReply, StaffView
from tests.backoffice.staff.conftest import AGENT, OTHER, SUPERVISOR


@pytest.fixture
async def agent(database: Database) -> StaffView:
    return await member(database, AGENT)


@pytest.fixture
async def other(database: Database) -> StaffView:
    return await member(database, OTHER)


@pytest.fixture
async def supervisor(database: Database) -> StaffView:
    return await member(database, SUPERVISOR)


async def member(database: Database, staff_id: int) -> StaffView:
    async with database.read() as session:
        return await service.member(session, staff_id)


def reply(
    shortcut: str, title: str = "问候", text: str = "{name}您好", shared: bool = False
) -> NewCannedReply:
    return NewCannedReply(shortcut=shortcut, title=title, text=text, shared=shared)


async def add(database: Database, who: StaffView, new: NewCannedReply) -> int:
    async with database.write() as session:
        return await replies.add(session, who, new)


async def change(database: Database, who: StaffView, reply_id: int, new: NewCannedReply) -> None:
    async with database.write() as session:
        await replies.change(session, who, reply_id, new)


async def delete(database: Database, who: StaffView, reply_id: int) -> None:
    async with database.write() as session:
        await replies.delete(session, who, reply_id)


async def shortcuts(database: Database, who: StaffView, prefix: str = "") -> list[str]:
    async with database.read() as session:
        found = await replies.listed(session, who, prefix, Page())
    assert found.total == len(found.replies)
    return [each.shortcut for each in found.replies]


async def test_each_sees_the_shared_and_their_own(
    database: Database, agent: StaffView, other: StaffView, supervisor: StaffView
) -> None:
    await add(database, supervisor, reply("hi", shared=True))
    await add(database, agent, reply("Hug", "安抚"))
    await add(database, other, reply("late"))
    assert await shortcuts(database, agent) == ["hi", "hug"]
    assert await shortcuts(database, agent, "H") == ["hi", "hug"]
    assert await shortcuts(database, agent, "hu") == ["hug"]
    assert await shortcuts(database, agent, "安") == ["hug"]
    assert await shortcuts(database, agent, "%") == await shortcuts(database, agent, "l") == []


async def test_shared_ones_are_the_supervisors(
    database: Database, agent: StaffView, supervisor: StaffView
) -> None:
    with pytest.raises(Forbidden, match="role_required"):
        await add(database, agent, reply("hi", shared=True))
    shared = await add(database, supervisor, reply("hi", shared=True))
    own = await add(database, agent, reply("hug"))
    for refused in (change(database, agent, shared, reply("mine")), delete(database, agent, shared)):
        with pytest.raises(NotFound, match="no_such_reply"):
            await refused
    with pytest.raises(Forbidden, match="role_required"):
        await change(database, agent, own, reply("hug", shared=True))
    with pytest.raises(NotFound, match="no_such_reply"):
        await delete(database, supervisor, own)
    await change(database, supervisor, shared, reply("hello", shared=True))
    assert await shortcuts(database, agent) == ["hello", "hug"]
    await delete(database, supervisor, shared)
    await delete(database, agent, own)
    assert await shortcuts(database, agent) == []


async def test_a_shortcut_stands_for_one_reply_even_at_once(
    database: Database, agent: StaffView, other: StaffView
) -> None:
    ended = await asyncio.gather(
        *(add(database, who, reply("hi")) for who in (agent, other)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in ended) == ["Conflict", "int"]
    ids = [await add(database, agent, reply(shortcut)) for shortcut in ("a", "b")]
    with pytest.raises(Conflict, match="shortcut_taken"):
        await change(database, agent, ids[0], reply("hi"))
    renamed = await asyncio.gather(
        *(change(database, agent, each, reply("same")) for each in ids), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in renamed) == ["Conflict", "NoneType"]


@pytest.mark.parametrize("shortcut", ["", "a b", "/hi", "x" * 41, "\x00"])
def test_a_shortcut_can_be_typed_behind_a_slash(shortcut: str) -> None:
    with pytest.raises(ValidationError):
        reply(shortcut)


def test_placeholders_are_filled_and_nothing_else() -> None:
    assert (
        replies.filled("{name}，订单{order}已发货", name="林**", order="26112212")
        == "林**，订单26112212已发货"
    )
    assert replies.filled("{order} {name.__class__} {}", name="林**") == "{order} {name.__class__} {}"
