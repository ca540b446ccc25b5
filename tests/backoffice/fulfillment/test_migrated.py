"""Parcels from before fulfilments were kept."""

from alembic import command
from sqlalchemy import bindparam, text

from backoffice import migrations
from backoffice.kit.database import Database, UtcDateTime
from backoffice.kit.time import now

PLACE = (
    "INSERT INTO locations (id, kind, name, province, city, district, address, latitude, longitude, hours,"
    " phone) VALUES (1, 'warehouse', 'w', '', '', '', '', 0, 0, '', '')"
)
PARCEL = (
    "INSERT INTO shipments (id, order_id, location_id, carrier, tracking_number, state, shipped_at, due)"
    " VALUES (1, 1, 1, 'sf', 'SF1', 'intercepting', :at, '2026-11-27')"
)


async def test_a_stopped_parcel_stays_stopped_up_and_down(database_url: str) -> None:
    database = Database(database_url)
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.upgrade(migrations.configuration(c), "0012"))
        await connection.execute(text(PLACE))
        await connection.execute(text(PARCEL).bindparams(bindparam("at", now(), UtcDateTime())))
    await migrations.upgrade(database)
    stopped = text("SELECT state, intercept_at = state_at AND heard_at = shipped_at AS dated FROM shipments")
    async with database.connect() as connection:
        assert tuple((await connection.execute(stopped)).one()) == ("in_transit", True)
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.downgrade(migrations.configuration(c), "0012"))
        assert await connection.scalar(text("SELECT state FROM shipments")) == "intercepting"
    await migrations.upgrade(database)
    await database.close()
