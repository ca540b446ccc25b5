"""The access token of each account: one for all processes, fetched by one of them, and never in a loop.

Tencent's stable token is the same however often it is asked for: a race costs a call and breaks nothing.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

log = structlog.get_logger()

EARLY = 300
"""Seconds before its end at which a token is renewed; the old and the new one both hold meanwhile."""
FORCED_AT_MOST_EVERY = 30
LOCKED_AT_MOST = 15


@dataclass(frozen=True)
class Token:
    """`until` is Unix time."""

    value: str
    until: float

    @property
    def fresh(self) -> bool:
        return time.time() < self.until - EARLY


Fetch = Callable[[bool], Awaitable[Token]]
"""Asks Tencent for an account's token; True makes it give out another one. Raises what the call raises."""


class TokenStore(Protocol):
    """Where processes share tokens; one that forgets costs a call."""

    async def get(self, app_id: str) -> Token | None: ...

    async def put(self, app_id: str, token: Token) -> None: ...

    async def first(self, what: str, seconds: int) -> bool:
        """Whether nobody else asked for the same within so many seconds."""
        ...

    def lock(self, app_id: str) -> AbstractAsyncContextManager[None]:
        """Held by one process's task at a time."""
        ...


class LocalTokens:
    """In this process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._asked: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, app_id: str) -> Token | None:
        return self._tokens.get(app_id)

    async def put(self, app_id: str, token: Token) -> None:
        self._tokens[app_id] = token

    async def first(self, what: str, seconds: int) -> bool:
        moment = time.monotonic()
        self._asked = {asked: until for asked, until in self._asked.items() if until > moment}
        return self._asked.setdefault(what, moment + seconds) == moment + seconds

    @asynccontextmanager
    async def lock(self, app_id: str) -> AsyncIterator[None]:
        async with self._locks[app_id]:
            yield


class RedisTokens:
    """In Redis, for all processes; while it is away, in this one."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._local = redis, LocalTokens()

    async def get(self, app_id: str) -> Token | None:
        try:
            kept = await self._redis.get(f"xiaoer:wechat:token:{app_id}")
        except RedisError as error:
            log.warning("tokens_away", error=str(error))
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
            log.warning("tokens_away", error=str(error))

    async def first(self, what: str, seconds: int) -> bool:
        try:
            return bool(await self._redis.set(f"xiaoer:wechat:first:{what}", 1, nx=True, ex=seconds))
        except RedisError as error:
            log.warning("tokens_away", error=str(error))
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
                log.warning("tokens_away", error=str(error))
            try:
                yield
            finally:
                if held:
                    try:
                        await lock.release()
                    except (LockError, RedisError) as error:
                        log.warning("token_lock_lost", error=str(error))


class TokenKeeper:
    """The present token of one account."""

    def __init__(self, app_id: str, store: TokenStore, fetch: Fetch) -> None:
        self._app_id, self._store, self._fetch = app_id, store, fetch

    async def get(self) -> str:
        token = await self._store.get(self._app_id)
        return token.value if token and token.fresh else await self.renewed("")

    async def renewed(self, refused: str) -> str:
        """A token other than the refused one if there is one: somebody else's, the present one, or, at most
        once in 30 seconds, one that Tencent is made to give out.
        """
        async with self._store.lock(self._app_id):
            kept = await self._store.get(self._app_id)
            if kept and kept.fresh and kept.value != refused:
                return kept.value
            token = await self._fetch(False)
            if token.value == refused and await self._may_force():
                token = await self._fetch(True)
            await self._store.put(self._app_id, token)
            return token.value

    async def _may_force(self) -> bool:
        return await self._store.first(f"force:{self._app_id}", FORCED_AT_MOST_EVERY)
