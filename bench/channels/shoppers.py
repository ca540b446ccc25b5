"""Shoppers of three channels, who say things by name, repeat themselves, lose their connection and go on."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from backoffice.kit.messages import message
from bench.channels.processes import ShopUnderTest
from integrations.channels.wechat.simulator.tencent import Tencent

KINDS = "q" * 88 + "w" * 8 + "s" * 2 + "h" * 2
PATIENCE = 120.0
ACK_WITHIN = 3.0
PAUSE = 0.3
DROPS = 0.04
REPEATS = 0.15
BURSTS = 0.2
NAMES = itertools.count(1)
HANDED_OVER = message("conversations", "handoff.first")[:5]

Lost = (OSError, WebSocketException, httpx.HTTPError, TimeoutError, EOFError)


@dataclass
class Record:
    """One shopper: what they said and when, what they saw, in order, and how long each answer took."""

    channel: str
    conversation: str = ""
    said: dict[str, float] = field(default_factory=dict)
    seen: list[tuple[int, str, str]] = field(default_factory=list)
    waits: dict[str, float] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)

    def see(self, event: int, author: str, text: str) -> None:
        self.seen.append((event, author, text))
        for name in self.said:
            if author == "bot" and name in text.split() and name not in self.waits:
                self.waits[name] = time.monotonic() - self.said[name]

    @property
    def handed_over(self) -> bool:
        return any(author == "system" for _, author, _ in self.seen)

    def satisfied(self, names: list[str]) -> bool:
        return self.handed_over or all(name in self.waits for name in names)


class Turns:
    """How many are left to be said; names for them."""

    def __init__(self, count: int) -> None:
        self.left = count

    def take(self, chance: random.Random) -> list[str]:
        """The names of the next message or burst; none when all is said."""
        size = min(self.left, 1 if chance.random() > BURSTS else chance.randint(2, 3))
        self.left -= size
        return [f"{chance.choice(KINDS)}-{next(NAMES)}" for _ in range(size)]


class WebShopper:
    """A browser window that resumes from the last event it saw, on whichever app it reaches."""

    def __init__(self, shop: ShopUnderTest, http: httpx.AsyncClient, chance: random.Random) -> None:
        self.record = Record("web")
        self._shop, self._http, self._chance = shop, http, chance
        self._news = asyncio.Condition()
        self._acked: set[str] = set()
        self._socket: Any = None

    async def shop(self, turns: Turns, messages: int) -> Record:
        opened = await opened_conversation(self._shop, self._http, "web")
        self.record.conversation = opened["conversation"]
        following = asyncio.create_task(self._follow(opened["token"]))
        try:
            while messages > 0 and not self.record.handed_over and (names := turns.take(self._chance)):
                messages -= len(names)
                await asyncio.gather(*(self._say(name) for name in names))
                await self._until(lambda names=names: self.record.satisfied(names))
                await asyncio.sleep(self._chance.random() * PAUSE)
            if self.record.handed_over:
                await self._say(f"q-{next(NAMES)}")
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        return self.record

    async def _until(self, done: Any) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(done)

    async def _say(self, name: str) -> None:
        self.record.said[name] = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while name not in self._acked:
                with suppress(*Lost, AttributeError):
                    copies = 2 if self._chance.random() < REPEATS else 1
                    self.record.counted["messages repeated"] += copies - 1
                    for _ in range(copies):
                        await self._socket.send(json.dumps({"type": "message", "id": name, "text": name}))
                with suppress(TimeoutError):
                    async with asyncio.timeout(ACK_WITHIN), self._news:
                        await self._news.wait_for(lambda: name in self._acked)

    async def _follow(self, token: str) -> None:
        while True:
            with suppress(*Lost):
                url = self._shop.any_url().replace("http", "ws", 1)
                async with connect(f"{url}/chat/ws", proxy=None, open_timeout=10) as self._socket:
                    after = self.record.seen[-1][0] if self.record.seen else 0
                    hello = {"type": "hello", "token": token, "after": after}
                    await self._socket.send(json.dumps(hello))
                    async for text in self._socket:
                        await self._take(json.loads(text))
                        if self._chance.random() < DROPS:
                            self.record.counted["connections dropped"] += 1
                            self._socket.transport.abort()
            await asyncio.sleep(0.05)

    async def _take(self, frame: dict[str, Any]) -> None:
        async with self._news:
            if frame["type"] == "ack":
                self._acked.add(frame["id"])
            if frame["type"] == "event":
                event = frame["event"]
                self.record.see(event["id"], event["from"], event["text"])
            self._news.notify_all()


class AppShopper:
    """A phone app that posts messages and follows the stream of server-sent events."""

    def __init__(self, shop: ShopUnderTest, http: httpx.AsyncClient, chance: random.Random) -> None:
        self.record = Record("app")
        self._shop, self._http, self._chance = shop, http, chance
        self._news = asyncio.Condition()
        self._path = ""
        self._headers: dict[str, str] = {}

    async def shop(self, turns: Turns, messages: int) -> Record:
        opened = await opened_conversation(self._shop, self._http, "app")
        self.record.conversation = opened["conversation"]
        self._path = f"/chat/conversations/{opened['conversation']}"
        self._headers = {"Authorization": f"Bearer {opened['token']}"}
        following = asyncio.create_task(self._follow())
        try:
            while messages > 0 and not self.record.handed_over and (names := turns.take(self._chance)):
                messages -= len(names)
                await asyncio.gather(*(self._say(name) for name in names))
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE), self._news:
                        await self._news.wait_for(lambda names=names: self.record.satisfied(names))
                await asyncio.sleep(self._chance.random() * PAUSE)
            if self.record.handed_over:
                await self._say(f"q-{next(NAMES)}")
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        return self.record

    async def _say(self, name: str) -> None:
        self.record.said[name] = time.monotonic()
        repeat = self._chance.random() < REPEATS
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(*Lost):
                    url = f"{self._shop.any_url()}{self._path}/messages"
                    posted = await self._http.post(
                        url, json={"id": name, "text": name}, headers=self._headers
                    )
                    if posted.status_code == 202 and not repeat:
                        return
                    self.record.counted["messages repeated"] += repeat
                    repeat = False
                await asyncio.sleep(0.1)

    async def _follow(self) -> None:
        while True:
            with suppress(*Lost):
                after = self.record.seen[-1][0] if self.record.seen else 0
                headers = self._headers | {"Last-Event-ID": str(after)}
                url = f"{self._shop.any_url()}{self._path}/stream"
                async with self._http.stream("GET", url, headers=headers, timeout=30) as stream:
                    stream.raise_for_status()
                    async for line in stream.aiter_lines():
                        if not line.startswith("data:"):
                            continue
                        event = json.loads(line[5:])
                        if "id" not in event or "from" not in event:
                            continue
                        async with self._news:
                            self.record.see(event["id"], event["from"], event["text"])
                            self._news.notify_all()
                        if self._chance.random() < DROPS:
                            self.record.counted["connections dropped"] += 1
                            break
            await asyncio.sleep(0.05)


class WeChatShopper:
    """A phone whose messages Tencent carries, repeats when unanswered, and shows what comes back."""

    def __init__(self, tencent: Tencent, chance: random.Random) -> None:
        self.record = Record("wechat")
        self._tencent, self._chance = tencent, chance
        self._phone = tencent.phone(f"o{chance.getrandbits(64):016x}")
        self._noted = 0

    @property
    def openid(self) -> str:
        return self._phone.openid

    async def shop(self, turns: Turns, messages: int) -> Record:
        self.record.conversation = f"{self._phone.account.app_id}:{self.openid}"
        while messages > 0 and not self.record.handed_over and (names := turns.take(self._chance)):
            messages -= len(names)
            await asyncio.gather(*(self._say(name) for name in names))
            with suppress(TimeoutError):
                await self._phone.until(lambda _, names=names: self._note(names), PATIENCE)
            await asyncio.sleep(self._chance.random() * PAUSE)
        if self.record.handed_over:
            await self._say(f"q-{next(NAMES)}")
            self._note([])
        return self.record

    async def _say(self, name: str) -> None:
        self.record.said[name] = time.monotonic()
        exchange = await self._phone.say(name)
        self.record.counted["messages repeated"] += len(exchange.attempts) - 1
        if all(attempt != 200 for attempt in exchange.attempts):
            self.record.counted["never taken by the shop"] += 1

    def _note(self, names: list[str]) -> bool:
        for seen in self._phone.seen[self._noted :]:
            if seen.how != "broken":
                for line in seen.text.split("\n"):
                    author = "system" if HANDED_OVER in line else "bot"
                    self.record.see(len(self.record.seen) + 1, author, line)
        self._noted = len(self._phone.seen)
        return self.record.satisfied(names)


async def opened_conversation(shop: ShopUnderTest, http: httpx.AsyncClient, channel: str) -> dict[str, str]:
    while True:
        with suppress(*Lost):
            answer = await http.post(f"{shop.any_url()}/chat/conversations", json={"channel": channel})
            if answer.status_code == 201:
                opened: dict[str, str] = answer.json()
                return opened
        await asyncio.sleep(0.1)
