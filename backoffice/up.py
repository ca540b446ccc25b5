"""Starts the whole shop: looks, trains, fills, starts bot, actions and app, and ends them together."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backoffice.client import Shop
from backoffice.doctor import LOCAL, before_start
from backoffice.kit.database import Database
from backoffice.settings import LARGEST_MESSAGE, Settings
from backoffice.supervisor import Process, Supervisor, Trouble, exclusive
from backoffice.trainer import ROOT, bot_environment, bot_program, fits, newest, train, verify
from backoffice.training.datasets import service as datasets
from backoffice.training.datasets.fingerprints import fingerprint
from backoffice.training.models import service as models
from backoffice.training.serving import service as serving

READY_WITHIN = 120.0
QUIET_SECONDS = 5.0


async def up(settings: Settings, console: Console) -> None:
    """Runs the shop until it is cancelled or one of its processes ends. Raises `Trouble`."""
    async for finding in before_start(settings):
        if not finding.ok:
            raise Trouble(finding.text)
    with exclusive(settings.state / "up.lock", f"A shop runs already in {settings.state}: stop it first."):
        async with Supervisor(ROOT) as supervisor:
            with step(console, "Migrating the database, filling an empty one") as tell:
                await supervisor.run(seeding(settings), tell)
            model = await served(settings, console)
            with step(console, "Starting bot, actions and app") as tell:
                for process in processes(settings, model):
                    await supervisor.start(process)
                await supervisor.during(ready(settings, tell))
            address = settings.state / "up.json"
            address.write_text(json.dumps({"url": settings.app_url}))
            try:
                await greet(settings, console)
                await supervisor.watch()
            finally:
                address.unlink(missing_ok=True)
                console.print("Stopping.")


async def served(settings: Settings, console: Console) -> Path:
    """The model that is live. Raises `Trouble` when it is broken.

    It is the newest one, trained when need be, as long as nobody chose; when its file is gone; and when the
    shop never edited its data and what ships was never live.
    """
    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            live = (await serving.state(session)).live
            edited = (await datasets.head(session)).number > 0
            settled = edited or await serving.was_live(session, fingerprint())
        model = settings.models / live
        if not (live and settled and model.is_file()):
            model = await trained(settings, console)
            if model.name != live:
                async with database.write() as session:
                    await models.register(session, model, dataset=0)
                    await serving.start(session, model.name)
    finally:
        await database.close()
    verify(model)
    return model


async def trained(settings: Settings, console: Console) -> Path:
    """The newest model, trained anew when the data changed since."""
    model = newest(settings.models)
    if model is None or not fits(model):
        with step(console, "Training the bot") as tell:
            model = await train(settings.models, settings.state / "log" / "training.log", tell)
    return model


def environment(settings: Settings) -> dict[str, str]:
    """What all of the processes must agree on."""
    return {
        "XIAOER_STATE": str(settings.state.resolve()),
        "XIAOER_MODELS": str(settings.models.resolve()),
        "XIAOER_DATABASE_URL": settings.database_url,
        "XIAOER_TRACKER_URL": settings.tracker_url,
        "XIAOER_REDIS_URL": settings.redis_url,
        "XIAOER_PORT": str(settings.port),
        "XIAOER_APP_URL": settings.app_url,
        "XIAOER_BOT_URL": settings.bot_url,
        "XIAOER_ACTIONS_URL": settings.actions_url,
        "PYTHONUNBUFFERED": "1",
    }


def processes(settings: Settings, model: Path) -> list[Process]:
    """Bot, actions, app and a worker that is apart, each with its log in the state folder."""
    logs, shared = settings.state / "log", environment(settings)
    bot = [*bot_program(), "run", "--model", str(model.resolve()), "--enable-api"]
    bot += ["--auth-token", settings.bot_token, "--interface", LOCAL]
    bot += ["--endpoints", "bot/endpoints.yml", "--credentials", "bot/credentials.yml"]
    actions = [sys.executable, "-m", "actions", "--port", str(settings.port + 2)]
    app = [sys.executable, "-m", "uvicorn", "backoffice.app:app", "--host", settings.host]
    app += ["--port", str(settings.port), "--no-access-log", "--ws-max-size", str(LARGEST_MESSAGE)]
    app += ["--timeout-graceful-shutdown", "5"]  # those who follow a conversation never hang up
    app += ["--ws-per-message-deflate", "false"]  # it doubles what an idle chat costs
    service = shared | {"XIAOER_SERVICE_TOKEN": settings.service_token}
    worker = [sys.executable, "-m", "backoffice.cli", "worker"]
    found = []
    for number, port in enumerate(settings.bot_ports, 1):
        name = "bot" if number == 1 else f"bot-{number}"
        replica = bot_environment() | service | {"XIAOER_REPLICA": name}
        found.append(Process(name, [*bot, "--port", str(port)], logs / f"{name}.log", replica))
    found += [
        Process("actions", actions, logs / "actions.log", service),
        Process("app", app, logs / "app.log", shared),
    ]
    if settings.worker == "apart":
        found.append(Process("worker", worker, logs / "worker.log", shared))
    return found


def seeding(settings: Settings, *options: str) -> Process:
    """What migrates the database and, but for production, fills an empty one; options of `xiaoer seed`."""
    work = ["seed", "--if-empty", *options] if settings.demo else ["db", "upgrade"]
    command = [sys.executable, "-m", "backoffice.cli", *work]
    return Process("seeding", command, settings.state / "log" / "seed.log", environment(settings))


async def ready(settings: Settings, tell: Callable[[str], None]) -> None:
    """Waits until bot, actions and app say that they are ready. Raises `Trouble` after `READY_WITHIN` s."""
    waiting = "app"
    logs = settings.state / "log"
    try:
        async with asyncio.timeout(READY_WITHIN), httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                with suppress(httpx.HTTPError):
                    bots = [
                        (await client.get(f"{url}/status?token={settings.bot_token}")).status_code
                        for url in settings.bot_urls
                    ]
                    if httpx.codes.CONFLICT in bots:
                        raise Trouble(
                            f"The bot cannot load its model: run `xiaoer train` (see {logs / 'bot.log'})"
                        )
                    health = (await client.get(f"{settings.app_url}/healthz")).json()
                    if health["status"] == "ok" and set(bots) == {httpx.codes.OK}:
                        return
                    waiting = ", ".join(part for part, well in health.items() if well is False)
                tell(f"waiting for {waiting}")
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise Trouble(f"Not ready after {READY_WITHIN:g} s: {waiting} (see {logs})") from None


async def greet(settings: Settings, console: Console) -> None:
    """Prints the addresses and, where demo sign-ins are allowed, who may sign in."""
    places = Table.grid(padding=(0, 2))
    places.add_row("shop and chat", settings.app_url)
    places.add_row("staff", f"{settings.app_url}/console")
    places.add_row("API", f"{settings.app_url}/docs")
    places.add_row("logs", str(settings.state / "log"))
    console.print(places)
    if settings.demo:
        with Shop(settings.app_url, settings.service_token) as shop:
            people = await asyncio.to_thread(shop.sign_ins)
        table = Table("phone", "password", "name", "situation", title="Demo sign-ins", title_justify="left")
        for person in people:
            table.add_row(person["phone"], person["password"], person["name"], person["situation"])
        console.print(table)
    console.print("Ctrl-C ends all of it.")


@contextmanager
def step(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    """Shows that something is under way and, at its end, how long it took; what it yields shows details."""
    began = told = time.monotonic()

    def tell(detail: str) -> None:
        nonlocal told
        now = time.monotonic()
        if console.is_terminal:
            status.update(f"{text}: {escape(detail)} [dim]{now - began:.0f} s[/]")
        elif now - told > QUIET_SECONDS:
            console.print(f"  {escape(detail)} [dim]{now - began:.0f} s[/]", highlight=False)
            told = now

    with console.status(text) as status:
        if not console.is_terminal:
            console.print(text)
        yield tell
    console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - began:.1f} s[/]", highlight=False)


async def until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Runs `work` and cancels it, whatever it is at, on Ctrl-C, termination or hang-up."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
