"""All SQL of reading a conversation as people see it."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from backoffice.conversations.models import (
    Conversation,
    Message,
    Note,
    OwnershipChange,
    Reading,
    Tag,
)
from backoffice.kit.database import ReadSession


async def conversation(session: ReadSession, conversation_id: str) -> Conversation | None:
    return await session.get(Conversation, conversation_id, populate_existing=True)


async def lines(
    session: ReadSession, conversation_id: str, before: int | None, limit: int
) -> Sequence[Message]:
    """The newest lines before a number, oldest first."""
    found = select(Message).where(Message.conversation_id == conversation_id)
    if before is not None:
        found = found.where(Message.event < before)
    newest = await session.scalars(found.order_by(Message.event.desc()).limit(limit))
    return list(reversed(newest.all()))


async def readings(session: ReadSession, turns: Collection[str]) -> dict[str, Reading]:
    found = await session.scalars(select(Reading).where(Reading.turn_id.in_(turns)))
    return {reading.turn_id: reading for reading in found}


async def notes(session: ReadSession, conversation_id: str) -> Sequence[Note]:
    found = select(Note).where(Note.conversation_id == conversation_id)
    return (await session.scalars(found.order_by(Note.id))).all()


async def changes(session: ReadSession, conversation_id: str) -> Sequence[OwnershipChange]:
    found = select(OwnershipChange).where(OwnershipChange.conversation_id == conversation_id)
    return (await session.scalars(found.order_by(OwnershipChange.id))).all()


async def tags(session: ReadSession, conversation_id: str) -> list[str]:
    found = select(Tag.tag).where(Tag.conversation_id == conversation_id).order_by(Tag.tag)
    return list(await session.scalars(found))
