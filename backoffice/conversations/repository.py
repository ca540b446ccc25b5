"""All SQL of conversations.

What runs in every turn is built once, of tables and not of entities: building and loading would cost more
than running it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, case, exists, func, insert, or_, select, update

from backoffice.conversations import ports
from backoffice.conversations.domain import Line, Said, Standing
from backoffice.conversations.models import Case, Conversation, Message, Reading
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
TURN = (conversations.c.turn_id == bindparam("turn")) & (conversations.c.turn_until == bindparam("until"))
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
BOTS = update(conversations).where(THIS, conversations.c.owner == "bot").returning(*STANDING)
CLAIM = BOTS.where(conversations.c.turn_id.is_(None), UNHEARD_THERE).values(
    turn_id=bindparam("turn"), turn_until=bindparam("until")
)
RECLAIM = BOTS.where(
    conversations.c.turn_id.is_not(None), conversations.c.turn_until < bindparam("moment")
).values(turn_until=bindparam("until"))
END = (
    update(conversations)
    .where(THIS, TURN)
    .values(
        turn_id=None,
        turn_until=None,
        last_event=conversations.c.last_event + LINES,
        failed_turns=case((LINES > 0, 0), else_=conversations.c.failed_turns + 1),
        updated_at=LATER,
    )
    .returning(*STANDING, UNHEARD_THERE)
)
THERE = messages.c.conversation_id == bindparam("this")
SAID = (
    select(messages.c.event, messages.c.text, messages.c.command, messages.c.at, messages.c.attachment_id)
    .where(THERE)
    .order_by(messages.c.event)
)
SAID_NEW = SAID.where(UNHEARD)
SAID_IN_TURN = SAID.where(BY_SHOPPER, messages.c.turn_id == bindparam("turn"))
NOT_FOR_BOT = "/rate{"
MISSED = (
    select(messages.c.author, messages.c.text, messages.c.command)
    .where(THERE)
    .order_by(messages.c.event)
    .where(
        messages.c.event < bindparam("before"),
        messages.c.event
        > select(func.coalesce(func.max(messages.c.event), 0))
        .where(THERE, messages.c.turn_id != "", messages.c.event < bindparam("before"))
        .scalar_subquery(),
        (messages.c.author == "agent") | (BY_SHOPPER & (messages.c.turn_id == "")),
    )
)
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


async def keep_reading(
    session: WriteSession, turn_id: str, conversation_id: str, reading: ports.Reading, at: datetime
) -> None:
    """Once for each turn."""
    await insert_once(
        session,
        Reading,
        turn_id=turn_id,
        conversation_id=conversation_id,
        intent=reading.intent[:60],
        confidence=reading.confidence,
        ranking=reading.ranking,
        actions=reading.actions,
        at=at,
    )


async def at_work(session: ReadSession, conversation_id: str) -> bool:
    """Whether the bot answers, or something waits for it to."""
    busy = (conversations.c.owner == "bot") & (conversations.c.turn_id.is_not(None) | UNHEARD_THERE)
    return bool(await session.scalar(select(busy).where(conversations.c.id == conversation_id)))


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


async def claim_turn(
    session: WriteSession, conversation_id: str, turn_id: str, until: datetime
) -> Standing | None:
    """Give the idle conversation to a turn, if the bot owns it and something is unheard."""
    told = {"this": conversation_id, "turn": turn_id, "until": until}
    row = (await session.execute(CLAIM, told)).one_or_none()
    return Standing(*row) if row else None


async def reclaim_turn(
    session: WriteSession, conversation_id: str, moment: datetime, until: datetime
) -> Standing | None:
    """Take over a turn whose lease has run out."""
    told = {"this": conversation_id, "moment": moment, "until": until}
    row = (await session.execute(RECLAIM, told)).one_or_none()
    return Standing(*row) if row else None


async def end_turn(
    session: WriteSession, conversation_id: str, turn_id: str, until: datetime, lines: int, at: datetime
) -> tuple[Standing, bool] | None:
    """Free the conversation from this holder of the turn, taking `lines` event numbers (none: a failure).

    Also says whether something is unheard. None when the turn is not, or no more, this holder's.
    """
    told = {"this": conversation_id, "turn": turn_id, "until": until, "lines": lines, "moment": at}
    row = (await session.execute(END, told)).one_or_none()
    return (Standing(*row[:-1]), bool(row[-1])) if row else None


async def drop_turn(session: WriteSession, conversation_id: str, turn_id: str) -> None:
    """Free the conversation from a turn that has nothing to hear: a rival heard it meanwhile."""
    await session.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id, conversations.c.turn_id == turn_id)
        .values(turn_id=None, turn_until=None)
    )


async def shorten_lease(
    session: WriteSession, conversation_id: str, turn_id: str, until: datetime, new_until: datetime
) -> None:
    await session.execute(
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            Conversation.turn_id == turn_id,
            Conversation.turn_until == until,
        )
        .values(turn_until=new_until)
        .execution_options(synchronize_session=False)
    )


async def said(session: ReadSession, conversation_id: str, turn_id: str | None) -> list[Said]:
    """What the shopper said that this turn heard; None: what is not heard yet."""
    told = {"this": conversation_id}
    if turn_id is None:
        rows = await session.execute(SAID_NEW, told)
    else:
        rows = await session.execute(SAID_IN_TURN, told | {"turn": turn_id})
    return [Said(*row) for row in rows]


async def missed(session: ReadSession, conversation_id: str, before: int) -> list[tuple[str, str]]:
    """Author and text of what shopper and people said since the bot last heard or said anything."""
    rows = await session.execute(MISSED, {"this": conversation_id, "before": before})
    return [(author, text) for author, text, command in rows if not (command or "").startswith(NOT_FOR_BOT)]


async def unhear(session: WriteSession, conversation_id: str, turn_id: str) -> None:
    """What the shopper said to a turn that is no more waits to be heard."""
    await session.execute(
        update(messages)
        .where(messages.c.conversation_id == conversation_id, messages.c.turn_id == turn_id, BY_SHOPPER)
        .values(turn_id=None)
    )


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


async def to_run(session: ReadSession, moment: datetime, unheard_since: datetime) -> list[str]:
    """Conversations whose turn was left behind, or that nobody has begun to answer."""
    left = select(Conversation.id).where(
        Conversation.owner == "bot", Conversation.turn_id.is_not(None), Conversation.turn_until < moment
    )
    waiting = (
        select(Message.conversation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            UNHEARD,
            Message.at < unheard_since,
            Conversation.owner == "bot",
            Conversation.turn_id.is_(None),
        )
    )
    return list((await session.scalars(left.union(waiting))).all())


async def cases_of(
    session: ReadSession, customer_id: int | None, conversation_id: str | None
) -> Sequence[Case]:
    whose = []
    if customer_id is not None:
        whose.append(Case.customer_id == customer_id)
    if conversation_id is not None:
        whose.append(Case.conversation_id == conversation_id)
    return (await session.scalars(select(Case).where(or_(*whose)).order_by(Case.id.desc()).limit(50))).all()
