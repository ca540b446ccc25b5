import subprocess
import sys

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backoffice import migrations
from backoffice.kit.database import Database
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
