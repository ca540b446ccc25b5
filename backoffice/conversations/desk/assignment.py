"""Keeps the queue moving: who waits gets an agent, who lost theirs waits again, nobody waits unseen."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from backoffice.conversations.desk import repository
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.domain import Agent, Hours, InQueue, candidates
from backoffice.conversations.service import TOPIC
from backoffice.events.bus import Bus
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff import presence
from backoffice.staff.schemas import PresenceView

log = structlog.get_logger()

POLL_SECONDS = 2.0
GATHER_SECONDS = 0.1
QUEUE_AT_ONCE = 100
PRESENCE = "presence"


class Desk:
    """Any number of processes may run one: every step holds what it changes and looks again first."""

    def __init__(self, database: Database, bus: Bus, settings: Settings) -> None:
        self._database = database
        self._hours = Hours.parse(settings.service_hours)
        self._limit = timedelta(seconds=settings.queue_wait_limit)
        self._news = asyncio.Event()
        bus.listen(self._hear)

    def _hear(self, topic: str, _: str, payload: dict[str, Any]) -> None:
        if topic == PRESENCE or (topic == TOPIC and "owner" in payload):
            self._news.set()

    async def run(self) -> None:
        """Until cancelled: soon after people or conversations came or went, else every two seconds."""
        while True:
            self._news.clear()
            try:
                await self.round()
            except Exception as error:
                log.error("desk_failed", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._news.wait()
                await asyncio.sleep(GATHER_SECONDS)

    async def round(self) -> None:
        """Wake, requeue, escalate and assign, in this order."""
        moment = now()
        async with self._database.read() as session:
            people = await presence.everybody(session, moment)
        await self._wake(moment)
        await self._requeue([each.staff_id for each in people if is_here(each, moment)])
        await self._escalate(moment)
        await self._assign([each for each in people if each.state == "online"])

    async def _wake(self, moment: datetime) -> None:
        async with self._database.read() as session:
            due = await repository.snoozed_until(session, moment)
        for conversation_id in due:
            async with self._database.write() as session:
                await desk.wake(session, conversation_id, moment)

    async def _requeue(self, here: Collection[int]) -> None:
        async with self._database.read() as session:
            left = await repository.waiting_for(session, here)
        for conversation_id, agent_id in left:
            async with self._database.write() as session:
                await desk.requeue(session, conversation_id, agent_id, "agent_gone")

    async def _escalate(self, moment: datetime) -> None:
        """Nobody is late while nobody is due: the limit counts from when people are here."""
        since = moment - self._limit
        if not self._hours.open_through(since, moment):
            return
        async with self._database.read() as session:
            late = await repository.queued_before(session, since)
        for conversation_id in late:
            async with self._database.write() as session:
                await desk.escalate(session, conversation_id, since)

    async def _assign(self, people: Collection[PresenceView]) -> None:
        async with self._database.read() as session:
            queue = await repository.in_queue(session, QUEUE_AT_ONCE) if people else []
            loads = await repository.loads(session) if queue else {}
        agents = {
            each.staff_id: Agent(each.staff_id, loads.get(each.staff_id, 0), each.capacity, each.skills)
            for each in people
        }
        for waiting in queue:
            taker = await self._give(waiting, agents)
            if taker is not None:
                agents[taker] = replace(agents[taker], load=agents[taker].load + 1)

    async def _give(self, waiting: InQueue, agents: dict[int, Agent]) -> int | None:
        for staff_id in candidates(waiting, list(agents.values())):
            async with self._database.write() as session:
                if await desk.assign(session, waiting.id, staff_id):
                    return staff_id
        return None


def is_here(person: PresenceView, moment: datetime) -> bool:
    """Whether who has conversations can still answer: an open console, and of agents that they did not leave.

    Others than agents are offline from the start and answer all the same.
    """
    heard = person.heartbeat_at is not None and person.heartbeat_at > moment - presence.SILENT_AFTER
    return heard and (person.state != "offline" or person.role != "agent")
