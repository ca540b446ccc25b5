"""Work in the background, and what of it is done again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

log = structlog.get_logger()
Item = TypeVar("Item")


async def again(work: Callable[[], Awaitable[object]], seconds: float, failed: str) -> None:
    """Do it now and whenever so many seconds have passed since, until cancelled.

    An error is logged as `failed` and ends that round only.
    """
    while True:
        try:
            await work()
        except Exception as error:
            log.error(failed, error=repr(error))
        await asyncio.sleep(seconds)


async def each_of(items: Iterable[Item], work: Callable[[Item], Awaitable[int | None]], failed: str) -> int:
    """Work on one after the other; the sum of what came out.

    An error is logged as `failed` and ends that item only: one that cannot be done stops no others.
    """
    total = 0
    for item in items:
        try:
            total += await work(item) or 0
        except Exception as error:
            log.error(failed, item=repr(item), error=repr(error))
    return total


@asynccontextmanager
async def background(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines beside the block and end them with it."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
