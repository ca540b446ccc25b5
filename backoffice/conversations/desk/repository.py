"""All SQL of the desk."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, case, delete, exists, func, or_, select, text, update

from backoffice.conversations.desk.domain import Held, InQueue
from backoffice.conversations.desk.schemas import Filter
from backoffice.conversations.models import Conversation, Message, Note, OwnershipChange, Rating, Tag
from backoffice.kit.database import ReadSession, WriteSession, insert_once

HELD = [getattr(Conversation, name) for name in Held._fields]
LONGEST_NUMBER = 19
NOW_OWNED = Conversation.status != "resolved"
AT_DESK = text("conversations.status <> 'resolved' AND conversations.owner <> 'bot'")
"""In the words of the index, so that what the desk looks for again and again is found in it."""
QUEUED = (Conversation.owner == "queue") & (Conversation.status == "open")
IN_ORDER = (Conversation.priority.desc(), Conversation.queued_at, Conversation.id)


async def hold(session: WriteSession, conversation_id: str) -> Held | None:
    """The row, kept from others until this transaction ends."""
    row = await session.execute(select(*HELD).where(Conversation.id == conversation_id).with_for_update())
    found = row.one_or_none()
    return Held(*found) if found else None


async def change(session: WriteSession, held: Held, **values: Any) -> bool:
    """Change a row that is still owned as it was when it was held."""
    same_agent = (
        Conversation.agent_id.is_(None) if held.agent_id is None else Conversation.agent_id == held.agent_id
    )
    changed = await session.execute(
        update(Conversation)
        .where(Conversation.id == held.id, Conversation.owner == held.owner, same_agent)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], changed).rowcount)


async def place(session: ReadSession, conversation_id: str) -> tuple[int, int]:
    """How many wait before this conversation, and how many in all."""
    mine = (
        select(Conversation.priority, Conversation.queued_at)
        .where(Conversation.id == conversation_id, QUEUED)
        .subquery()
    )
    before = or_(
        Conversation.priority > mine.c.priority,
        (Conversation.priority == mine.c.priority)
        & or_(
            Conversation.queued_at < mine.c.queued_at,
            (Conversation.queued_at == mine.c.queued_at) & (Conversation.id < conversation_id),
        ),
    )
    ahead = await session.scalar(
        select(func.count(Conversation.id)).join(mine, before).where(QUEUED, AT_DESK)
    )
    waiting = await session.scalar(select(func.count()).select_from(Conversation).where(QUEUED, AT_DESK))
    return ahead or 0, waiting or 0


async def handled(session: ReadSession, count: int) -> list[timedelta]:
    """From a person's first reply to the end, of the conversations resolved last."""
    resolved_last = (
        select(OwnershipChange.conversation_id)
        .where(OwnershipChange.kind == "resolved")
        .order_by(OwnershipChange.at.desc())
        .limit(count)
    )
    found = select(Conversation.first_reply_at, Conversation.resolved_at).where(
        Conversation.id.in_(resolved_last), Conversation.resolved_at > Conversation.first_reply_at
    )
    return [until - since for since, until in await session.execute(found) if since and until]


async def loads(session: ReadSession) -> dict[int, int]:
    """How many open conversations each agent has; those without any are left out."""
    found = (
        select(Conversation.agent_id, func.count())
        .where(Conversation.owner == "agent", Conversation.status == "open", AT_DESK)
        .group_by(Conversation.agent_id)
    )
    return {agent: count for agent, count in await session.execute(found) if agent is not None}


async def load(session: ReadSession, agent_id: int) -> int:
    has = (
        (Conversation.owner == "agent")
        & (Conversation.agent_id == agent_id)
        & (Conversation.status == "open")
    )
    return await session.scalar(select(func.count()).select_from(Conversation).where(has, AT_DESK)) or 0


async def in_queue(session: ReadSession, limit: int) -> list[InQueue]:
    """Who waits, in order."""
    found = select(
        Conversation.id, Conversation.skill, Conversation.agent_id, Conversation.escalated_at.is_not(None)
    ).where(QUEUED, AT_DESK)
    return [InQueue(*row) for row in await session.execute(found.order_by(*IN_ORDER).limit(limit))]


async def queued_before(session: ReadSession, moment: datetime) -> Sequence[str]:
    """Who waits in the queue since before then and was not escalated."""
    found = select(Conversation.id).where(
        AT_DESK, QUEUED, Conversation.escalated_at.is_(None), Conversation.queued_at < moment
    )
    return (await session.scalars(found)).all()


async def waiting_for(session: ReadSession, but: Collection[int]) -> list[tuple[str, int | None]]:
    """Conversations in which a shopper waits for an agent who is not one of these, with the agent."""
    found = select(Conversation.id, Conversation.agent_id).where(
        AT_DESK,
        Conversation.owner == "agent",
        Conversation.status == "open",
        Conversation.waiting_since.is_not(None),
        func.coalesce(Conversation.agent_id, 0).not_in(but),
    )
    return [(conversation, agent) for conversation, agent in await session.execute(found)]


