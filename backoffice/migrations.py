"""Bring a database to the present tables: what `xiaoer db upgrade` does."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backoffice.kit.database import Database

SCRIPTS = Path(__file__).parent.parent / "migrations"


def configuration(connection: Connection) -> Config:
    """Alembic's settings for migrating over `connection`."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS))
    return config


async def upgrade(database: Database) -> str:
    """Apply what is missing, all or nothing; the revision reached. Rivals wait for each other."""
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.upgrade(configuration(c), "head"))
        return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision() or "")
