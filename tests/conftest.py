"""What every test may use: a database of its own on each engine that can be reached."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import hypothesis
import pytest
from argon2 import PasswordHasher

from backoffice.kit import passwords
from backoffice.kit.database import Database
from backoffice.tables import metadata
from tests.live import LiveShop

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
hypothesis.settings.register_profile(
    "xiaoer", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("xiaoer")

REDIS = os.environ.get("XIAOER_TEST_REDIS", "redis://127.0.0.1:6379/0")
collect_ignore = ["bot"]
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As in production, but quick: hundreds of tests sign in."""
os.environ.setdefault("XIAOER_SERVICE_HOURS", "00:00-24:00")


def reachable(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1).close()
    except OSError:
        return False
    return True


ENGINES = ["sqlite", *(["postgresql"] if reachable(POSTGRES) else [])]


def pytest_report_header() -> str:
    stream = "redis" if reachable(REDIS) else "redis (NOT reached, not covered)"
    missing = "" if "postgresql" in ENGINES else ", postgresql (NOT reached, not covered)"
    return f"engines: {', '.join(ENGINES)}{missing}, {stream}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests one process of several runs after each other: those of a file, and all that share the
    live shop, which take longest and come first, before those that are given time of their own.
    """
    for item in items:
        live = "live_shop" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("live shop" if live else str(item.path)))
    items.sort(
        key=lambda item: (
            "live_shop" not in getattr(item, "fixturenames", ()),
            item.get_closest_marker("timeout") is None,
        )
    )


def run_apart(work: Coroutine[object, object, None]) -> None:
    """Run a coroutine to its end whether or not a loop runs here."""
    thread = threading.Thread(target=asyncio.run, args=(work,))
    thread.start()
    thread.join()


async def on_server(statement: str, database: str = "postgres") -> None:
    connection = await asyncpg.connect(POSTGRES, database=database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def url_of(name: str) -> str:
    return POSTGRES.rsplit("/", 1)[0].replace("postgresql://", "postgresql+asyncpg://") + f"/{name}"


async def make_tables(url: str) -> None:
    database = Database(url)
    async with database.connect() as connection:
        await connection.run_sync(metadata.create_all)
    await database.close()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """By engine: what a database with every table, empty, is copied from."""
    made = {"sqlite": str(tmp_path_factory.mktemp("template") / "template.db")}
    run_apart(make_tables(f"sqlite+aiosqlite:///{made['sqlite']}"))
    if "postgresql" in ENGINES:
        made["postgresql"] = f"xiaoer_test_{uuid4().hex[:12]}"
        run_apart(on_server(f'CREATE DATABASE "{made["postgresql"]}"'))
        run_apart(make_tables(url_of(made["postgresql"])))
    yield made
    if "postgresql" in ENGINES:
        run_apart(on_server(f'DROP DATABASE "{made["postgresql"]}" WITH (FORCE)'))


EMPTY = """
DO $$ DECLARE each record; filled boolean; BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR each IN SELECT relid AS id, schemaname, relname FROM pg_stat_user_tables
        WHERE relname <> 'dbos_migrations'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', each.schemaname, each.relname) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %I.%I', each.schemaname, each.relname); END IF;
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE last_value IS NOT NULL;
END $$
"""
"""Much quicker than to drop a database, which waits for the disk, and to copy another.

The tables of DBOS stay, and so does its note of how far they are made.
"""


@pytest.fixture(scope="session")
def emptied() -> Iterator[list[str]]:
    """Databases on PostgreSQL with every table and nothing in them, left by tests for others."""
    names: list[str] = []
    yield names
    for name in names:
        run_apart(on_server(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(params=ENGINES)
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, templates: dict[str, str], emptied: list[str]
) -> Iterator[str]:
    """The URL of a database of the test's own, gone afterwards; it has tables if `database` is used."""
    filled = "database" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        if filled:
            shutil.copyfile(templates["sqlite"], path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    if filled and emptied:
        name = emptied.pop()
    else:
        name = f"xiaoer_test_{uuid4().hex[:12]}"
        copied = f' TEMPLATE "{templates["postgresql"]}"' if filled else ""
        run_apart(on_server(f'CREATE DATABASE "{name}"{copied}'))
    yield url_of(name)
    if filled:
        run_apart(on_server(EMPTY, name))
        emptied.append(name)
    else:
        run_apart(on_server(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with every table, empty."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def live_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    """The real bot, actions and app with a small demo shop; who stops a part starts it again."""
    with LiveShop(tmp_path_factory.mktemp("live")) as shop:
        yield shop
