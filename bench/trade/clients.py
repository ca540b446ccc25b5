"""Clients that order one quote after the other, in the shop's process or over HTTP."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import uvloop

from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.trade.checkout import placing
from backoffice.trade.checkout.schemas import Placed
from backoffice.users.identity import Credentials, Errand, Shopper
from bench.limits import percentile
from bench.trade.shop import customer_of, quote_id

WARM_SECONDS = 2.0
PAY_WITHIN = timedelta(minutes=30)
Order = Callable[[int], Awaitable[str]]
"""Orders a quote: the order's number, or a word for what went wrong."""


@dataclass
class Outcome:
    """Numbers of orders whose answer came, with the time and the milliseconds each took; what went wrong."""

    answered: list[str] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    began: float = 0.0

    def add(self, other: "Outcome") -> None:
        for name in ("answered", "ended", "waits", "wrong"):
            getattr(self, name).extend(getattr(other, name))
        self.began = max(self.began, other.began)

    @property
    def measured(self) -> list[float]:
        """Milliseconds of the orders after the warm-up."""
        pairs = zip(self.ended, self.waits, strict=True)
        return [wait for at, wait in pairs if at > self.began + WARM_SECONDS]

    @property
    def rate(self) -> float:
        """Orders per second after the warm-up."""
        took = max(self.ended, default=0) - self.began - WARM_SECONDS
        return len(self.measured) / took if took > 0 else 0

    def wait(self, share: float) -> float:
        return percentile(self.measured or [0], share)


async def rush(order: Order, quotes: Sequence[int], clients: int, seconds: float) -> Outcome:
    """Order with so many clients at once until the time or the quotes are over."""
    outcome, left = Outcome(began=time.time()), iter(quotes)
    until = outcome.began + WARM_SECONDS + seconds

    async def client() -> None:
        for quote in left:
            began = time.time()
            if began >= until:
                break
            number = await order(quote)
            ended = time.time()
            if not number.isdigit():
                outcome.wrong.append(number)
                continue
            outcome.answered.append(number)
            outcome.ended.append(ended)
            outcome.waits.append(1000 * (ended - began))

    await asyncio.gather(*(client() for _ in range(clients)))
    return outcome


def by_service(database: Database) -> Order:
    async def order(quote: int) -> str:
        shopper, id = Shopper(customer_of(quote)), quote_id(quote)
        errand = Errand(database, shopper, id, id)
        placed = await errand.once(Placed, lambda session: placing.place(session, shopper, id, PAY_WITHIN))
        return placed.number

    return order


def wait_for_all(barrier: Barrier) -> None:
    barrier.wait()


def process(url: str, quotes: Sequence[int], clients: int, seconds: float) -> Outcome:
    async def run() -> Outcome:
        database = Database(url, pool_size=clients)
        try:
            return await rush(by_service(database), quotes, clients, seconds)
        finally:
            await database.close()

    return uvloop.run(run())


async def in_process(url: str, quotes: range, clients: int, seconds: float, processes: int) -> Outcome:
    """The service itself, in so many processes that share the clients."""
    loop, spawn = asyncio.get_running_loop(), get_context("spawn")
    barrier = spawn.Barrier(processes)
    outcome = Outcome()
    with ProcessPoolExecutor(processes, spawn, initializer=wait_for_all, initargs=(barrier,)) as pool:
        shares = [quotes[place::processes] for place in range(processes)]
        work = [
            loop.run_in_executor(pool, process, url, share, clients // processes, seconds) for share in shares
        ]
        for part in await asyncio.gather(*work):
            outcome.add(part)
    return outcome


class Door:
    """One connection to an app, kept open: the least a client can cost the machine that measures."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._place.hostname, self._place.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    async def post(self, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        head = f"POST {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}Content-Type: application/json\r\n{headers}\r\n".encode() + body)
        status, *fields = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        length = next(each for each in fields if each.lower().startswith(b"content-length:"))
        return int(status.split()[1]), await self._reader.readexactly(int(length.split(b":")[1]))


async def over_http(
    urls: Sequence[str], settings: Settings, quotes: range, clients: int, seconds: float
) -> Outcome:
    """`POST /api/orders` to these apps, whose clients share them evenly."""
    credentials = Credentials(settings)
    tokens = {customer_of(quote): "" for quote in quotes[:4000]}
    tokens = {customer: credentials.sign_session(customer) for customer in tokens}
    async with AsyncExitStack() as closing:
        doors = [await closing.enter_async_context(Door(urls[place % len(urls)])) for place in range(clients)]
        idle = list(doors)

        async def order(quote: int) -> str:
            door, id = idle.pop(), quote_id(quote)
            headers = f"Authorization: Bearer {tokens[customer_of(quote)]}\r\nIdempotency-Key: {id}\r\n"
            status, body = await door.post("/api/orders", headers, b'{"quote_id": "%s"}' % id.encode())
            idle.append(door)
            answer = json.loads(body)
            return str(answer["number"] if status == 201 else answer.get("code") or f"status {status}")

        return await rush(order, quotes, clients, seconds)
