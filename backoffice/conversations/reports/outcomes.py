"""How conversations went under two models, side by side; each counts from its first reading in a period."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, case, func, select

from backoffice.conversations.models import Message, OwnershipChange, Rating, Reading
from backoffice.kit.database import ReadSession

FALLBACK = "nlu_fallback"


class ConversationOutcome(NamedTuple):
    """`began`: its first reading in the period; `tried`: the candidate answered in it; `fallback`: something
    in it was not understood; `stars`: 1 to 5."""

    conversation_id: str
    began: datetime
    tried: bool
    handed_over: bool
    fallback: bool
    stars: int | None


class Arm(NamedTuple):
    """The figures of the conversations of a model; `rated` answered with stars, `good` with 4 or 5."""

    conversations: int
    handed_over: int
    fallback: int
    rated: int
    good: int

    @property
    def contained(self) -> int:
        return self.conversations - self.handed_over


async def outcomes(
    session: ReadSession, candidate: str, since: datetime, until: datetime
) -> list[ConversationOutcome]:
    """Of every conversation that a known model read something of in [since, until), the oldest first.

    A conversation is handed over when it went from the bot to people after its first reading there.
    """
    read = (
        select(
            Reading.conversation_id,
            func.min(Reading.at).label("began"),
            func.max(case((Reading.model == candidate, 1), else_=0)).label("tried"),
            func.max(case((Reading.intent == FALLBACK, 1), else_=0)).label("fallback"),
        )
        .where(Reading.at >= since, Reading.at < until, Reading.model != "")
        .group_by(Reading.conversation_id)
        .cte("read")
    )
    moved = (
        select(OwnershipChange.id)
        .where(
            OwnershipChange.conversation_id == read.c.conversation_id,
            OwnershipChange.from_owner == "bot",
            OwnershipChange.to_owner != "bot",
            OwnershipChange.at >= since,
        )
        .exists()
    )
    stars = (
        select(func.max(Rating.stars))
        .join(
            Message,
            and_(Message.conversation_id == Rating.conversation_id, Message.event == Rating.asked_event),
        )
        .where(Rating.conversation_id == read.c.conversation_id, Message.at >= since)
        .scalar_subquery()
    )
    wanted = select(
        read.c.conversation_id, read.c.began, read.c.tried, case((moved, 1), else_=0), read.c.fallback, stars
    ).order_by(read.c.began, read.c.conversation_id)
    return [
        ConversationOutcome(id, began, bool(tried), bool(handed_over), bool(fallback), rated)
        for id, began, tried, handed_over, fallback, rated in await session.execute(wanted)
    ]


def arm(found: Sequence[ConversationOutcome], tried: bool) -> Arm:
    """The figures of the conversations that the candidate answered in, or of the others."""
    of = [each for each in found if each.tried == tried]
    rated = [each.stars for each in of if each.stars is not None]
    return Arm(
        len(of),
        sum(each.handed_over for each in of),
        sum(each.fallback for each in of),
        len(rated),
        sum(each >= 4 for each in rated),
    )


async def read_along(session: ReadSession, model: str, since: datetime) -> tuple[int, int]:
    """How many messages a model read along since, and how many of them it took for something else."""
    other = case((Reading.shadow_intent != Reading.intent, 1))
    found = await session.execute(
        select(func.count(), func.count(other)).where(Reading.shadow_model == model, Reading.at >= since)
    )
    messages, different = found.one()
    return messages, different
