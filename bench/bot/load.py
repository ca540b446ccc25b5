"""Serves a project in one process and talks to it."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from uuid import uuid4

from aiohttp import ClientSession, TCPConnector, web
from aiohttp.client_exceptions import ClientError

from backoffice.doctor import LOCAL
from backoffice.supervisor import Process, Supervisor, Trouble
from bench.bot.projects import ANSWER, Project
from bench.limits import percentile
from tests.live import three_free_ports

READY_WITHIN = 180.0
WARM_UP = 100
ALONE = 600
TURNS_OF_ONE = 5
SHOPPERS = 8
CROWDED_SECONDS = 10.0
LONG_TALKS = 1
LONG = 500


@dataclass(frozen=True)
class Measured:
    """Times in milliseconds, memory in bytes, `start` and `training` in seconds."""

    turns_per_second: float
    processor: float
    p50: float
    p99: float
    start: float
    memory: int
    training: float
    early: float
    late: float
    empty: float
    parse: float
    unanswered: int


class Bot:
    """A served bot and what came back empty from it."""

    def __init__(self, client: ClientSession, url: str, sentences: Iterator[str]) -> None:
        self._client = client
        self._url = url
        self._sentences = sentences
        self.unanswered = 0

    async def turn(self, conversation: str) -> float:
        """Milliseconds of one message and its answer."""
        body = {"sender": conversation, "message": next(self._sentences)}
        began = time.perf_counter()
        async with self._client.post(f"{self._url}/webhooks/rest/webhook", json=body) as response:
            response.raise_for_status()
            self.unanswered += all("reading" in message for message in await response.json())
        return 1000 * (time.perf_counter() - began)

    async def parse(self) -> float:
        """Milliseconds of understanding one message, HTTP included."""
        began = time.perf_counter()
        async with self._client.post(f"{self._url}/model/parse", json={"text": next(self._sentences)}) as it:
            await it.read()
        return 1000 * (time.perf_counter() - began)

    async def nothing(self) -> float:
        """Milliseconds of a request that its server answers with a constant."""
        began = time.perf_counter()
        async with self._client.get(f"{self._url}/") as response:
            await response.read()
        return 1000 * (time.perf_counter() - began)


async def measure(project: Project, folder: Path) -> Measured:
    """Everything there is to measure of a project; its trackers and log go into `folder`."""
    sentences = cycle(project.sentences()[::7])
    async with answering() as actions, ClientSession(connector=TCPConnector(limit=100)) as client:
        port = three_free_ports()
        environment = project.environment(actions, f"sqlite:///{folder / project.name}.db")
        log = folder / f"{project.name}.log"
        async with Supervisor(project.folder) as supervisor:
            began = time.perf_counter()
            await supervisor.start(Process("bot", project.serving(port), log, environment))
            url = f"http://{LOCAL}:{port}"
            await supervisor.during(ready(client, url))
            start = time.perf_counter() - began
            bot = Bot(client, url, sentences)
            pid = supervisor.running["bot"][1].pid
            await talks(bot, WARM_UP)
            alone = await talks(bot, ALONE)
            spent = processor_seconds(pid)
            turns, crowded = await crowd(bot)
            spent = processor_seconds(pid) - spent
            long = [[await bot.turn(name) for _ in range(LONG)] for name in map(str, range(LONG_TALKS))]
            parses = [await bot.parse() for _ in range(ALONE)]
            empty = [await bot.nothing() for _ in range(ALONE)]
            memory = resident(pid)
    return Measured(
        turns_per_second=turns / crowded,
        processor=1000 * spent / turns,
        p50=percentile(alone, 0.5),
        p99=percentile(alone, 0.99),
        start=start,
        memory=memory,
        training=project.training_seconds,
        early=percentile([took for talk in long for took in talk[:TURNS_OF_ONE]], 0.5),
        late=percentile([took for talk in long for took in talk[-TURNS_OF_ONE:]], 0.5),
        empty=percentile(empty, 0.5),
        parse=percentile(parses, 0.5),
        unanswered=bot.unanswered,
    )


async def talks(bot: Bot, turns: int) -> list[float]:
    """Turns one after the other, in conversations of `TURNS_OF_ONE`."""
    waits: list[float] = []
    while len(waits) < turns:
        conversation = str(uuid4())
        waits += [await bot.turn(conversation) for _ in range(TURNS_OF_ONE)]
    return waits


async def crowd(bot: Bot) -> tuple[int, float]:
    """How many turns `SHOPPERS` that talk at the same time had, and in how many seconds."""
    ends = time.perf_counter() + CROWDED_SECONDS

    async def shopper() -> int:
        turns = 0
        while time.perf_counter() < ends:
            turns += len(await talks(bot, TURNS_OF_ONE))
        return turns

    began = time.perf_counter()
    turns = sum(await asyncio.gather(*(shopper() for _ in range(SHOPPERS))))
    return turns, time.perf_counter() - began


async def ready(client: ClientSession, url: str) -> None:
    async with asyncio.timeout(READY_WITHIN):
        while True:
            with suppress(ClientError):
                async with client.get(f"{url}/status") as response:
                    if response.status == 200:
                        return
                    if response.status == 409:
                        raise Trouble("the bot cannot load its model")
            await asyncio.sleep(0.02)


def processor_seconds(pid: int) -> float:
    """What a process has had of the processors: unlike a wait, not touched by what else runs here."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return 1024 * int(done.stdout)


@asynccontextmanager
async def answering() -> AsyncIterator[str]:
    """The URL of an action server whose only action says one sentence."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"events": [], "responses": [{"text": ANSWER}]})

    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/webhook", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, LOCAL, 0)
    await site.start()
    try:
        yield f"http://{LOCAL}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
