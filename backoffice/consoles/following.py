"""A page that is drawn anew whenever something happens to what it shows."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

from nicegui import background_tasks, ui

from backoffice.consoles.visit import Visit

FALLBACK_SECONDS = 5.0
QUIET_SECONDS = 0.25


def follow(visit: Visit, topics: Collection[str], refresh: Callable[[], Awaitable[None]]) -> None:
    """Call `refresh` after news on these topics, and now and then without, until the page is closed."""
    news = asyncio.Event()

    def hear(topic: str, key: str, payload: dict[str, Any]) -> None:
        if topic in topics:
            news.set()

    async def run() -> None:
        guarded = visit.guarded(refresh)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FALLBACK_SECONDS):
                    await news.wait()
            news.clear()
            await guarded()
            await asyncio.sleep(QUIET_SECONDS)

    client = ui.context.client
    leave = visit.live.listen(hear)
    running = background_tasks.create(run(), name="following", context=client.layout)

    def end() -> None:
        leave()
        running.cancel()

    client.on_delete(end)
