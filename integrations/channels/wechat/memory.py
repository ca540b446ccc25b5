"""What the processes of the app remember together about WeChat: tokens, and what was seen already."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

log = structlog.get_logger()

EARLY = 300
"""Seconds before its end at which a token is renewed; the old and the new one both hold meanwhile."""
LOCKED_AT_MOST = 15
TIDY_EVERY = 60


@dataclass(frozen=True)
class Token:
    """`until` is Unix time."""

    value: str
    until: float

    @property
    def fresh(self) -> bool:
        return time.time() < self.until - EARLY


class Memory(Protocol):
    """Forgetting costs a call or lets a replayed request through to where repeats are known."""

    async def get(self, app_id: str) -> Token | None: ...

    async def put(self, app_id: str, token: Token) -> None: ...

    async def first(self, what: str, seconds: int) -> bool:
        """Whether nobody else asked for the same within so many seconds."""
        ...

    def lock(self, app_id: str) -> AbstractAsyncContextManager[None]:
        """Held by one process's task at a time."""
        ...

    async def close(self) -> None: ...


class LocalMemory:
    """In this process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._asked: dict[str, float] = {}
        self._tidy_at = 0.0
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, app_id: str) -> Token | None:
        return self._tokens.get(app_id)

    async def put(self, app_id: str, token: Token) -> None:
        self._tokens[app_id] = token

    async def first(self, what: str, seconds: int) -> bool:
        moment = time.monotonic()
        if moment > self._tidy_at:
            self._asked = {asked: until for asked, until in self._asked.items() if until > moment}
            self._tidy_at = moment + TIDY_EVERY
        if self._asked.get(what, 0) > moment:
            return False
        self._asked[what] = moment + seconds
        return True

    @asynccontextmanager
    async def lock(self, app_id: str) -> AsyncIterator[None]:
        async with self._locks[app_id]:
            yield

    async def close(self) -> None:
        return


class RedisMemory:
    """In Redis, for all processes; while it is away, in this one."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._local = redis, LocalMemory()

    async def get(self, app_id: str) -> Token | None:
        try:
            kept = await self._redis.get(f"xiaoer:wechat:token:{app_id}")
        except RedisError as error:
            log.warning("memory_away", error=str(error))
            return await self._local.get(app_id)
        return Token(*json.loads(kept)) if kept else None

    async def put(self, app_id: str, token: Token) -> None:
        await self._local.put(app_id, token)
        try:
            left = max(int(token.until - time.time()), 1)
            await self._redis.set(
                f"xiaoer:wechat:token:{app_id}", json.dumps([token.value, token.until]), ex=left
            )
        except RedisError as error:
            log.warning("memory_away", error=str(error))

    async def first(self, what: str, seconds: int) -> bool:
        try:
            return bool(await self._redis.set(f"xiaoer:wechat:first:{what}", 1, nx=True, ex=seconds))
        except RedisError as error:
            log.warning("memory_away", error=str(error))
            return await self._local.first(what, seconds)

    @asynccontextmanager
    async def lock(self, app_id: str) -> AsyncIterator[None]:
        """Not held longer than 15 seconds, nor waited for: then two ask, which does no harm."""
        lock = self._redis.lock(
            f"xiaoer:wechat:lock:{app_id}", timeout=LOCKED_AT_MOST, blocking_timeout=LOCKED_AT_MOST
        )
        async with self._local.lock(app_id):
            held = False
            try:
                held = await lock.acquire()
            except RedisError as error:
                log.warning("memory_away", error=str(error))
            try:
                yield
            finally:
                if held:
                    try:
                        await lock.release()
                    except (LockError, RedisError) as error:
                        log.warning("lock_lost", error=str(error))

    async def close(self) -> None:
        await self._redis.aclose()


def open_memory(redis_url: str) -> Memory:
    """The memory that a URL chooses; empty: this process only."""
    return RedisMemory(Redis.from_url(redis_url, socket_connect_timeout=2)) if redis_url else LocalMemory()
