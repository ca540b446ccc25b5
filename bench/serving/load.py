"""Shoppers who go on asking while the live model changes."""

import asyncio
import itertools
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Reading
from backoffice.kit.database import Database
from backoffice.kit.messages import message
from backoffice.kit.time import now
from bench.chat import Chat, chat
from bench.limits import Figure, percentile
from bench.serving import switching
from bench.turns import turn
from tests.live import LiveShop

QUESTIONS = ("我有多少积分", "我的快递到哪了", "你们几点开门", "怎么退货")
SECONDS_BETWEEN = 3.0
"""What one shopper leaves between two questions."""
ANSWERED_WITHIN_SECONDS = 30
ROLL_BACK_SECONDS = 10


class Asked(NamedTuple):
    """A question, when it was due, and the milliseconds until its answer."""

    due: float
    waited: float


class Crowd:
    """Shoppers who together ask so many questions a second, whether they are answered or not."""

    def __init__(self, doors: list[Chat], rate: float) -> None:
        self._doors, self._rate = doors, rate
        self.asked: list[Asked] = []
        self.unanswered = 0

    async def run(self) -> None:
        """Until cancelled; a question that is under way then is waited for."""
        began, turns = time.perf_counter(), set[asyncio.Task[None]]()
        questions = itertools.cycle(QUESTIONS)
        try:
            for number, door in enumerate(itertools.cycle(self._doors)):
                due = began + number / self._rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                turns.add(asyncio.create_task(self._ask(door, next(questions), due)))
        finally:
            await asyncio.gather(*turns)

    async def _ask(self, door: Chat, question: str, due: float) -> None:
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
                self.asked.append(Asked(due, await turn(door, question)))
        except TimeoutError:
            self.unanswered += 1


async def measure(shop: LiveShop, other: str, rate: float, seconds: float) -> list[Figure]:
    """Turns that went wrong through a promotion and a roll-back, and the waits in and between them."""
    began_at = now()
    async with AsyncExitStack() as closing:
        database = await closing.enter_async_context(switching.database_of(shop))
        doors = []
        for _ in range(round(rate * SECONDS_BETWEEN)):
            conversation = await asyncio.to_thread(shop.client.open)
            doors.append(await closing.enter_async_context(chat(shop.url, conversation)))
        crowd = Crowd(doors, rate)
        asking = asyncio.create_task(crowd.run())
        await asyncio.sleep(seconds)
        spans = []
        for change in (lambda: switching.promote(database, other), lambda: switching.roll_back(database)):
            since = time.perf_counter()
            await change()
            took = await switching.followed(database, len(shop.settings.bot_urls))
            spans.append((since, time.perf_counter(), took))
            await asyncio.sleep(seconds)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await all_heard(database)
        faults = await audit(database, began_at)
    during = [each.waited for each in crowd.asked if any(a <= each.due <= b for a, b, _ in spans)]
    quiet = [each.waited for each in crowd.asked if all(not a <= each.due <= b for a, b, _ in spans)]
    (*_, promoted), (*_, rolled_back) = spans
    return [
        Figure("turns", len(crowd.asked), ""),
        Figure("turns unanswered", crowd.unanswered, "", 0),
        *(Figure(f"turns {fault}", count, "", 0) for fault, count in faults.items()),
        Figure("promotion until both replicas follow", promoted, "s"),
        Figure("roll-back until both replicas follow", rolled_back, "s", ROLL_BACK_SECONDS),
        Figure("turns during a change", len(during), ""),
        *(
            Figure(f"a turn {when}, p{share}", percentile(waits, share / 100), "ms")
            for when, waits in (("in quiet", quiet), ("during a change", during))
            for share in (50, 99, 100)
        ),
    ]


async def all_heard(database: Database) -> None:
    """Waits, not for ever, until nothing that was said waits for a turn."""
    unheard = select(Message.event).where(Message.author == "shopper", Message.turn_id.is_(None)).limit(1)
    busy = select(Conversation.id).where(Conversation.turn_id.is_not(None)).limit(1)
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWERED_WITHIN_SECONDS):
            while True:
                async with database.read() as session:
                    if await session.scalar(unheard) is None and await session.scalar(busy) is None:
                        return
                await asyncio.sleep(0.2)


async def audit(database: Database, since: datetime) -> dict[str, int]:
    """What the transcripts say: questions that no turn answered, apologies and handovers, answers twice."""
    async with database.read() as session:
        lines = (
            await session.execute(
                select(Message.author, Message.turn_id, Message.text).where(Message.at >= since)
            )
        ).all()
        moved = (await session.scalars(select(OwnershipChange.id).where(OwnershipChange.at >= since))).all()
        models = set(await session.scalars(select(Reading.model).where(Reading.at >= since)))
    answers = Counter((turn_id, text) for author, turn_id, text in lines if author == "bot")
    answered = {turn_id for turn_id, _ in answers}
    apology = message("conversations", "turn.apology")
    return {
        "lost": sum(author == "shopper" and turn_id not in answered for author, turn_id, _ in lines),
        "failed": len(moved) + sum(text == apology for _, text in answers),
        "doubled": sum(count - 1 for count in answers.values()),
        "answered by fewer than two models": 2 - len(models),
    }
