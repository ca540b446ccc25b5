"""Sends on what was published to the consumers of its topic, at least once and in order for each key."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from backoffice.events import repository
from backoffice.events.schemas import Event
from backoffice.events.service import on_publish
from backoffice.kit.database import Database
from backoffice.kit.time import now

log = structlog.get_logger()

Consumer = Callable[[Event], Awaitable[None]]
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.25
LEASE = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=1)
BATCH = 100
KEPT = timedelta(days=7)
TIDY_SECONDS = 60.0


class Relay:
    """Any number of relays share one outbox. A consumer gets an event again when it raised, so it must be
    idempotent by event id; until it succeeds the later events of that key wait, those of others go on.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._consumers: defaultdict[str, list[Consumer]] = defaultdict(list)
        self._news = asyncio.Event()

    def subscribe(self, topic: str, consumer: Consumer) -> None:
        self._consumers[topic].append(consumer)

    def wake(self) -> None:
        """Look soon: something was published, here or elsewhere."""
        self._news.set()

    async def run(self) -> None:
        """Relay until cancelled, soon after a commit of this process that published, else every second.

        In between, what was sent long ago is removed: a batch a minute, or each time while there is more.
        """
        tidy_at = time.monotonic()
        forget = on_publish(lambda *_: self.wake())
        try:
            while True:
                try:
                    while await self.pass_on() == BATCH:
                        pass
                    if time.monotonic() >= tidy_at and await self.tidy() < BATCH:
                        tidy_at = time.monotonic() + TIDY_SECONDS
                except Exception as error:
                    log.error("relay_failed", error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._news.wait()
                    await asyncio.sleep(GATHER_SECONDS)
                self._news.clear()
        finally:
            forget()

    async def pass_on(self) -> int:
        """Send on what is due, a batch at most; how many events were taken up."""
        async with self._database.write() as session:
            events = await repository.claim(session, now(), LEASE, BATCH)
        if not events:
            return 0
        by_key: defaultdict[str, list[Event]] = defaultdict(list)
        for event in events:
            by_key[event.key].append(event)
        outcomes = await asyncio.gather(*map(self._hand_over, by_key.values()))
        async with self._database.write() as session:
            await repository.mark_sent(session, [event.id for sent, _ in outcomes for event in sent], now())
            for _, left in outcomes:
                if left:
                    wait = min(timedelta(seconds=2 ** left[0].attempts), LONGEST_WAIT)
                    await repository.put_off(session, [event.id for event in left], now() + wait)
        return len(events)

    async def tidy(self) -> int:
        """Remove events that were sent more than `KEPT` ago, a batch at most; how many were removed."""
        async with self._database.write() as session:
            return await repository.remove_sent(session, now() - KEPT, BATCH)

    async def _hand_over(self, events: list[Event]) -> tuple[list[Event], list[Event]]:
        """The events of one key that were taken, and those left from the first that was not."""
        for place, event in enumerate(events):
            try:
                for consumer in self._consumers[event.topic]:
                    await consumer(event)
            except Exception as error:
                log.error("event_not_taken", topic=event.topic, key=event.key, id=event.id, error=repr(error))
                return events[:place], events[place:]
        return events, []
