"""What the bot understood, turn by turn, with what happened afterwards: for those who judge it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from backoffice.conversations.models import Message, OwnershipChange, Rating, Reading
from backoffice.kit.database import ReadSession

EVER = datetime(2000, 1, 1, tzinfo=UTC)
AT_ONCE = 500


class ReadTurn(NamedTuple):
    """A turn that the bot read. `text` is what the shopper typed, a line each; empty: they pressed a button
    or sent a picture. `event` is their last line. `ranking` are pairs of intent and chance, likeliest first,
    `shadow` what a model that read along took it for, if one did.
    """

    id: str
    event: int
    text: str
    at: datetime
    intent: str
    confidence: float
    ranking: list[Any]
    actions: list[str]
    shadow: str = ""


class Happened(NamedTuple):
    """Something that people or the shopper did: `what` is a reason of a handover or a number of stars."""

    at: datetime
    what: Any


class Talk(NamedTuple):
    """Turns of a conversation, oldest first, and what happened besides."""

    turns: list[ReadTurn]
    handovers: list[Happened]
    ratings: list[Happened]


async def talks(
    session: ReadSession, conversation_ids: Collection[str], since: datetime = EVER
) -> dict[str, Talk]:
    """What was read and what happened in these conversations since then, of those where anything was read.

    `ratings` stand at the time of the line that asked.
    """
    wanted = select(Reading).where(Reading.conversation_id.in_(conversation_ids), Reading.at >= since)
    read = (await session.scalars(wanted.order_by(Reading.at))).all()
    lines: defaultdict[str, list[Any]] = defaultdict(list)
    for start in range(0, len(read), AT_ONCE):
        said = select(Message.turn_id, Message.event, Message.text, Message.command, Message.at).where(
            Message.turn_id.in_([each.turn_id for each in read[start : start + AT_ONCE]]),
            Message.author == "shopper",
        )
        for line in await session.execute(said.order_by(Message.event)):
            lines[line.turn_id].append(line)
    found = {each.conversation_id: Talk([], [], []) for each in read}
    for each in read:
        if heard := lines[each.turn_id]:
            found[each.conversation_id].turns.append(turn(each, heard))
    moved = select(OwnershipChange.conversation_id, OwnershipChange.at, OwnershipChange.reason).where(
        OwnershipChange.conversation_id.in_(found),
        OwnershipChange.kind == "handed_over",
        OwnershipChange.at >= since,
    )
    for conversation_id, at, reason in await session.execute(moved.order_by(OwnershipChange.id)):
        found[conversation_id].handovers.append(Happened(at, reason))
    rated = (
        select(Rating.conversation_id, Message.at, Rating.stars)
        .join_from(
            Rating,
            Message,
            (Message.conversation_id == Rating.conversation_id) & (Message.event == Rating.asked_event),
        )
        .where(Rating.conversation_id.in_(found), Rating.stars.is_not(None), Message.at >= since)
    )
    for conversation_id, at, stars in await session.execute(rated.order_by(Message.at)):
        found[conversation_id].ratings.append(Happened(at, stars))
    return found


def turn(read: Reading, lines: Sequence[Any]) -> ReadTurn:
    typed = "\n".join(line.text for line in lines if line.text and not line.command)
    return ReadTurn(
        read.turn_id,
        lines[-1].event,
        typed,
        lines[-1].at,
        read.intent,
        read.confidence,
        read.ranking,
        read.actions,
        read.shadow_intent,
    )


async def typed_turns(session: ReadSession, after: str, limit: int) -> list[tuple[str, str]]:
    """Turn and conversation of what was read of shoppers' own words, in the order of the turns' ids."""
    typed = select(Message.turn_id).where(
        Message.turn_id == Reading.turn_id,
        Message.author == "shopper",
        Message.command.is_(None),
        Message.text != "",
    )
    wanted = select(Reading.turn_id, Reading.conversation_id).where(Reading.turn_id > after, typed.exists())
    rows = await session.execute(wanted.order_by(Reading.turn_id).limit(limit))
    return [(turn_id, conversation_id) for turn_id, conversation_id in rows]
