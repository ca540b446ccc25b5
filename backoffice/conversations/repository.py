"""All SQL of conversations.

What runs in every turn is built once, of tables and not of entities: building and loading would cost more
than running it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, case, exists, func, insert, or_, select, update

from backoffice.conversations.domain import Line, Standing
from backoffice.conversations.models import Case, Conversation, Message
from backoffice.conversations.schemas import Bubble
from backoffice.kit.database import Base, ReadSession, WriteSession, insert_once

conversations, messages = (Base.metadata.tables[each.__tablename__] for each in (Conversation, Message))
STANDING = [conversations.c[name] for name in Standing._fields]
LINE = [messages.c[name] for name in Line._fields]
THIS = conversations.c.id == bindparam("this")
BY_SHOPPER = messages.c.author == "shopper"
UNHEARD = BY_SHOPPER & messages.c.turn_id.is_(None)
UNHEARD_THERE = exists().where(messages.c.conversation_id == conversations.c.id, UNHEARD)
LINES = bindparam("lines", type_=Integer)
LATER = case(
    (conversations.c.updated_at > bindparam("moment"), conversations.c.updated_at), else_=bindparam("moment")
)
"""Lines of a conversation are in the order of time as well, however late one got its number."""
NUMBER = (
    update(conversations)
    .where(THIS, conversations.c.merged_into.is_(None))
    .values(last_event=conversations.c.last_event + LINES, updated_at=LATER)
    .returning(*STANDING)
)
ITS_ID = (
    (messages.c.channel == bindparam("channel_"))
    & (messages.c.sender == bindparam("sender_"))
    & (messages.c.message_id == bindparam("id_"))
)
KNOWN_AND_RECENT = select(
    select(messages.c.conversation_id).where(ITS_ID).scalar_subquery(),
    select(messages.c.event).where(ITS_ID).scalar_subquery(),
    select(func.count())
    .where(messages.c.conversation_id == bindparam("this"), BY_SHOPPER, messages.c.at > bindparam("since"))
    .scalar_subquery(),
)
WRITE = insert(messages)
LINES_AFTER = (messages.c.conversation_id == conversations.c.id) & (messages.c.event > bindparam("after"))
LINES_BETWEEN = LINES_AFTER & (messages.c.event < bindparam("before"))
LOOK, LOOK_BACK = (
    select(*STANDING, *LINE)
    .join_from(conversations, messages, which, isouter=True)
    .where(THIS)
    .order_by(order)
    .limit(bindparam("most"))
    for which, order in (
        (LINES_AFTER, messages.c.event.asc()),
        (LINES_BETWEEN, messages.c.event.desc()),
    )
)
THERE = messages.c.conversation_id == bindparam("this")
HEAR_ALL = update(messages).where(THERE, UNHEARD).values(turn_id=bindparam("turn"))
HEAR = HEAR_ALL.where(messages.c.event.in_(bindparam("events", expanding=True)))


async def add(
    session: WriteSession, conversation_id: str, channel: str, sender: str, customer_id: int | None
) -> bool:
    """False when this sender has a conversation in this channel already."""
    return await insert_once(
        session,
        Conversation,
        id=conversation_id,
        channel=channel,
        sender=sender,
        answer_channel=channel,
        answer_sender=sender,
        customer_id=customer_id,
    )


async def of_sender(session: ReadSession, channel: str, sender: str) -> str | None:
    """The conversation of this sender, followed to where it was merged."""
    found = select(func.coalesce(Conversation.merged_into, Conversation.id)).where(
        Conversation.channel == channel, Conversation.sender == sender
    )
    return await session.scalar(found)


async def hear_from(
    session: WriteSession, conversation_id: str, channel: str, sender: str, pushed: bool, at: datetime
) -> None:
    """A shopper wrote: answer there, awake; people who have the conversation are waited for since then."""
    awaited = case(
        (conversations.c.owner == "bot", None), else_=func.coalesce(Conversation.waiting_since, at)
    )
    await session.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            answer_channel=channel,
            answer_sender=sender,
            pushed=pushed,
            status="open",
            snoozed_until=None,
            waiting_since=awaited,
        )
    )


async def hush(session: WriteSession, conversation_id: str, channel: str, sender: str) -> None:
    """Nothing is pushed to that address any more, until its sender writes again."""
    await session.execute(
        update(conversations)
        .where(
            conversations.c.id == conversation_id,
            conversations.c.answer_channel == channel,
            conversations.c.answer_sender == sender,
        )
        .values(pushed=False)
    )


async def hold_back(session: WriteSession, conversation_id: str, until: datetime | None) -> None:
    """Until then answers wait for the request that asks for them."""
    await session.execute(
        update(conversations).where(conversations.c.id == conversation_id).values(passive_until=until)
    )


async def find(session: ReadSession, conversation_id: str) -> Conversation | None:
    return await session.get(Conversation, conversation_id, populate_existing=True)


async def number(session: WriteSession, conversation_id: str, by: int, at: datetime) -> Standing | None:
    """Take the next `by` event numbers; the conversation is kept from others until the transaction ends.

    None when it is not there or goes on in another.
    """
    row = (await session.execute(NUMBER, {"this": conversation_id, "lines": by, "moment": at})).one_or_none()
    return Standing(*row) if row else None


async def known_and_recent(
    session: ReadSession, conversation_id: str, channel: str, sender: str, message_id: str, since: datetime
) -> tuple[str | None, int | None, int]:
    """Conversation and number of the message with this id of this sender, and how many came since."""
    told = {
        "this": conversation_id,
        "channel_": channel,
        "sender_": sender,
        "id_": message_id,
        "since": since,
    }
    where, event, recent = (await session.execute(KNOWN_AND_RECENT, told)).one()
    return where, event, recent


async def write(
    session: WriteSession,
    conversation: Standing,
    first: int,
    author: str,
    bubbles: Sequence[Bubble],
    at: datetime,
    **more: Any,
) -> None:
    """Add lines under numbers that were taken, from `first` on."""
    rows = [
        {
            "conversation_id": conversation.id,
            "event": event,
            "author": author,
            "channel": conversation.channel,
            "text": bubble.text,
            "buttons": [button.model_dump() for button in bubble.buttons],
            "card": bubble.card,
            "attachment_id": bubble.attachment,
            "at": at,
            **more,
        }
        for event, bubble in enumerate(bubbles, first)
    ]
    await session.execute(WRITE, rows)


async def look(
    session: ReadSession, conversation_id: str, after: int, limit: int, before: int | None = None
) -> tuple[Standing, list[Line]] | None:
    """How a conversation stands, with up to `limit` of its lines, oldest first: the first ones after number
    `after`, or the last ones of those that are also before number `before`.
    """
    told = {"this": conversation_id, "after": after, "most": limit}
    if before is None:
        rows = (await session.execute(LOOK, told)).all()
    else:
        rows = (await session.execute(LOOK_BACK, told | {"before": before})).all()[::-1]
    if not rows:
        return None
    split = len(STANDING)
    lines = [line for row in rows if (line := Line(*row[split:])).event is not None]
    return Standing(*rows[0][:split]), lines


async def standings(session: ReadSession, ids: Sequence[str]) -> dict[str, Sequence[Any]]:
    """What of these conversations those who look on can see change, by id."""
    seen = ("id", "owner", "agent_id", "last_event", "turn_id", "agent_read_event", "merged_into")
    found = select(*(conversations.c[name] for name in seen)).where(conversations.c.id.in_(ids))
    return {row.id: tuple(row) for row in await session.execute(found)}


async def mark_heard(
    session: WriteSession, conversation_id: str, turn_id: str, events: Sequence[int] | None = None
) -> None:
    """All that is unheard, or these events of it, belong to `turn_id`."""
    told = {"this": conversation_id, "turn": turn_id}
    if events is None:
        await session.execute(HEAR_ALL, told)
    else:
        await session.execute(HEAR, told | {"events": events})


async def queue(
    session: WriteSession, conversation_id: str, reason: str, at: datetime, priority: int, skill: str
) -> bool:
    """Take the conversation from the bot to the queue; False when the bot had it no more."""
    queued = (
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            Conversation.owner == "bot",
            Conversation.merged_into.is_(None),
        )
        .values(
            owner="queue",
            status="open",
            snoozed_until=None,
            handoff_reason=reason,
            priority=priority,
            skill=skill,
            queued_at=at,
            waiting_since=at,
            escalated_at=None,
            first_reply_at=None,
            turn_id=None,
            turn_until=None,
        )
        .returning(Conversation.id)
        .execution_options(synchronize_session=False)
    )
    return await session.scalar(queued) is not None


async def cases_of(
    session: ReadSession, customer_id: int | None, conversation_id: str | None
) -> Sequence[Case]:
    whose = []
    if customer_id is not None:
        whose.append(Case.customer_id == customer_id)
    if conversation_id is not None:
        whose.append(Case.conversation_id == conversation_id)
    return (await session.scalars(select(Case).where(or_(*whose)).order_by(Case.id.desc()).limit(50))).all()
