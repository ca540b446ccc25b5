"""Pushes what is due over the channels that push."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

import structlog

from backoffice.conversations.delivery import repository
from backoffice.conversations.delivery.service import LEASE, TOPIC, Claim, backoff, claim, settle, tell
from backoffice.conversations.ports import Channel, TryLater, Undeliverable
from backoffice.events.bus import Bus
from backoffice.kit.database import Database
from backoffice.kit.time import now

log = structlog.get_logger()
POLL_SECONDS = 1.0
CONVERSATIONS_AT_ONCE = 50
MOST_ATTEMPTS = 8
WINDOW_IS_CLOSED = ("window_closed", "quota_used", "unsubscribed")


class Dispatcher:
    """Pushes what is due over these channels. Any number of processes may run one."""

    def __init__(self, database: Database, bus: Bus, channels: Iterable[Channel]) -> None:
        self._database = database
        self._channels = {channel.name: channel for channel in channels}
        self._news = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        bus.listen(lambda topic, *_: self._news.set() if topic == TOPIC else None)

    def pushes(self, channel: str) -> bool:
        return channel in self._channels

    async def run(self) -> None:
        """Until cancelled; pushes under way then end first."""
        if not self._channels:
            return
        try:
            while True:
                self._news.clear()
                try:
                    wait = await self._round()
                except Exception as error:
                    log.error("dispatch_failed", error=repr(error))
                    wait = POLL_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._news.wait()
        finally:
            if self._busy:
                await asyncio.wait(self._busy.values(), timeout=LEASE.total_seconds() / 3)

    async def _round(self) -> float:
        """Begin what is due; seconds until something else may be."""
        moment = now()
        async with self._database.read() as session:
            found = await repository.due(session, self._channels, moment, CONVERSATIONS_AT_ONCE)
            soon = await repository.next_due(session, self._channels)
        for conversation_id, channel in found:
            if conversation_id not in self._busy:
                task = asyncio.create_task(self._deliver(conversation_id, self._channels[channel]))
                self._busy[conversation_id] = task
        await self._mark_cut_off(moment)
        if soon is None or soon <= moment:
            return POLL_SECONDS
        return min(POLL_SECONDS, (soon - moment).total_seconds())

    async def _mark_cut_off(self, moment: datetime) -> None:
        for channel in self._channels.values():
            async with self._database.write() as session:
                state = "queued" if channel.repeatable else "unknown"
                for conversation_id in set(await repository.cut_off(session, channel.name, moment, state)):
                    await tell(session, conversation_id)

    async def _deliver(self, conversation_id: str, channel: Channel) -> None:
        """Push all that is due in one conversation, one after the other."""
        try:
            while True:
                async with self._database.write() as session:
                    claimed = await claim(session, conversation_id, channel)
                if claimed is None:
                    break
                await self._push(claimed, channel)
        except Exception as error:
            log.error("delivery_failed", conversation=conversation_id, error=repr(error))
        else:
            self._news.set()
        finally:
            del self._busy[conversation_id]

    async def _push(self, claimed: Claim, channel: Channel) -> None:
        more: dict[str, object] = {}
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                more = {"provider_id": await channel.push(claimed.sender, claimed.lines)}
            state, reason = "sent", ""
        except Undeliverable as refused:
            state, reason = "failed", refused.reason
        except TryLater as later:
            if claimed.attempt >= MOST_ATTEMPTS:
                state, reason = "failed", "gave_up"
            else:
                state, reason = "queued", later.reason
                wait = backoff(claimed.attempt) if later.after is None else later.after
                more = {"due_at": now() + wait}
        except Exception as error:
            log.warning("push_cut_off", conversation=claimed.conversation_id, error=repr(error))
            if not channel.repeatable:
                state, reason = "unknown", "cut_off"
            elif claimed.attempt >= MOST_ATTEMPTS:
                state, reason = "failed", "gave_up"
            else:
                state, reason = "queued", "cut_off"
                more = {"due_at": now() + backoff(claimed.attempt)}
        async with self._database.write() as session:
            if claimed.window and state in ("failed", "queued"):
                await repository.count(session, channel.name, claimed.sender, claimed.window, -1)
            if reason in WINDOW_IS_CLOSED:
                await repository.close_windows(session, channel.name, claimed.sender, now())
            await settle(session, claimed, state, reason, **more)
