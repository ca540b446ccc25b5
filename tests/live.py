"""The real shop in the background: bot, actions and app as `xiaoer up` starts them."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.console import Console

from backoffice.client import Event, Shop
from backoffice.demo.seed import seed
from backoffice.demo.situations import SIGN_INS, SignIn
from backoffice.doctor import LOCAL, free_port
from backoffice.kit.database import Database
from backoffice.migrations import upgrade
from backoffice.settings import Settings
from backoffice.supervisor import Process, Supervisor
from backoffice.trainer import ROOT
from backoffice.up import processes, ready, seeding, served

Result = TypeVar("Result")
SMALL = ("--customers", "50", "--orders", "200")


class LiveShop:
    """Real processes on free ports, with a small demo shop whose state is in `folder`.

    The newest model of `models` is served, trained first when it is stale. An empty `database_url` means
    SQLite in `folder`. Besides the demo sign-ins there are those of `more`. There are so many replicas of the
    bot as `bots` says.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str = "",
        more: Sequence[SignIn] = (),
        bots: int = 1,
        models: Path = ROOT / "models",
    ) -> None:
        self._more = more
        self.settings = Settings(
            state=folder,
            models=models,
            port=free_ports(2 + bots),
            bots=bots,
            database_url=database_url,
            redis_url="",
            app_url="",
            bot_url="",
            actions_url="",
        )
        self.url = self.settings.app_url
        self.client = Shop(self.url, self.settings.service_token)
        self._supervisor = Supervisor(ROOT)
        self._processes: dict[str, Process] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="live shop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._wait_for(self._start())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._wait_for(self._supervisor.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, text: str, customer: str | None = None, channel: str = "web") -> list[Event]:
        """One question, in the open conversation of that customer or in a new one; the replies."""
        return self.client.ask(text, customer, channel)

    def stop_bot(self) -> None:
        self._wait_for(self._supervisor.stop("bot"))

    def start_bot(self) -> None:
        """Starts the bot again and waits until the shop is ready."""
        self._wait_for(self._begin(self._processes["bot"]))

    def pids(self) -> dict[str, int]:
        """The process ids of bot, actions and app."""
        return {name: child.pid for name, (_, child) in self._supervisor.running.items()}

    async def _start(self) -> None:
        quiet = Console(quiet=True)
        if self._more:
            await self._fill()
        await self._supervisor.run(seeding(self.settings, *SMALL))
        model = await served(self.settings, quiet)
        self._processes = {process.name: process for process in processes(self.settings, model)}
        await self._begin(*self._processes.values())

    async def _fill(self) -> None:
        database = Database(self.settings.database_url)
        try:
            await upgrade(database)
            sign_ins = (*SIGN_INS, *self._more)
            await seed(database, customers=len(sign_ins) + 30, orders=6 * len(sign_ins), sign_ins=sign_ins)
        finally:
            await database.close()

    async def _begin(self, *beginning: Process) -> None:
        for process in beginning:
            await self._supervisor.start(process)
        await self._supervisor.during(ready(self.settings, lambda detail: None))

    def _wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def three_free_ports() -> int:
    """The first of three neighbouring ports that nothing listens on."""
    return free_ports(3)


def free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nothing listens on."""
    for first in random.sample(range(20000, 29990), 200):
        if all(free_port("", LOCAL, first + step).ok for step in range(count)):
            return first
    raise RuntimeError("no free ports")
