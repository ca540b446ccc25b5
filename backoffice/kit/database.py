"""One database, two engines: SQLite in WAL mode or PostgreSQL, chosen by the URL.

A write session and a read session are different types. On SQLite a write session begins IMMEDIATE and waits
its turn in a pool of one connection: a deferred transaction that reads before it writes would fail "locked".
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, cast

from asyncpg import PostgresError
from fastapi import Depends, Request
from sqlalchemy import (
    BigInteger,
    CursorResult,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    TypeDecorator,
    event,
    insert,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import IntegrityError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

Id = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on both engines; a naive one raises `ValueError`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """The tables of every room."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012


class ReadSession(AsyncSession):
    """Looks only: the database refuses to change anything.

    On PostgreSQL each statement is a transaction of its own: one that spans several would see no more, at
    READ COMMITTED, and cost two round trips.
    """


class WriteSession(ReadSession):
    """Commits when its block ends well. It may be handed to whatever only reads."""

    def after_commit(self, wake: Callable[[], object]) -> None:
        """Call `wake` once this session has committed."""
        self.info.setdefault("after_commit", []).append(wake)


class Database:
    """The engines of one URL, e.g. `sqlite+aiosqlite:///var/xiaoer.db` or `postgresql+asyncpg://…`.

    Their errors, which end up in logs, tell the statement without the data it carried.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.url = url
        if make_url(url).get_backend_name() == "sqlite":
            self._writer = sqlite_engine(url, "BEGIN IMMEDIATE", pool_size=1)
            self._reader = sqlite_engine(url, "BEGIN", pool_size, "query_only=ON")
        else:
            self._writer = postgresql_engine(url, pool_size)
            self._reader = postgresql_engine(
                url,
                pool_size,
                isolation_level="AUTOCOMMIT",
                connect_args={"server_settings": {"default_transaction_read_only": "on"}},
            )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """A transaction that commits at the end of the block and rolls back when it raises."""
        async with WriteSession(self._writer, expire_on_commit=False) as session:
            async with session.begin():
                yield session
            for wake in session.info.pop("after_commit", []):
                wake()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        async with ReadSession(self._reader, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[ReadSession]:
        """A read session whose statements all see the same moment, and whose results can be streamed."""
        async with self.read() as session:
            if self._reader.dialect.name == "postgresql":
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection in a write transaction, for bulk loads."""
        async with self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def migrating(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection in a write transaction that may rebuild tables which others refer to.

        SQLite changes a table by copying it and would refuse to drop the old one: references are not checked
        during the block but at its end. Raises `IntegrityError` for one that leads nowhere.
        """
        async with self._writer.connect() as connection:
            if connection.dialect.name != "sqlite":
                async with connection.begin():
                    yield connection
                return
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("PRAGMA foreign_keys=OFF")
            try:
                async with connection.begin():
                    yield connection
                    if broken := (await connection.execute(text("PRAGMA foreign_key_check"))).all():
                        raise IntegrityError("PRAGMA foreign_key_check", None, ValueError(str(broken[0])))
            finally:
                await driver.execute("PRAGMA foreign_keys=ON")

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()


def postgresql_engine(url: str, pool_size: int, **more: Any) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=pool_size, hide_parameters=True, **more)

    @event.listens_for(engine.sync_engine, "checkout")
    def is_alive(connection: Any, *_: object) -> None:
        """The driver knows when the server hung up; to ask each time would cost three round trips."""
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError("the server closed the connection")

    @event.listens_for(engine.sync_engine, "handle_error")
    def hide_row(context: ExceptionContext) -> None:
        if isinstance(context.original_exception.__cause__, PostgresError):
            context.original_exception.__cause__.detail = None

    return engine


class SqliteConnection(sqlite3.Connection):
    """Gives up its transaction when it is closed, as it is in the middle of one when a task is cancelled.

    SQLite would keep a closed connection, and its lock on the database, as long as any statement of it is
    referred to: by the traceback of the cancellation until the garbage is collected.
    """

    def close(self) -> None:
        if self.in_transaction:
            self.rollback()
        super().close()


def sqlite_engine(url: str, begin: str, pool_size: int, *pragmas: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"timeout": 30, "factory": SqliteConnection},
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        always = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000")
        for pragma in (*always, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


def upsert(session: WriteSession, table: type[Base]) -> postgresql.Insert:
    """An INSERT that can say ON CONFLICT; both engines speak it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(postgresql.Insert, sqlite.insert(table))
    return postgresql.insert(table)


async def insert_once(session: WriteSession, table: type[Base], **values: Any) -> bool:
    """Insert a row unless one of its unique keys is taken; say whether it was inserted.

    On PostgreSQL it waits for a rival transaction that holds the same key.
    """
    statement = insertion_once(session.get_bind().dialect.name, table)
    return bool(cast(CursorResult[Any], await session.execute(statement, values)).rowcount)


@cache
def insertion_once(dialect: str, table: type[Base]) -> postgresql.Insert:
    made = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = made(Base.metadata.tables[table.__tablename__]).inline()
    return cast(postgresql.Insert, statement.on_conflict_do_nothing())


async def insert_many(connection: AsyncConnection, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """Load rows in bulk; no rows, nothing done."""
    if rows:
        await connection.execute(insert(table), rows)


async def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def read_session(database: Annotated[Database, Depends(database_of)]) -> AsyncIterator[ReadSession]:
    async with database.read() as session:
        yield session


async def write_session(database: Annotated[Database, Depends(database_of)]) -> AsyncIterator[WriteSession]:
    async with database.write() as session:
        yield session


Reading = Annotated[ReadSession, Depends(read_session, scope="function")]
Writing = Annotated[WriteSession, Depends(write_session, scope="function")]
