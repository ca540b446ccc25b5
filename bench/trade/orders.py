"""Orders per second, each counted when its 201 is committed, beside the same statements without the shop."""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGTERM

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from backoffice.trade.models import Order
from bench.channels.processes import STARTED_WITHIN, App, Part, free_ports
from bench.limits import Figure
from bench.trade.clients import Outcome, by_service, in_process, over_http
from bench.trade.replay import Example, Statement, captured, pgbench, pgbench_program, replayed, script
from bench.trade.shop import HOT, ORDER, SPREAD, BenchShop, Kind, opened

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
CLIENTS = 16
APPS = 2
LEAST_SHARE = 15.0
MOST_A_SECOND, LIMIT_A_SECOND = 1200, 4000
RAW_ORDERS = 3000
PAID_ORDERS, LONGEST = 500, 120.0


class Bench:
    """Runs on one shop, gathering figures and every number that was answered."""

    def __init__(self, shop: BenchShop, seconds: float, folder: Path, progress: Progress) -> None:
        self.shop, self.seconds, self.folder, self.progress = shop, seconds, folder, progress
        self.figures: list[Figure] = []
        self.answered: list[str] = []
        self.wrong: list[str] = []
        self.engine = "PostgreSQL" if shop.on_postgresql else "SQLite"
        self.processes = APPS if shop.on_postgresql else 1

    def says(self, what: str) -> None:
        self.progress.update(self.progress.task_ids[0], description=f"{self.engine}: {what}")

    async def quoted(self, kind: Kind) -> range:
        self.says(f"quoting {kind.name}")
        return await self.shop.quote(kind, round((self.seconds + 2) * MOST_A_SECOND))

    async def example(self, kind: Kind) -> tuple[list[Statement], Example]:
        """What one order sends, after another has filled the caches."""
        first, quote = await self.shop.quote(kind, 2)
        order = by_service(self.shop.database)
        self.answered.append(await order(first))
        with captured(self.shop.database._writer.sync_engine) as statements:
            self.answered.append(number := await order(quote))
        return statements, Example(quote, await self.last_order(), number)

    async def last_order(self) -> int:
        async with self.shop.database.read() as session:
            return await session.scalar(select(func.max(Order.id))) or ORDER - 1

    def keep(self, name: str, outcome: Outcome) -> float:
        """The figures of a run; its orders per second."""
        self.answered += outcome.answered
        self.wrong += outcome.wrong
        self.figures += [
            Figure(f"{name}", outcome.rate, "/s"),
            Figure(f"{name}, p50", outcome.wait(0.5), "ms"),
            Figure(f"{name}, p99", outcome.wait(0.99), "ms"),
        ]
        return outcome.rate

    async def by_http(self, kind: Kind) -> float:
        quotes = await self.quoted(kind)
        await self.shop.everything_sent()
        sent, _ = await self.shop.outbox()
        async with served(self.shop, self.folder, self.processes, self.shop.on_postgresql) as urls:
            self.says(f"orders over HTTP, {kind.name}")
            outcome = await over_http(urls, self.shop.settings, quotes, CLIENTS, self.seconds)
            passed_on, waiting = await self.shop.outbox()
            _, going_on = await self.shop.workflows()
        name = f"{self.engine}, HTTP, {kind.name}"
        rate = self.keep(name, outcome)
        took = max(outcome.ended) - outcome.began
        self.figures += [
            Figure(f"{name}: events passed on", (passed_on - sent) / took, "/s"),
            Figure(f"{name}: events waiting", waiting, ""),
            Figure(f"{name}: workflows going on", going_on, ""),
        ]
        return rate

    async def workflows(self, kind: Kind) -> None:
        """How fast one worker gives paid orders to their locations when nothing else is to be done."""
        self.says("paying orders")
        order = by_service(self.shop.database)
        for quote in await self.shop.quote(kind, PAID_ORDERS):
            self.answered.append(await order(quote))
            await self.shop.pay(quote, self.answered[-1])
        done, began = [(0, 0.0)], time.monotonic()
        async with served(
            self.shop, self.folder, 0 if self.shop.on_postgresql else 1, self.shop.on_postgresql
        ):
            self.says("working off what is paid")
            while done[-1][0] < PAID_ORDERS and time.monotonic() < began + LONGEST:
                await asyncio.sleep(0.2)
                ended, _ = await self.shop.workflows()
                done.append((ended, time.monotonic()))
        busy = [each for each in done if each[0]]
        (first, since), (last, until) = busy[0], busy[-1]
        rate = (last - first) / (until - since)
        self.figures += [
            Figure(f"{self.engine}: workflows completed, one worker", rate, "/s"),
            Figure(f"{self.engine}: paid orders whose workflow did not end", PAID_ORDERS - last, "", 0),
        ]

    async def by_service(self, kind: Kind) -> float:
        quotes = await self.quoted(kind)
        self.says(f"orders by the service, {kind.name}")
        url = self.shop.settings.database_url
        outcome = await in_process(url, quotes, CLIENTS, self.seconds, self.processes)
        return self.keep(f"{self.engine}, service, {kind.name}", outcome)

    async def limit(self, kind: Kind, program: str) -> float:
        """What PostgreSQL does of the same statements a second, driven by pgbench."""
        self.says(f"the same by pgbench, {kind.name}")
        statements, example = await self.example(kind)
        each = round(self.seconds * LIMIT_A_SECOND / CLIENTS)
        quotes = await self.shop.copy_quotes(kind, each * CLIENTS)
        transaction = script(statements, example, kind, quotes.start, each)
        url = self.shop.settings.database_url
        done = await asyncio.to_thread(pgbench, program, url, transaction, CLIENTS, self.seconds, self.folder)
        self.figures.append(Figure(f"pgbench, {kind.name}: statements", len(statements), ""))
        self.figures.append(Figure(f"pgbench, {kind.name}", done / self.seconds, "/s"))
        return done / self.seconds

    async def raw(self, kind: Kind) -> float:
        """What SQLite does of the same statements a second, in one thread without the shop."""
        self.says(f"the same by SQLite alone, {kind.name}")
        statements, example = await self.example(kind)
        quotes = await self.shop.quote(kind, RAW_ORDERS)
        path = self.folder / "bench.db"
        took = replayed(path, statements, example, kind, quotes, await self.last_order() + 1)
        self.figures.append(Figure(f"SQLite alone, {kind.name}", len(quotes) / took, "/s"))
        return len(quotes) / took

    def share(self, name: str, rate: float, limit: float, least: float | None = None) -> None:
        self.figures.append(Figure(name, 100 * rate / limit, "%", least=least))

    async def faults(self) -> None:
        self.says("auditing")
        found = await self.shop.audit(self.answered) | {"answers other than an order": len(self.wrong)}
        self.figures += [Figure(f"{self.engine}: {name}", count, "", 0) for name, count in found.items()]
        for example, count in Counter(self.wrong).items():
            self.progress.console.print(f"{self.engine}: {example} x {count}", markup=False)