async def snoozed_until(session: ReadSession, moment: datetime) -> Sequence[str]:
    found = select(Conversation.id).where(
        AT_DESK, Conversation.status == "snoozed", Conversation.snoozed_until <= moment
    )
    return (await session.scalars(found)).all()


async def own_of_sender(session: ReadSession, channel: str, sender: str) -> str | None:
    """The sender's own conversation, also when it was merged into another."""
    found = select(Conversation.id).where(Conversation.channel == channel, Conversation.sender == sender)
    return await session.scalar(found)


async def concerned(session: ReadSession, key: str) -> str | None:
    """The conversation with this id, or the one in which this customer (`7` or `customer:7`) wrote last."""
    number = key.removeprefix("customer:")
    if number.isascii() and number.isdecimal() and len(number) < LONGEST_NUMBER:
        mine = Conversation.customer_id == int(number)
    else:
        mine = Conversation.id == key
    found = select(Conversation.id).where(
        mine, Conversation.merged_into.is_(None), Conversation.last_event > 0
    )
    return await session.scalar(found.order_by(Conversation.updated_at.desc()).limit(1))


async def family(session: ReadSession, conversation_id: str) -> list[str]:
    """This conversation, the one it was merged into and those merged into it, in the order to hold them."""
    into = select(Conversation.merged_into).where(Conversation.id == conversation_id).scalar_subquery()
    found = select(Conversation.id).where(
        or_(
            Conversation.id == conversation_id,
            Conversation.id == into,
            Conversation.merged_into == conversation_id,
        )
    )
    return sorted(await session.scalars(found))


async def part(session: WriteSession, held: Held) -> None:
    """Undo what was merged into this conversation and where it was merged to.

    Answers go home; where that is another channel than where the shopper wrote last, not before they write.
    """
    home = {
        "answer_channel": Conversation.channel,
        "answer_sender": Conversation.sender,
        "pushed": case(
            (Conversation.answer_channel == Conversation.channel, Conversation.pushed), else_=False
        ),
    }
    merged_here = Conversation.merged_into == held.id
    for where, values in (
        (merged_here, {"merged_into": None}),
        (Conversation.id == held.id, home),
        (
            (Conversation.id == held.merged_into)
            & (Conversation.answer_channel == held.channel)
            & (Conversation.answer_sender == held.sender),
            home,
        ),
    ):
        await session.execute(
            update(Conversation).where(where).values(**values).execution_options(synchronize_session=False)
        )


async def last_line_of_colleagues(session: ReadSession, conversation_id: str, staff_id: int) -> int:
    """Number of the newest line that another agent said; 0 without one."""
    newest = select(func.max(Message.event)).where(
        Message.conversation_id == conversation_id, Message.author == "agent", Message.staff_id != staff_id
    )
    return await session.scalar(newest) or 0


async def last_line_of_shopper(session: ReadSession, conversation_id: str) -> int:
    newest = select(func.max(Message.event)).where(
        Message.conversation_id == conversation_id, Message.author == "shopper"
    )
    return await session.scalar(newest) or 0


async def last_said_at(session: ReadSession, conversation_id: str) -> datetime | None:
    """When its shopper wrote last."""
    newest = select(func.max(Message.at)).where(
        Message.conversation_id == conversation_id, Message.author == "shopper"
    )
    return await session.scalar(newest)


async def last_event(session: ReadSession, conversation_id: str) -> int | None:
    """Number of the newest line, 0 before the first; None when there is no such conversation."""
    return await session.scalar(select(Conversation.last_event).where(Conversation.id == conversation_id))


async def set_seen(session: WriteSession, conversation_id: str, agent_id: int, event: int) -> bool:
    seen = await session.execute(
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            Conversation.agent_id == agent_id,
            Conversation.agent_read_event < event,
            Conversation.last_event >= event,
        )
        .values(agent_read_event=event)
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], seen).rowcount)


async def set_values(session: WriteSession, conversation_id: str, **values: Any) -> bool:
    changed = await session.execute(
        update(Conversation)
        .where(Conversation.id == conversation_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], changed).rowcount)


async def notes(session: ReadSession, conversation_id: str) -> Sequence[Note]:
    found = select(Note).where(Note.conversation_id == conversation_id).order_by(Note.id)
    return (await session.scalars(found)).all()


async def changes(session: ReadSession, conversation_id: str) -> Sequence[OwnershipChange]:
    found = select(OwnershipChange).where(OwnershipChange.conversation_id == conversation_id)
    return (await session.scalars(found.order_by(OwnershipChange.id))).all()


