"""What brings conversations to the review: each message that the bot read, and what became of it."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backoffice.conversations.reports import readings
from backoffice.conversations.reports.readings import ReadTurn
from backoffice.conversations.service import TOPIC
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.masking import mask_free_text
from backoffice.kit.repeating import again, background
from backoffice.kit.time import now
from backoffice.training.review import intake, service
from backoffice.training.review.deciding import example
from backoffice.training.review.domain import Talk, Turn

if TYPE_CHECKING:
    from backoffice.training.review.likeness import Leaders

SOON_SECONDS, SWEEP_SECONDS = 2.0, 3600.0
LATELY = timedelta(hours=26)
"""As far back as what happens now can tell of a misreading."""
AT_ONCE = 200
REGROUPED, MOVES_AT_ONCE = 5000, 50
FEW, SHARE = 20, 20
"""They are grouped anew when so many messages are new, and one in so many of those that wait."""
SILENCE = timedelta(hours=1)
"""A test conversation ends where nobody wrote for so long."""
TELLING = {"bot", "system"}
"""Whose lines tell that a turn has ended, people were called, or a rating was given."""


class Reviewing:
    """Follows conversations as they go on, many together every two seconds, and sweeps now and then for what
    was missed. Any number of processes may.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._leaders: Leaders | None = None
        self._looking = asyncio.Lock()
        self._news: set[str] = set()
        self._ungrouped = 0

    def subscribe(self, relay: Relay) -> None:
        relay.subscribe(TOPIC, self.consume)

    async def consume(self, event: Event) -> None:
        """Look at its conversation soon, if it tells anything. What a crash forgets is swept up later."""
        if event.payload.get("author") in TELLING or "read" in event.payload:
            self._news.add(event.key)

    async def run(self) -> None:
        """Look soon after events, and sweep now and every hour, until cancelled."""
        async with background(again(self.look, SOON_SECONDS, "review_not_followed")):
            await again(self.sweep, SWEEP_SECONDS, "review_not_swept")

    async def look(self) -> int:
        """Take in what was read lately where something happened, and judge it anew; how many are new."""
        taken = 0
        while self._news:
            news = [self._news.pop() for _ in range(min(len(self._news), AT_ONCE))]
            try:
                taken += await self._take(news, now() - LATELY)
            except Exception:
                self._news.update(news)
                raise
        self._ungrouped += taken
        if self._ungrouped >= FEW:
            async with self._database.read() as session:
                left = (await service.counts(session)).left
            if self._ungrouped >= left / SHARE:
                self._ungrouped = 0
                await self.regroup()
        return taken

    async def sweep(self) -> int:
        """Take in every message that was missed, and group anew what waits; how many were missed."""
        taken, after = 0, ""
        while True:
            async with self._database.read() as session:
                turns = await readings.typed_turns(session, after, AT_ONCE)
                missed = await intake.missing(session, [turn_id for turn_id, _ in turns])
            if keys := {key for turn_id, key in turns if turn_id in missed}:
                taken += await self._take(keys, readings.EVER)
            if len(turns) < AT_ONCE:
                break
            after = turns[-1][0]
        await self.regroup()
        return taken

    async def regroup(self) -> int:
        """Bring together what waits and is alike; how many messages have another group.

        What somebody moves at the same time is left to the next time.
        """
        async with self._looking:
            async with self._database.read() as session:
                moves = await intake.regroup(session, REGROUPED)
            moved = 0
            for start in range(0, len(moves), MOVES_AT_ONCE):
                with suppress(Conflict):
                    async with self._database.write() as session:
                        moved += await intake.bring_together(session, moves[start : start + MOVES_AT_ONCE])
            self._leaders = None
        return moved

    def _known(self) -> "Leaders":
        """Loaded with the first message: numpy and scipy are a second and 45 MB that a start does without."""
        if self._leaders is None:
            from backoffice.training.review.likeness import Leaders

            self._leaders = Leaders()
        return self._leaders

    async def _take(self, conversation_ids: Collection[str], since: datetime) -> int:
        taken = 0
        async with self._looking:
            while True:
                async with self._database.read() as session:
                    told = await talks(session, conversation_ids, since)
                    found = await intake.look(session, self._known, told)
                if not found:
                    return taken
                with suppress(Conflict):
                    async with self._database.write() as session:
                        taken += await intake.take(session, found)


async def talks(session: ReadSession, conversation_ids: Collection[str], since: datetime) -> dict[str, Talk]:
    """Conversations as the review judges them."""
    found = await readings.talks(session, conversation_ids, since)
    return {
        key: Talk([Turn(*turn) for turn in talk.turns], talk.handovers, talk.ratings)
        for key, talk in found.items()
    }


async def story_around(session: ReadSession, conversation_id: str, turn_id: str) -> dict[str, Any]:
    """What was said around a turn as a story of Rasa's: what people say was meant, else what was read, and
    what the bot did. Raises `NotFound` (`turn_not_found`).
    """
    found = await readings.talks(session, [conversation_id])
    turns = around(found[conversation_id].turns if found else [], turn_id)
    meant = await service.meant(session, [turn.id for turn in turns])
    name = f"{conversation_id[:8]} {turns[0].at:%Y-%m-%d %H:%M}"
    return {"story": name, "steps": list(steps(turns, meant))}


def around(turns: Sequence[ReadTurn], turn_id: str) -> list[ReadTurn]:
    parts: list[list[ReadTurn]] = []
    for turn in turns:
        if not parts or turn.at - parts[-1][-1].at > SILENCE:
            parts.append([])
        parts[-1].append(turn)
    for part in parts:
        if any(turn.id == turn_id for turn in part):
            return part
    raise NotFound("turn_not_found")


def steps(turns: Sequence[ReadTurn], meant: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A form begins with its first action and ends before what it leads to."""
    loop: str | None = None
    for turn in turns:
        text = example(mask_free_text(turn.text), []) if turn.text else None
        intent = meant.get(turn.id, turn.intent)
        yield {"user": text, "intent": intent} if text else {"intent": intent}
        for action in turn.actions:
            if action.endswith("_form") and action != loop:
                loop = action
                yield {"active_loop": loop}
            elif action.endswith("_submit") and loop:
                loop = None
                yield {"active_loop": None}
            yield {"action": action}
