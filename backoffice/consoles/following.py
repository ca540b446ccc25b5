"""A page that is drawn anew whenever something happens to what it shows."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

import structlog
from nicegui import background_tasks, ui

from backoffice.consoles.visit import Visit

log = structlog.get_logger()

FALLBACK_SECONDS = 5.0
QUIET_SECONDS = 0.25


async def attempt(handler: Callable[[], Awaitable[object]]) -> None:
    """Now; what fails is tried again with the next news."""
    try:
        await handler()
    except Exception as error:
        log.error("page_failed", error=repr(error))


def follow(
    visit: Visit,
    topics: Collection[str],
    refresh: Callable[[], Awaitable[None]],
    concerns: Callable[[str], bool] = lambda key: True,
    quiet: float = QUIET_SECONDS,
) -> None:
    """Call `refresh` after news on these topics, and now and then without, until the page is closed.

    `concerns` says of a key whether its news matter; `quiet` are the seconds between two calls at least.
    """
    news = asyncio.Event()

    def hear(topic: str, key: str, payload: dict[str, Any]) -> None:
        if topic in topics and concerns(key):
            news.set()

    async def run() -> None:
        guarded = visit.guarded(refresh)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FALLBACK_SECONDS):
                    await news.wait()
            news.clear()
            await attempt(guarded)
            await asyncio.sleep(quiet)

    client = ui.context.client
    leave = visit.live.listen(hear)
    running = background_tasks.create(run(), name="following", context=client.layout)

    def end() -> None:
        leave()
        running.cancel()

    client.on_delete(end)


def every(visit: Visit, seconds: float, handler: Callable[[], Awaitable[None]]) -> None:
    """Call `handler` as soon as a browser shows the page, and again as long as it does.

    A timer of NiceGUI's would have the page sent before its content is drawn.
    """
    client, connected = ui.context.client, asyncio.Event()

    async def run() -> None:
        guarded = visit.guarded(handler)
        while True:
            await connected.wait()
            if client.has_socket_connection:
                await attempt(guarded)
                await asyncio.sleep(seconds)
            else:
                connected.clear()

    running = background_tasks.create(run(), name="beating", context=client.layout)
    client.on_connect(connected.set)
    client.on_delete(lambda: running.cancel())
