"""The shop under test: three apps, a bot and a Redis of their own over a database of their own."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import asyncpg
import httpx
from sqlalchemy.engine import make_url

from backoffice.doctor import LOCAL, free_port
from backoffice.kit.database import Database
from backoffice.migrations import upgrade
from backoffice.settings import Settings

STARTED_WITHIN = 90.0


def free_ports(count: int) -> list[int]:
    ports: list[int] = []
    for port in random.sample(range(20000, 29999), 2000):
        if len(ports) < count and free_port("", LOCAL, port).ok:
            ports.append(port)
    return ports


class Part:
    """One process that can be killed and started again; its output goes to a log."""

    def __init__(self, name: str, command: Sequence[str], env: dict[str, str], log: Path) -> None:
        self.name, self._command, self._env, self._log = name, command, env, log
        self._child: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._child
        return self._child.pid

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self._command, env=os.environ | self._env, stdout=log, stderr=log
            )

    async def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self._child and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(by)
            await self._child.wait()


class App(Part):
    """An app, and whether it takes requests."""

    def __init__(self, port: int, env: dict[str, str], folder: Path) -> None:
        self.url = f"http://{LOCAL}:{port}"
        command = [sys.executable, "-m", "uvicorn", "backoffice.app:app", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning"]
        super().__init__(f"app {port}", command, env | {"XIAOER_PORT": str(port)}, folder / f"{port}.log")
        self.up = False

    async def start(self) -> None:
        await super().start()
        async with asyncio.timeout(STARTED_WITHIN), httpx.AsyncClient(trust_env=False) as client:
            while not self.up:
                with suppress(httpx.TransportError):
                    self.up = (await client.get(f"{self.url}/chat/xiaoer-chat.js")).status_code == 200
                await asyncio.sleep(0.05)

    async def end(self, by: signal.Signals = signal.SIGKILL) -> None:
        self.up = False
        await super().end(by)


class ShopUnderTest:
    """Everything on free ports; `postgres` is the URL of a server on which a database is made and dropped."""

    def __init__(self, folder: Path, postgres: str, wechat_api: str, accounts: str, apps: int = 3) -> None:
        *app_ports, bot_port, redis_port = free_ports(apps + 2)
        self._server = make_url(postgres)
        self._name = f"xiaoer_bench_{uuid4().hex[:12]}"
        self.settings = Settings(
            state=folder,
            secret=uuid4().hex,
            database_url=self._server.set(database=self._name).render_as_string(hide_password=False),
            redis_url=f"redis://{LOCAL}:{redis_port}/0",
            bot_url=f"http://{LOCAL}:{bot_port}",
        )
        env = {
            "XIAOER_SECRET": self.settings.secret,
            "XIAOER_STATE": str(folder),
            "XIAOER_DATABASE_URL": self.settings.database_url,
            "XIAOER_REDIS_URL": self.settings.redis_url,
            "XIAOER_BOT_URL": self.settings.bot_url,
            "XIAOER_WECHAT": accounts,
            "XIAOER_OPENED_A_MINUTE": "0",
            "XIAOER_SAID_A_MINUTE": "0",
            "XIAOER_WECHAT_API": wechat_api,
        }
        self.apps = [App(port, env, folder) for port in app_ports]
        bots = {
            "BENCH_PORT": str(bot_port),
            "BENCH_APPS": " ".join(app.url for app in self.apps),
            "XIAOER_SERVICE_TOKEN": self.settings.service_token,
        }
        self.bot = Part("bot", [sys.executable, "-m", "bench.channels.bot"], bots, folder / "bot.log")
        redis = ["redis-server", "--port", str(redis_port), "--save", "", "--appendonly", "no"]
        self.redis = Part("redis", redis, {}, folder / "redis.log")
        self.database = Database(self.settings.database_url)

    def any_url(self) -> str:
        """An app that takes requests, else any."""
        return random.choice([app for app in self.apps if app.up] or self.apps).url

    async def _on_server(self, statement: str) -> None:
        url = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def __aenter__(self) -> Self:
        await self._on_server(f'CREATE DATABASE "{self._name}"')
        await upgrade(self.database)
        await self.redis.start()
        await self.bot.start()
        await asyncio.gather(*(app.start() for app in self.apps))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(part.end() for part in (*self.apps, self.bot, self.redis)))
        await self.database.close()
        await self._on_server(f'DROP DATABASE "{self._name}" WITH (FORCE)')
