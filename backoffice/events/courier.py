"""Brings events to webhooks: notes who is to be told what, and posts it until it is taken or a day old."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import SystemRandom
from typing import Any

import structlog

from backoffice.events import webhook_repository as repository
from backoffice.events import webhooks
from backoffice.events.bus import Bus
from backoffice.events.domain import backoff, signature
from backoffice.events.models import Webhook
from backoffice.events.ports import Post, Unreachable
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event, Notice
from backoffice.events.webhook_repository import Parcel
from backoffice.events.webhooks import Secrets
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.time import now

log = structlog.get_logger()

Render = Callable[[ReadSession, Event], Awaitable[Sequence[Notice]]]
LEASE = timedelta(seconds=30)
POLL_SECONDS = 1.0
KNOWN_FOR_SECONDS = 10.0
AT_ONCE, AT_ONCE_EACH = 32, 8
KEPT = timedelta(days=30)
TIDY_SECONDS = 60.0
BATCH = 1000


class Courier:
    """Any number of processes may run one. What is posted has the same id each time; what happened to one
    thing (`key`) is posted in order, and the next not before the one before was taken or given up.
    """

    def __init__(self, database: Database, bus: Bus, secrets: Secrets, post: Post) -> None:
        self._database, self._secrets, self._post = database, secrets, post
        self._news = asyncio.Event()
        self._busy: dict[asyncio.Task[None], str] = {}
        self._known: Sequence[Webhook] = ()
        self._known_until, self._changes = 0.0, 0
        self._random = SystemRandom()
        self.topics: set[str] = set()
        bus.listen(self._signal)

    def subscribe(self, relay: Relay, topic: str, told: Collection[str], render: Render) -> None:
        """Tell webhooks what is published on `topic`, as `render` puts it: notices of the topics `told`."""
        self.topics.update(told)
        relay.subscribe(topic, partial(self.note, frozenset(told), render))

    async def note(self, told: frozenset[str], render: Render, event: Event) -> None:
        """Queue what an event is to the outside for every webhook that wants it."""
        if not any(each.active and told.intersection(each.topics) for each in await self._webhooks()):
            return
        async with self._database.write() as session:
            active = [each for each in await repository.webhooks(session) if each.active]
            notices = await render(session, event)
            await webhooks.tell(session, active, str(event.id), event.key, notices)

    async def run(self) -> None:
        """Until cancelled; what is under way then is posted again later."""
        tidy_at = time.monotonic()
        try:
            while True:
                self._news.clear()
                try:
                    await self._round()
                    if time.monotonic() >= tidy_at:
                        tidy_at = time.monotonic() + TIDY_SECONDS
                        await self._tidy()
                except Exception as error:
                    log.error("webhooks_failed", error=repr(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._news.wait()
        finally:
            for task in self._busy:
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)

    def _signal(self, topic: str, _: str, payload: dict[str, Any]) -> None:
        if topic == webhooks.TOPIC:
            if payload.get("changed"):
                self._changes += 1
                self._known_until = 0.0
            self._news.set()

    async def _webhooks(self) -> Sequence[Webhook]:
        while time.monotonic() >= self._known_until:
            changes = self._changes
            async with self._database.read() as session:
                known = await repository.webhooks(session)
            if changes == self._changes:
                self._known, self._known_until = known, time.monotonic() + KNOWN_FOR_SECONDS
        return self._known

    async def _round(self) -> None:
        """Begin what is due, a few of each webhook at the same time."""
        for webhook in await self._webhooks():
            free = min(AT_ONCE - len(self._busy), AT_ONCE_EACH - Counter(self._busy.values())[webhook.id])
            if free <= 0 or not webhook.active:
                continue
            moment = now()
            async with self._database.read() as session:
                due = await repository.due(session, webhook.id, moment, free)
            if not due:
                continue
            async with self._database.write() as session:
                parcels = await repository.claim(session, due, moment, moment + LEASE)
            for parcel in parcels:
                task = asyncio.create_task(self._deliver(webhook, parcel))
                self._busy[task] = webhook.id
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._busy[task]
        self._news.set()
        if not task.cancelled() and task.exception():
            log.error("webhook_delivery_failed", error=repr(task.exception()))

    async def _deliver(self, webhook: Webhook, parcel: Parcel) -> None:
        status, reason = await self._attempt(webhook, parcel)
        moment = now()
        async with self._database.write() as session:
            if not reason:
                delivered = {"status": status, "reason": "", "delivered_at": moment}
                await repository.settle(session, parcel, "delivered", **delivered)
                return
            again_at = moment + backoff(parcel.attempts, self._random)
            failed = {"status": status, "reason": reason}
            if again_at > parcel.give_up_at:
                await repository.settle(session, parcel, "dead", **failed)
                log.warning("webhook_given_up", webhook=webhook.id, id=parcel.event_id, reason=reason)
            else:
                await repository.settle(session, parcel, "queued", due_at=again_at, **failed)
                await repository.put_off(session, parcel, again_at)

    async def _attempt(self, webhook: Webhook, parcel: Parcel) -> tuple[int | None, str]:
        """The status of the answer, and why it does not count as taken."""
        moment = now()
        body = parcel.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Xiaoer-Webhook/1",
            "X-Xiaoer-Id": parcel.event_id,
            "X-Xiaoer-Signature": signature(self._secrets.valid(webhook, moment), body, moment),
        }
        try:
            status = await self._post(webhook.url, body, headers)
        except Unreachable as error:
            return None, error.reason
        return status, "" if 200 <= status < 300 else "refused"

    async def _tidy(self) -> None:
        """Remove deliveries that ended and are old, a batch of each webhook."""
        for webhook in await self._webhooks():
            async with self._database.write() as session:
                await repository.remove_old(session, webhook.id, now() - KEPT, BATCH)
