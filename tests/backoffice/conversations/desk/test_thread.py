"""A conversation as people see it."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from backoffice.conversations import service
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.desk import inbox, thread
from backoffice.conversations.desk import service as desk
from backoffice.conversations.models import Message, Reading
from backoffice.conversations.ports import Window
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.service import From
from backoffice.kit.database import Database
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from tests.backoffice.conversations.at_desk import ANNA, BEN, hire, opened


async def test_lines_carry_their_way_notes_and_changes(database: Database) -> None:
    await hire(database)
    conversation = await opened(database)
    async with database.write() as session:
        await desk.take_over(session, conversation, ANNA)
        await desk.answer(session, conversation, ANNA, "您好")
        await inbox.note(session, conversation, ANNA, "老顾客", [BEN])
    async with database.write() as session:
        last = (await thread.read(session, conversation, ())).last_event
        await delivery.confirm(session, conversation, last, read=True)
    async with database.read() as session:
        found = await thread.read(session, conversation, ())
    assert found.lines[0].carried is None
    assert {line.carried.state for line in found.lines[1:] if line.carried} == {"read"}
    assert [note.mentions for note in found.notes] == [[BEN]]
    assert "taken_over" in [change.kind for change in found.changes]
    assert (found.owner, found.agent_id, found.allowance) == ("agent", ANNA, None)


async def test_what_was_understood_stands_at_the_last_line_of_its_turn(database: Database) -> None:
    conversation = await opened(database)
    async with database.write() as session:
        await service.receive(session, conversation, "m2", "在吗")
        await session.execute(update(Message).where(Message.author == "shopper").values(turn_id="t1"))
        told = {"intent": "greet", "confidence": 0.9, "ranking": [], "actions": ["utter_greet"]}
        await session.execute(
            insert(Reading).values(turn_id="t1", conversation_id=conversation, at=now(), **told)
        )
    async with database.read() as session:
        found = await thread.read(session, conversation, ())
    assert [line.understood.intent if line.understood else "" for line in found.lines] == ["", "greet"]


async def test_a_metered_channel_tells_what_it_still_allows(database: Database) -> None:
    window = Window("message", 5, timedelta(hours=48))
    async with database.write() as session:
        conversation = await service.conversation_of(session, "wechat", "wx:o1", None)
        origin = From("wechat", "wx:o1", True, window)
        await service.receive(session, conversation, "m1", "你好", origin=origin)
        await service.append(session, conversation, "bot", Bubble(text="您好"))
    async with database.read() as session:
        found = await thread.read(session, conversation, ("wechat",))
        bare = await thread.read(session, conversation, ())
    assert found.allowance is not None
    assert found.allowance.left == 5
    assert found.lines[-1].carried == thread.Carried(state="queued")
    assert bare.allowance is None


async def test_only_the_newest_lines_and_what_belongs_to_them(database: Database) -> None:
    await hire(database)
    conversation = await opened(database)
    async with database.write() as session:
        await inbox.note(session, conversation, ANNA, "很早的备注")
    async with database.write() as session:
        for n in range(5):
            await service.append(session, conversation, "bot", Bubble(text=str(n)))
    async with database.read() as session:
        found = await thread.read(session, conversation, (), limit=3)
    assert [line.text for line in found.lines] == ["2", "3", "4"]
    assert found.more
    assert found.notes == []


async def test_what_does_not_exist_is_not_found(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(NotFound):
            await thread.read(session, "nothing", ())
