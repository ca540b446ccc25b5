"""Conversations with the bot, as they stand in the database, and admins who review them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from backoffice.conversations import models, service
from backoffice.conversations.ports import Reading
from backoffice.conversations.turns import service as turns
from backoffice.events import repository as outbox
from backoffice.events.schemas import Event
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.reviewing import Reviewing
from backoffice.staff.models import StaffMember
from backoffice.training.review.models import ReviewCandidate, ReviewDay, ReviewGroup

ANNA, BEN = 1, 2
LEASE = timedelta(seconds=30)


async def hire(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            StaffMember(id=id, login=f"staff{id}", name=name, role="admin", password_hash="")
            for id, name in ((ANNA, "安娜"), (BEN, "小本"))
        )


def reading(intent: str, *actions: str, ranking: Sequence[tuple[str, float]] = ()) -> Reading:
    found = ranking or ((intent, 0.9), ("greet", 0.05))
    return Reading(intent, found[0][1], list(found), list(actions) or [f"action_{intent}"])


class Talking:
    """One shopper, whose turns the bot reads as it is told."""

    def __init__(self, database: Database, sender: str) -> None:
        self.database, self.sender, self.id = database, sender, ""
        self._count = 0

    async def say(self, text: str, read: Reading, command: str | None = None) -> str:
        """The turn that heard it."""
        self._count += 1
        async with self.database.write() as session:
            self.id = await service.conversation_of(session, "web", self.sender, None)
            await service.receive(session, self.id, f"m{self._count}", text, command)
            turn = await turns.begin_turn(session, self.id, LEASE)
            assert turn is not None
            await turns.end_turn(session, turn, [])
            await turns.say(session, turn, service.Bubble(text="好的"))
            await turns.keep_reading(session, turn, read)
        return turn.id

    async def hand_over(self, reason: str = "asked") -> None:
        async with self.database.write() as session:
            await service.hand_over(session, self.id, reason)

    async def rate(self, stars: int, at: datetime | None = None) -> None:
        async with self.database.write() as session:
            event = await service.append(session, self.id, "system", service.Bubble(text="怎么样？"))
            session.add(
                models.Rating(conversation_id=self.id, asked_event=event, stars=stars, at=at or now())
            )


async def told(database: Database, reviewing: Reviewing) -> None:
    """Have the review consume everything that was published."""
    async with database.write() as session:
        events: list[Event] = await outbox.claim(session, now(), timedelta(0), 1000)
    for event in events:
        if event.topic == service.TOPIC:
            await reviewing.consume(event)
    await reviewing.look()
    async with database.write() as session:
        await outbox.mark_sent(session, [event.id for event in events], now())


async def does(database: Database, verb: Callable[..., Awaitable[Any]], *args: Any, **more: Any) -> Any:
    async with database.write() as session:
        return await verb(session, *args, **more)


async def sees(database: Database, verb: Callable[..., Awaitable[Any]], *args: Any, **more: Any) -> Any:
    async with database.read() as session:
        return await verb(session, *args, **more)


async def candidates(database: Database) -> Sequence[ReviewCandidate]:
    async with database.read() as session:
        return (await session.scalars(select(ReviewCandidate).order_by(ReviewCandidate.id))).all()


async def check_counts(database: Database) -> None:
    """What is counted is what is there."""
    found = await candidates(database)
    waiting = [each for each in found if each.state == "open"]
    async with database.read() as session:
        groups = (await session.scalars(select(ReviewGroup))).all()
        days = (await session.scalars(select(ReviewDay))).all()
    for group in groups:
        members = [each for each in waiting if each.group_id == group.id]
        assert (group.open, group.harm) == (len(members), sum(each.harm for each in members))
        assert any(each.group_id == group.id for each in found)
    assert sum(day.heard for day in days) == len(found)
    assert sum(day.left for day in days) == sum(each.harm > 0 for each in waiting)
