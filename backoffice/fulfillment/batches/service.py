"""Many waiting orders planned together. Nothing is promised or counted by it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from threading import Event

from backoffice.fulfillment.batches.batching import Stage
from backoffice.fulfillment.batches.deciding import Kind, Surroundings, settle
from backoffice.fulfillment.batches.schemas import NewBatch, News, Progress
from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Destination, PlanRequest
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import TooMany
from backoffice.kit.time import now


class Stopped(Exception):
    """Nobody waits for the plan any more."""


async def gather(
    session: ReadSession, orders: Sequence[PlanRequest], moment: datetime | None = None
) -> Surroundings:
    """All that is read for planning these orders at a moment, now if None."""
    moment = moment or now()
    places: dict[tuple[str, str], Destination] = {}
    located: list[PlanRequest] = []
    for wanted in orders:
        to = wanted.destination
        if to.point is None:
            if (to.province, to.city) not in places:
                places[to.province, to.city] = (await planning.located(session, wanted)).destination
            wanted = wanted.model_copy(update={"destination": places[to.province, to.city]})
        located.append(wanted)
    wanted_skus: dict[Kind, set[int]] = {}
    for wanted in located:
        skus = {line.sku_id for line in wanted.lines}
        wanted_skus.setdefault((wanted.promise, wanted.channel), set()).update(skus)
    kinds = {
        (promise, channel): await planning.surroundings(session, promise, skus, channel, moment)
        for (promise, channel), skus in sorted(wanted_skus.items())
    }
    return Surroundings(located, kinds, moment)


class Batches:
    """Plans batches in a thread, one at a time: a second one would only slow down both."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._busy = False

    async def run(self, asked: NewBatch) -> AsyncGenerator[News]:
        """How far it is, and last the plan. When nobody listens any more it stops.

        Raises `TooMany` (`batch_running`) before the first news.
        """
        if self._busy:
            raise TooMany("batch_running", "another batch is being planned")
        self._busy = True
        try:
            async with aclosing(self._news(asked)) as news:
                async for each in news:
                    yield each
        finally:
            self._busy = False

    async def _news(self, asked: NewBatch) -> AsyncGenerator[News]:
        async with self._database.read() as session:
            around = await gather(session, asked.orders)
        yield News(progress=Progress(stage="reading", share=0))
        loop, heard, stopped = asyncio.get_running_loop(), asyncio.Queue[News | None](), Event()

        def told(stage: Stage, share: float) -> None:
            if stopped.is_set():
                raise Stopped
            news = News(progress=Progress(stage=stage, share=round(share, 3)))
            loop.call_soon_threadsafe(heard.put_nowait, news)

        work = asyncio.create_task(asyncio.to_thread(settle, around, asked.seconds, told))
        work.add_done_callback(lambda _: heard.put_nowait(None))
        try:
            while news := await heard.get():
                yield news
            yield News(plan=await work)
        finally:
            stopped.set()
            await asyncio.gather(work, return_exceptions=True)
