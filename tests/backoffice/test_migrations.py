import subprocess
import sys

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, bindparam, select, text

from backoffice import migrations
from backoffice.conversations.models import Conversation, Message
from backoffice.kit.database import Database, UtcDateTime
from backoffice.kit.time import now
from backoffice.tables import metadata


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_migrations_lead_to_the_tables_of_the_models(database_url: str) -> None:
    database = Database(database_url)
    reached = await migrations.upgrade(database)
    assert reached
    assert await migrations.upgrade(database) == reached
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


UPGRADE = """
import asyncio, sys
from backoffice import migrations
from backoffice.kit.database import Database
print(asyncio.run(migrations.upgrade(Database(sys.argv[1]))))
"""


def test_rival_processes_upgrade_once(database_url: str) -> None:
    command = [sys.executable, "-c", UPGRADE, database_url]
    rivals = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    reached = [rival.communicate(timeout=60)[0].strip() for rival in rivals]
    assert [rival.returncode for rival in rivals] == [0, 0, 0]
    assert reached[0]
    assert set(reached) == {reached[0]}


async def test_a_filled_shop_is_migrated(database_url: str) -> None:
    database = Database(database_url)
    async with database.connect() as connection:
        await connection.run_sync(lambda c: command.upgrade(migrations.configuration(c), "0002"))
        await connection.execute(
            text(
                "INSERT INTO conversations (id, channel, sender, owner, status, last_event, failed_turns,"
                " handoff_reason, opened_at, updated_at) VALUES"
                " (:id, :channel, :id, 'bot', 'open', 1, 0, '', :at, :at)"
            ).bindparams(bindparam("at", now(), UtcDateTime()), id="c1", channel="web")
        )
        await connection.execute(
            text(
                "INSERT INTO messages (conversation_id, event, author, channel, sender, text, buttons, at)"
                " VALUES ('c1', 1, 'shopper', 'web', 'c1', '在吗', '[]', :at)"
            ).bindparams(bindparam("at", now(), UtcDateTime()))
        )
    await migrations.upgrade(database)
    async with database.read() as session:
        assert (await session.scalars(select(Message.text))).all() == ["在吗"]
        conversation = (await session.scalars(select(Conversation))).one()
    assert (conversation.answer_channel, conversation.answer_sender) == ("web", "c1")
    async with database.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert await connection.scalar(text("PRAGMA foreign_keys")) == 1
    await database.close()
