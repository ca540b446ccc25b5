"""All SQL of pictures in conversations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select

from backoffice.conversations.models import Attachment, Conversation, Message
from backoffice.kit.database import ReadSession, WriteSession

SHOWN = exists().where(Message.attachment_id == Attachment.id)


async def add(session: WriteSession, **values: Any) -> None:
    session.add(Attachment(**values))
    await session.flush()


async def has_conversation(session: ReadSession, conversation_id: str) -> bool:
    found = select(Conversation.id).where(Conversation.id == conversation_id)
    return await session.scalar(found) is not None


async def find(
    session: ReadSession, attachment_id: str, conversation_id: str | None = None
) -> Attachment | None:
    """A picture; with `conversation_id` only one of that conversation or of those merged with it."""
    found = select(Attachment).where(Attachment.id == attachment_id)
    if conversation_id is not None:
        leads_to = func.coalesce(Conversation.merged_into, Conversation.id)
        target = select(leads_to).where(Conversation.id == conversation_id).scalar_subquery()
        merged = select(Conversation.id).where(Conversation.merged_into == target)
        found = found.where(or_(Attachment.conversation_id == target, Attachment.conversation_id.in_(merged)))
    return await session.scalar(found)


async def known(session: ReadSession, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are pictures."""
    return set(await session.scalars(select(Attachment.id).where(Attachment.id.in_(ids))))


async def remove_unsaid(session: WriteSession, before: datetime) -> list[str]:
    """Forget pictures stored before that and in no message; their ids."""
    unsaid = delete(Attachment).where(Attachment.at < before, ~SHOWN).returning(Attachment.id)
    return list(await session.scalars(unsaid.execution_options(synchronize_session=False)))
