"""What is installed, reachable and stale: `xiaoer doctor` tells it all, `xiaoer up` asks before it starts."""

import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from backoffice.settings import Settings
from backoffice.supervisor import Trouble
from backoffice.trainer import BOT_PYTHON, fits, newest, verify

LOCAL = "127.0.0.1"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what it is, or what to do about it."""

    about: str
    ok: bool
    text: str


async def before_start(settings: Settings) -> AsyncIterator[Finding]:
    """What must be well before the shop can start: environments, folders, ports, engines."""
    yield bot_python()
    yield writable("state", settings.state)
    yield writable("models", settings.models)
    for about, host, port in (
        ("app", settings.host, settings.port),
        *(("bot", LOCAL, port) for port in settings.bot_ports),
        ("actions", LOCAL, settings.port + 2),
    ):
        yield free_port(about, host, port)
    yield await database(settings)
    if settings.redis_url:
        yield await redis(settings)


async def everything(settings: Settings) -> AsyncIterator[Finding]:
    """All there is to know about this installation and the shop that may be running."""
    yield Finding("app python", True, f"{sys.version.split()[0]} at {sys.prefix}")
    yield bot_python()
    yield writable("state", settings.state)
    yield writable("models", settings.models)
    yield model(settings)
    yield await database(settings)
    if settings.redis_url:
        yield await redis(settings)
    else:
        yield Finding("redis", True, "not used: everything in process")
    yield chromium()
    yield await shop(settings)


def bot_python() -> Finding:
    about = "bot python"
    try:
        done = subprocess.run([BOT_PYTHON, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return Finding(
            about, False, f"{BOT_PYTHON} does not run: build it with `make env` (needs Python 3.10)."
        )
    return Finding(about, True, f"{done.stdout.split()[1]} at {BOT_PYTHON.parent.parent}")


def writable(about: str, folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        setting = f"XIAOER_{about.upper()}"
        text = f"No write access to {folder} ({error.strerror}): give it or set {setting} to another folder."
        return Finding(about, False, text)
    return Finding(about, True, str(folder.resolve()))


def free_port(about: str, host: str, port: int) -> Finding:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            text = f"Port {port} for {about} cannot be had ({error}): free it or choose others with PORT=…"
            return Finding(f"port of {about}", False, text)
    return Finding(f"port of {about}", True, str(port))


async def database(settings: Settings) -> Finding:
    """A file of SQLite is opened without a thread: aiosqlite's outlives the loop when it cannot open one."""
    import asyncpg
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine

    shown = settings.database_url.rpartition("@")[2]
    try:
        url = make_url(settings.database_url)
        shown = url.render_as_string(hide_password=True)
        if url.drivername == "sqlite+aiosqlite":
            sqlite3.connect(url.database or ":memory:").close()
        else:
            engine = create_async_engine(url, connect_args={"timeout": 5})
            try:
                async with engine.connect():
                    pass
            finally:
                await engine.dispose()
    except (
        SQLAlchemyError,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        ImportError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        return Finding("database", False, unreachable("database", shown, "XIAOER_DATABASE_URL", error))
    return Finding("database", True, shown)


async def redis(settings: Settings) -> Finding:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    shown = settings.redis_url.split("@")[-1]
    try:
        async with Redis.from_url(settings.redis_url, socket_connect_timeout=5) as client:
            await client.get("xiaoer")
    except (RedisError, OSError, ValueError) as error:
        return Finding("redis", False, unreachable("Redis server", shown, "XIAOER_REDIS_URL", error))
    return Finding("redis", True, shown)


def unreachable(what: str, shown: str, setting: str, error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    reason = str(cause).partition("\n")[0].rpartition(">: ")[2] or type(cause).__name__
    return f"The {what} {shown} cannot be reached ({reason}): start it or correct {setting}."


def model(settings: Settings) -> Finding:
    served = newest(settings.models)
    if served is None:
        return Finding("model", False, "The bot was never trained: run `xiaoer train`.")
    try:
        verify(served)
    except Trouble as trouble:
        return Finding("model", False, str(trouble))
    if not fits(served):
        return Finding("model", False, f"{served.name} is stale, the data changed since: run `xiaoer train`.")
    return Finding("model", True, served.name)


def chromium() -> Finding:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    return Finding(
        "chromium", bool(found), found or "Missing: browser tests need it (`apt-get install chromium`)."
    )


async def shop(settings: Settings) -> Finding:
    """Whether the shop runs and how its three processes are."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            health = (await client.get(f"{settings.app_url}/healthz")).json()
    except (httpx.HTTPError, ValueError):
        return Finding("shop", True, f"not running at {settings.app_url}")
    down = [part for part, well in health.items() if well is False]
    state = f"{', '.join(down)} not ready" if down else "bot, actions and app are ready"
    return Finding("shop", not down, f"{settings.app_url}: {state}")