@asynccontextmanager
async def served(shop: BenchShop, folder: Path, count: int, apart: bool) -> AsyncIterator[list[str]]:
    """So many apps as they are served; the background work is done in them or `apart`."""
    settings = shop.settings
    env = {
        "XIAOER_SECRET": settings.secret,
        "XIAOER_STATE": str(folder),
        "XIAOER_DATABASE_URL": settings.database_url,
        "XIAOER_REDIS_URL": "",
        "XIAOER_WORKER": "apart" if apart else "embedded",
    }
    apps = [App(port, env, folder) for port in free_ports(count)]
    worker = Part("worker", [sys.executable, "-m", "backoffice.cli", "worker"], env, folder / "worker.log")
    parts = [*apps, worker] if apart else apps
    try:
        for part in parts:
            await part.start()
        await worked(shop)
        yield [app.url for app in apps]
    finally:
        for part in parts:
            await part.end(SIGTERM)


async def worked(shop: BenchShop) -> None:
    """Until somebody does the background work."""
    async with asyncio.timeout(STARTED_WITHIN):
        while True:
            if await shop.has_worker():
                return
            await asyncio.sleep(0.2)


async def main(seconds: float) -> list[Figure]:
    """Figures of both engines; `seconds` is how long each run is measured."""
    figures: list[Figure] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        progress.add_task("")
        for server in (POSTGRES, None):
            with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as folder:
                async with opened(Path(folder), server) as shop:
                    bench = Bench(shop, seconds, Path(folder), progress)
                    await (on_postgresql if server else on_sqlite)(bench)
                    await bench.faults()
                    figures += bench.figures
    return figures


async def on_postgresql(bench: Bench) -> None:
    program = pgbench_program()
    await bench.workflows(SPREAD)
    for kind in (SPREAD, HOT):
        served, called = await bench.by_http(kind), await bench.by_service(kind)
        if program is None:
            bench.progress.console.print("pgbench is not installed: there is no limit to compare with")
            continue
        limit = await bench.limit(kind, program)
        bench.share(f"HTTP of pgbench, {kind.name}", served, limit, LEAST_SHARE)
        bench.share(f"service of pgbench, {kind.name}", called, limit)


async def on_sqlite(bench: Bench) -> None:
    await bench.workflows(SPREAD)
    served, called = await bench.by_http(SPREAD), await bench.by_service(SPREAD)
    limit = await bench.raw(SPREAD)
    bench.share("HTTP of SQLite alone", served, limit)
    bench.share("service of SQLite alone", called, limit)
