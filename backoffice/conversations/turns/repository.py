"""All SQL of the bot's turns: built once, of tables and not of entities, as in the room's own repository."""

from datetime import datetime

from sqlalchemy import bindparam, case, func, select, update

from backoffice.conversations import ports
from backoffice.conversations.domain import Said, Standing
from backoffice.conversations.models import Conversation, Message, Reading
from backoffice.conversations.repository import (
    BY_SHOPPER,
    LATER,
    LINES,
    STANDING,
    THERE,
    THIS,
    UNHEARD,
    UNHEARD_THERE,
    conversations,
    messages,
)
from backoffice.kit.database import ReadSession, WriteSession, insert_once

TURN = (conversations.c.turn_id == bindparam("turn")) & (conversations.c.turn_until == bindparam("until"))
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


async def keep_reading(
    session: WriteSession, turn_id: str, conversation_id: str, reading: ports.Reading, at: datetime
) -> None:
    """Once for each turn."""
    shadow = reading.shadow or ports.Shadow("", "", 0.0)
    await insert_once(
        session,
        Reading,
        turn_id=turn_id,
        conversation_id=conversation_id,
        intent=reading.intent[:60],
        confidence=reading.confidence,
        ranking=reading.ranking,
        actions=reading.actions,
        model=reading.model[:80],
        shadow_model=shadow.model[:80],
        shadow_intent=shadow.intent[:60],
        shadow_confidence=shadow.confidence,
        at=at,
    )


async def at_work(session: ReadSession, conversation_id: str) -> bool:
    """Whether the bot answers, or something waits for it to."""
    busy = (conversations.c.owner == "bot") & (conversations.c.turn_id.is_not(None) | UNHEARD_THERE)
    return bool(await session.scalar(select(busy).where(conversations.c.id == conversation_id)))


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
