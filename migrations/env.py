"""Alembic's entry: migrates over the connection that `backoffice.migrations` hands in.

A new revision: `.venv/bin/alembic revision --autogenerate -m "what changes"` (against XIAOER_DATABASE_URL).
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from backoffice.kit.database import Database
from backoffice.kit.partitions import without_parts
from backoffice.settings import get_settings
from backoffice.tables import metadata


def migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(8154)"))
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, **without_parts(metadata)
    )
    context.run_migrations()


async def migrate_own_database() -> None:
    database = Database(get_settings().database_url)
    async with database.migrating() as connection:
        await connection.run_sync(migrate)
    await database.close()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(migrate_own_database())
else:
    migrate(given)