async def add_tag(session: WriteSession, conversation_id: str, tag: str) -> None:
    await insert_once(session, Tag, conversation_id=conversation_id, tag=tag)


async def remove_tags(session: WriteSession, conversation_id: str, tags: Collection[str]) -> None:
    await session.execute(delete(Tag).where(Tag.conversation_id == conversation_id, Tag.tag.in_(tags)))


async def tags_of(session: ReadSession, ids: Collection[str]) -> Sequence[Tag]:
    return (await session.scalars(select(Tag).where(Tag.conversation_id.in_(ids)).order_by(Tag.tag))).all()


async def tags(session: ReadSession) -> Sequence[str]:
    return (await session.scalars(select(Tag.tag).distinct().order_by(Tag.tag))).all()


UNREAD = (
    select(func.count())
    .where(
        Message.conversation_id == Conversation.id,
        Message.author == "shopper",
        Message.event > Conversation.agent_read_event,
    )
    .correlate(Conversation)
    .scalar_subquery()
)


def conditions(wanted: Filter) -> list[Any]:
    """A conversation nobody has written in yet is in no list."""
    views: dict[str, Any] = {
        "mine": (Conversation.owner == "agent") & (Conversation.agent_id == wanted.staff_id) & NOW_OWNED,
        "unassigned": (Conversation.owner == "queue") & NOW_OWNED,
        "all": NOW_OWNED,
        "bot": (Conversation.owner == "bot") & NOW_OWNED,
        "resolved": Conversation.status == "resolved",
    }
    found = [views[wanted.view], Conversation.last_event > 0, Conversation.merged_into.is_(None)]
    if wanted.channel:
        found.append(Conversation.answer_channel == wanted.channel)
    if wanted.tag:
        found.append(there(Tag, Tag.tag == wanted.tag))
    if wanted.text:
        found.append(there(Message, Message.text.icontains(wanted.text, autoescape=True)))
    return found


def there(table: type[Message] | type[Tag], condition: Any) -> Any:
    """Whether a conversation has such a row."""
    return exists().where(table.conversation_id == Conversation.id, condition).correlate(Conversation)


async def listed(
    session: ReadSession, where: Sequence[Any], limit: int, offset: int
) -> list[tuple[Conversation, str, str, int]]:
    """Rows with the last line, its author and how many of the shopper's are unread.

    Who waits in the queue first, in the queue's order; then who waits for an answer; then the newest.
    """
    found = (
        select(Conversation, func.coalesce(Message.text, ""), func.coalesce(Message.author, ""), UNREAD)
        .outerjoin(
            Message,
            (Message.conversation_id == Conversation.id) & (Message.event == Conversation.last_event),
        )
        .where(*where)
        .order_by(
            case((QUEUED, 0), (Conversation.owner == "agent", 1), else_=2),
            case((QUEUED, -Conversation.priority), else_=0),
            case((QUEUED, Conversation.queued_at), else_=None).asc(),
            Conversation.updated_at.desc(),
            Conversation.id,
        )
        .limit(limit)
        .offset(offset)
        .execution_options(populate_existing=True)
    )
    return [(row, text, author, unread) for row, text, author, unread in await session.execute(found)]


async def count(session: ReadSession, where: Sequence[Any]) -> int:
    return await session.scalar(select(func.count()).select_from(Conversation).where(*where)) or 0


async def rate(
    session: WriteSession,
    conversation_id: str,
    asked_event: int,
    stars: int,
    comment: str,
    moment: datetime,
    changeable_since: datetime,
    after_low: bool,
) -> bool:
    """Give stars to a line that asked; `after_low`: one that has one or two stars, else one that has not."""
    low = Rating.stars <= 2
    before = low if after_low else Rating.stars.is_(None) | ~low
    rated = await session.execute(
        update(Rating)
        .where(
            Rating.conversation_id == conversation_id,
            Rating.asked_event == asked_event,
            Rating.stars.is_(None) | (Rating.at > changeable_since),
            before,
        )
        .values(
            stars=stars,
            comment=comment or Rating.comment,
            at=case((Rating.stars.is_(None), moment), else_=Rating.at),
        )
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], rated).rowcount)


async def answered(session: WriteSession, conversation_id: str, moment: datetime) -> None:
    """A person answered: nobody waits, and the first reply is on record."""
    await set_values(
        session,
        conversation_id,
        first_reply_at=func.coalesce(Conversation.first_reply_at, moment),
        waiting_since=None,
        status="open",
        snoozed_until=None,
    )


async def answer_there(session: WriteSession, conversation_id: str, held: Held) -> None:
    """What is said next goes to where the shopper of another conversation wrote."""
    await set_values(
        session,
        conversation_id,
        answer_channel=held.answer_channel,
        answer_sender=held.answer_sender,
        pushed=held.pushed,
    )
