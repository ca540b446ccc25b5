"""Rows written together are all written, or none of them."""

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from backoffice.events.models import OutboxEvent
from backoffice.kit import together as kit
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.idempotency import IdempotencyKey
from backoffice.kit.together import change_row, together, write_rows

KEY = {"scope": "one", "fingerprint": "", "answer": None}


async def kept(database: Database) -> tuple[list[str], list[str]]:
    async with database.read() as session:
        keys = await session.scalars(select(IdempotencyKey.key).order_by(IdempotencyKey.key))
        events = await session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.topic))
        return list(keys), list(events)


@pytest.mark.parametrize("most", [kit.MOST_VALUES, 0])
async def test_rows_of_several_tables(database: Database, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "MOST_VALUES", most)
    sent: list[str] = []
    event.listen(database._writer.sync_engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    async with database.write() as session:
        async with together(session):
            await write_rows(session, IdempotencyKey, *(KEY | {"key": key} for key in "ab"))
            async with together(session):
                await write_rows(session, OutboxEvent, {"topic": "told", "key": "k", "payload": {"a": "好"}})
            await write_rows(session, OutboxEvent)
            assert not any("INSERT" in each for each in sent)
        await write_rows(session, OutboxEvent, {"topic": "at once", "key": "k", "payload": {}})
    assert await kept(database) == (["a", "b"], ["at once", "told"])
    one = most and database.url.startswith("postgresql")
    assert sum("INSERT" in each for each in sent) == (2 if one else 3)
    async with database.read() as session:
        told = (await session.scalars(select(OutboxEvent).where(OutboxEvent.topic == "told"))).one()
        assert (told.payload, told.attempts, told.at.tzinfo is not None) == ({"a": "好"}, 0, True)


async def test_a_block_that_raises_writes_nothing(database: Database) -> None:
    async def refused(session: WriteSession) -> None:
        async with together(session):
            await write_rows(session, IdempotencyKey, KEY | {"key": "a"})
            raise LookupError

    async with database.write() as session:
        with pytest.raises(LookupError):
            await refused(session)
        await write_rows(session, IdempotencyKey, KEY | {"key": "b"})
    assert await kept(database) == (["b"], [])


async def test_one_row_that_cannot_be_hinders_all(database: Database) -> None:
    async def doubled() -> None:
        async with database.write() as session, together(session):
            await write_rows(session, OutboxEvent, {"topic": "told", "key": "k", "payload": {}})
            await write_rows(session, IdempotencyKey, *(KEY | {"key": "a"} for _ in range(2)))

    with pytest.raises(IntegrityError):
        await doubled()
    assert await kept(database) == ([], [])


async def test_a_row_is_changed_with_others_that_are_written(database: Database) -> None:
    async with database.write() as session:
        await write_rows(session, IdempotencyKey, *(KEY | {"key": key} for key in "ab"))
    async with database.write() as session, together(session):
        await change_row(session, IdempotencyKey, {"scope": "one", "key": "a"}, {"answer": {"done": "好"}})
        await write_rows(session, OutboxEvent, {"topic": "told", "key": "k", "payload": {}})
    async with database.read() as session:
        answers = await session.scalars(select(IdempotencyKey.answer).order_by(IdempotencyKey.key))
        assert answers.all() == [{"done": "好"}, None]
    assert await kept(database) == (["a", "b"], ["told"])


async def test_a_savepoint_keeps_to_itself_what_it_undoes(database: Database) -> None:
    async def undone(session: WriteSession) -> None:
        async with session.begin_nested():
            await write_rows(session, IdempotencyKey, KEY | {"key": "a"})
            raise LookupError

    async with database.write() as session, together(session):
        with pytest.raises(LookupError):
            await undone(session)
        await write_rows(session, IdempotencyKey, KEY | {"key": "b"})
    assert await kept(database) == (["b"], [])


async def test_events_keep_their_order(database: Database) -> None:
    async with database.write() as session, together(session):
        for topic in "cab":
            await write_rows(session, OutboxEvent, {"topic": topic, "key": "k", "payload": {}})
            await write_rows(session, IdempotencyKey, KEY | {"key": topic})
    async with database.read() as session:
        topics = await session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id))
        assert list(topics) == ["c", "a", "b"]
