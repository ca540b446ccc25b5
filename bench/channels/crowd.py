"""`make bench-crowd`: 500 web shoppers connected to one app at once, each saying something now and then."""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
from rich.console import Console

from backoffice.client import Conversation
from bench.channels.processes import ShopUnderTest
from bench.chat import Chat, chat
from bench.limits import Figure, percentile, report
from bench.memory import memory

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
OPENING_AT_ONCE = 20
WARM_UP = 30
P95_MS = 50
ROUND_TRIPS = 200


async def main(shoppers: int, seconds: float, rate: float) -> int:
    """p95 of a turn without the bot's share, and the memory of an idle connection."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as folder:
        async with ShopUnderTest(Path(folder), POSTGRES, "", "[]", apps=1) as shop:
            app = shop.apps[0]
            async with httpx.AsyncClient(base_url=app.url, trust_env=False) as http:
                opened = [await opened_conversation(http) for _ in range(shoppers)]
                before = memory(app.pid)
                console.print(f"{shoppers} shoppers, {rate:g} turns a second for {seconds:g} s")
                async with Crowd(app.url, opened) as crowd:
                    await asyncio.sleep(2)
                    held = memory(app.pid) - before
                    waits = await crowd.talk(seconds, rate)
                    empty = await round_trips(http)
            bots = await bot_share(shop)
    shares = [wait - percentile(bots, 0.5) for wait in waits]
    return report(
        [
            Figure("turns", len(waits), ""),
            Figure("turn as the shopper sees it, p95", percentile(waits, 0.95), "ms"),
            Figure("the bot's share of it, p50", percentile(bots, 0.5), "ms"),
            Figure("the app's own share, p50", percentile(shares, 0.5), "ms"),
            Figure("the app's own share, p95", percentile(shares, 0.95), "ms", P95_MS),
            Figure("an empty answer of the same app, p50", percentile(empty, 0.5), "ms"),
            Figure("memory of an idle connection", held / shoppers / 1e3, "kB"),
        ]
    )


async def opened_conversation(http: httpx.AsyncClient) -> Conversation:
    answer = (await http.post("/chat/conversations", json={"channel": "web"})).raise_for_status().json()
    return Conversation(answer["conversation"], answer["token"])


class Crowd:
    """Every shopper's window, open at once."""

    def __init__(self, url: str, opened: list[Conversation]) -> None:
        self._url, self._opened = url, opened
        self._doors: list[Chat] = []
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Crowd":
        gate = asyncio.Semaphore(OPENING_AT_ONCE)

        async def hold(conversation: Conversation, ready: asyncio.Event) -> None:
            async with gate:
                door = chat(self._url, conversation)
                self._doors.append(await door.__aenter__())
                ready.set()
            await self._closing.wait()
            await door.__aexit__(None, None, None)

        readies = [asyncio.Event() for _ in self._opened]
        pairs = zip(self._opened, readies, strict=True)
        self._tasks = [asyncio.create_task(hold(each, ready)) for each, ready in pairs]
        await asyncio.gather(*(ready.wait() for ready in readies))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await asyncio.gather(*self._tasks)

    async def talk(self, seconds: float, rate: float) -> list[float]:
        """Milliseconds of each turn; they begin at random times, `rate` a second over all shoppers."""
        chance = random.Random(1)
        until = time.monotonic() + seconds
        idle = list(self._doors)
        turns: list[asyncio.Task[float]] = []

        async def turn(door: Chat) -> float:
            known = len(door.frames)
            began = time.perf_counter()
            await door.say(uuid4().hex, f"q-{len(turns)}")
            await door.until(lambda frames: any(answered(frame) for frame in frames[known:]))
            waited = 1000 * (time.perf_counter() - began)
            idle.append(door)
            return waited

        while time.monotonic() < until:
            if idle:
                turns.append(asyncio.create_task(turn(idle.pop(chance.randrange(len(idle))))))
            await asyncio.sleep(chance.expovariate(rate))
        return (await asyncio.gather(*turns))[WARM_UP:]


def answered(frame: dict[str, object]) -> bool:
    event = frame.get("event")
    return frame["type"] == "event" and isinstance(event, dict) and event["from"] == "bot"


async def round_trips(http: httpx.AsyncClient) -> list[float]:
    """Milliseconds of the smallest answer of this app: what no turn can be faster than."""
    waits = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        await http.get("/nothing")
        waits.append(1000 * (time.perf_counter() - began))
    return waits


async def bot_share(shop: ShopUnderTest) -> list[float]:
    """Milliseconds that the bot takes by itself."""
    said = {"sender": "me", "message": "q-1", "metadata": {"turn": ""}}
    waits = []
    async with httpx.AsyncClient(base_url=shop.settings.bot_url, trust_env=False) as bot:
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            await bot.post("/webhooks/rest/webhook", json=said)
            waits.append(1000 * (time.perf_counter() - began))
    return waits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shoppers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=20, help="turns a second over all shoppers")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.shoppers, asked.seconds, asked.rate)))
