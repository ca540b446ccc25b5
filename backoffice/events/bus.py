"""Signals to every process of the app, here and elsewhere: "look again". One may be lost, truth is in SQL."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backoffice.events.service import Listener, on_publish

log = structlog.get_logger()

CHANNEL = "xiaoer:events"
RETRY_SECONDS = 1.0
LONGEST_QUEUE = 10_000


class Bus(Protocol):
    """Calls every listener, in every process, with what is published or signalled."""

    def listen(self, listener: Listener) -> None: ...

    def signal(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        """Tell something that nobody needs to hear later; returns at once."""
        ...

    async def run(self) -> None:
        """Carry what is published in this process, until cancelled."""
        ...


class LocalBus:
    """One process: signalling is calling."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def signal(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener(topic, key, payload)

    async def run(self) -> None:
        forget = on_publish(self.signal)
        try:
            await asyncio.Event().wait()
        finally:
            forget()


class RedisBus(LocalBus):
    """Several processes: Redis publish/subscribe. While Redis is away, listeners here are still called."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = Redis.from_url(url, socket_connect_timeout=2)
        self._origin = uuid4().hex
        self._leaving: asyncio.Queue[str] = asyncio.Queue(LONGEST_QUEUE)
        self.connected = asyncio.Event()

    def signal(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        super().signal(topic, key, payload)
        if self.connected.is_set():
            with suppress(asyncio.QueueFull):
                self._leaving.put_nowait(json.dumps([self._origin, topic, key, payload]))

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(super().run())
                group.create_task(self._keep(self._send))
                group.create_task(self._keep(self._receive))
        finally:
            await self._redis.aclose()

    async def _keep(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (RedisError, OSError) as error:
                self.connected.clear()
                log.warning("bus_away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _send(self) -> None:
        while True:
            await self._redis.publish(CHANNEL, await self._leaving.get())

    async def _receive(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(CHANNEL)
            self.connected.set()
            async for received in pubsub.listen():
                origin, topic, key, payload = json.loads(received["data"])
                if origin != self._origin:
                    super().signal(topic, key, payload)


def open_bus(redis_url: str) -> Bus:
    """The bus that a URL chooses; empty: this process only."""
    return RedisBus(redis_url) if redis_url else LocalBus()
