"""Shoppers, the bot and people do anything at any time; what must hold holds."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from backoffice.conversations import following, service
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.assignment import Desk
from backoffice.conversations.models import Message
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.turns import service as turns
from backoffice.events.bus import LocalBus
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid, StaleTurn, TooMany
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.staff import presence
from tests.backoffice.conversations.at_desk import (
    ANNA,
    BEN,
    BOSS,
    HOUR,
    SAM,
    does,
    epoch,
    here,
    hire,
    lines,
    log,
    opened,
    row,
)

WORKERS, STEPS = 16, 50
RAISES_THE_FENCE = {
    "handed_over",
    "assigned",
    "claimed",
    "taken_over",
    "transferred",
    "given_back",
    "requeued",
    "snoozed",
    "resolved",
    "merged",
}


class Chaos:
    """Things that happen to some conversations of one customer."""

    def __init__(self, database: Database, random: Random, conversations: list[str], rounds: Desk) -> None:
        self.database, self.random, self.conversations = database, random, conversations
        self.rounds = rounds
        self.said = 0

    async def step(self) -> None:
        conversation, by = self.random.choice(self.conversations), self.random.choice((ANNA, BEN, BOSS))
        verbs: list[Callable[[WriteSession], Awaitable[object]]] = [
            lambda session: service.hand_over(session, conversation, "asked"),
            lambda session: desk.claim(session, conversation, by),
            lambda session: desk.take_over(session, conversation, by),
            lambda session: desk.transfer(session, conversation, by, self.random.choice((None, ANNA, BEN))),
            lambda session: desk.give_back(session, conversation, by),
            lambda session: desk.snooze(session, conversation, by, now() + timedelta(milliseconds=1)),
            lambda session: desk.resolve(session, conversation, by),
            lambda session: desk.reopen(session, conversation, by),
            lambda session: desk.answer(session, conversation, by, "人"),
            lambda session: desk.merge(session, conversation, self.random.choice(self.conversations), by),
            lambda session: following.belongs_to(session, conversation, self.random.choice((SAM, SAM, None))),
            lambda session: presence.set_state(
                session, by, self.random.choice(("online", "away", "offline"))
            ),
        ]
        others = [
            self.rounds.round,
            lambda: self.bot_answers(conversation),
            lambda: self.shopper(conversation),
        ]
        verb = self.random.choice(
            [*others, *others, *(lambda verb=verb: does(self.database, verb) for verb in verbs)]
        )
        with suppress(Conflict, Invalid, TooMany):
            await verb()

    async def shopper(self, conversation: str) -> None:
        self.said += 1
        number = self.said
        text = self.random.choice(("问", "5"))
        await does(self.database, service.receive, conversation, f"m{number}", text)

    async def bot_answers(self, conversation: str) -> None:
        async with self.database.write() as session:
            turn = await turns.begin_turn(session, conversation, HOUR)
        if turn is not None:
            await asyncio.sleep(0)
            with suppress(StaleTurn):
                await does(self.database, turns.end_turn, turn, [Bubble(text=f"{turn.epoch}")])


@pytest.mark.parametrize("seed", [11, 14])
async def test_whatever_happens_at_once(database: Database, settings: Settings, seed: int) -> None:
    await hire(database)
    await here(database, ANNA, BEN)
    conversations = [await opened(database, f"s{n}", SAM) for n in range(3)]
    chaos = Chaos(database, Random(seed), conversations, Desk(database, LocalBus(), settings))

    async def work() -> None:
        for _ in range(STEPS):
            await chaos.step()

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    for conversation in conversations:
        found = await row(database, conversation)
        changes = await log(database, conversation)
        owners = ["bot", *(to for _, _, to in changes)]
        assert [before for _, before, _ in changes] == owners[:-1]
        assert found.owner == owners[-1]
        kinds = [kind for kind, *_ in changes]
        raised = sum(kind in RAISES_THE_FENCE for kind in kinds)
        assert await epoch(database, conversation) >= 1 + raised
        assert (found.owner == "agent") <= (found.agent_id is not None)
        assert (found.owner == "queue") == (found.queued_at is not None)
        assert (found.status == "resolved") <= (found.owner == "bot")
        assert (found.status == "snoozed") == (found.snoozed_until is not None)
        said = await lines(database, conversation)
        told = [text for author, text in said if author == "system" and "为您转接人工客服" in text]
        assert len(told) == kinds.count("handed_over")
        async with database.read() as session:
            unheard = await session.scalars(
                select(Message.event).where(
                    Message.conversation_id == conversation,
                    Message.author == "shopper",
                    Message.turn_id.is_(None),
                )
            )
        assert not (list(unheard) and found.owner != "bot")
