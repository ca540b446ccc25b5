"""All SQL of deliveries and send windows."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, and_, case, exists, func, insert, or_, select, update

from backoffice.conversations.domain import Standing
from backoffice.conversations.models import Conversation, Delivery, Message, SendWindow
from backoffice.conversations.ports import Window
from backoffice.kit.database import ReadSession, WriteSession, upsert

OPEN = ("queued", "sending")


async def queue(
    session: WriteSession,
    conversation: Standing,
    author: str,
    epoch: int,
    events: Sequence[int],
    at: datetime,
) -> None:
    """Lines to be delivered to where the shopper wrote last, not before `passive_until`."""
    due = max(at, conversation.passive_until or at)
    rows = [
        {
            "conversation_id": conversation.id,
            "event": event,
            "channel": conversation.answer_channel,
            "sender": conversation.answer_sender,
            "author": author,
            "epoch": epoch,
            "due_at": due,
            "at": at,
        }
        for event in events
    ]
    await session.execute(insert(Delivery), rows)


async def due(
    session: ReadSession, channels: Collection[str], moment: datetime, limit: int
) -> Sequence[tuple[str, str]]:
    """Conversations, with the channel, whose next line is due while none is being sent, longest due first."""
    earlier = Delivery.__table__.alias()
    first = ~exists().where(
        earlier.c.conversation_id == Delivery.conversation_id,
        earlier.c.state.in_(OPEN),
        earlier.c.event < Delivery.event,
    )
    found = (
        select(Delivery.conversation_id, Delivery.channel)
        .where(Delivery.state == "queued", Delivery.due_at <= moment, Delivery.channel.in_(channels), first)
        .order_by(Delivery.due_at)
        .limit(limit)
    )
    return [(conversation, channel) for conversation, channel in await session.execute(found)]


async def next_due(session: ReadSession, channels: Collection[str]) -> datetime | None:
    """When the next queued line falls due."""
    waiting = select(func.min(Delivery.due_at)).where(
        Delivery.state == "queued", Delivery.channel.in_(channels)
    )
    return await session.scalar(waiting)


async def standing(session: ReadSession, conversation_id: str) -> Sequence[tuple[Delivery, Message]]:
    """What of a conversation is queued or being sent, in order."""
    found = (
        select(Delivery, Message)
        .join(
            Message,
            and_(Message.conversation_id == Delivery.conversation_id, Message.event == Delivery.event),
        )
        .where(Delivery.conversation_id == conversation_id, Delivery.state.in_(OPEN))
        .order_by(Delivery.event)
    )
    return [(delivery, message) for delivery, message in await session.execute(found)]


async def carried_by(session: ReadSession, conversation_id: str, event: int) -> list[int]:
    """Ids of the deliveries that the request of this event carried inline, in order."""
    found = select(Delivery.id).where(Delivery.conversation_id == conversation_id, Delivery.answers == event)
    return list(await session.scalars(found.order_by(Delivery.event)))


async def lines_of(session: ReadSession, ids: Collection[int]) -> Sequence[Message]:
    found = select(Message).join(
        Delivery,
        and_(Message.conversation_id == Delivery.conversation_id, Message.event == Delivery.event),
    )
    return (await session.scalars(found.where(Delivery.id.in_(ids)).order_by(Message.event))).all()


async def change(session: WriteSession, ids: Collection[int], state: str, **values: Any) -> int:
    """Bring deliveries that are still open into another state; how many."""
    changed = await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state.in_(OPEN))
        .values(state=state, **values)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], changed).rowcount


async def uncarry(session: WriteSession, ids: Collection[int], due_at: datetime) -> bool:
    """Queue again what one request alone was to carry; whether there was any."""
    changed = await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids), Delivery.state == "sending", Delivery.attempts == 1)
        .values(state="queued", lease_until=None, due_at=due_at, attempts=0, answers=None)
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], changed).rowcount)


async def withhold(
    session: WriteSession, conversation_id: str, reason: str, authors: Collection[str]
) -> None:
    """What these authors said and was not sent yet will not be."""
    await session.execute(
        update(Delivery)
        .where(
            Delivery.conversation_id == conversation_id,
            Delivery.state == "queued",
            Delivery.author.in_(authors),
        )
        .values(state="failed", reason=reason)
        .execution_options(synchronize_session=False)
    )


async def release(session: WriteSession, conversation_id: str, at: datetime) -> None:
    """What waited for a request is due at once."""
    await session.execute(
        update(Delivery)
        .where(
            Delivery.conversation_id == conversation_id, Delivery.state == "queued", Delivery.attempts == 0
        )
        .values(due_at=at)
        .execution_options(synchronize_session=False)
    )


async def cut_off(session: WriteSession, channel: str, moment: datetime, state: str) -> list[str]:
    """Attempts whose lease ran out get that state; the conversations they belong to."""
    lost = (
        update(Delivery)
        .where(Delivery.state == "sending", Delivery.lease_until < moment, Delivery.channel == channel)
        .values(state=state, reason="cut_off", lease_until=None)
        .returning(Delivery.conversation_id)
        .execution_options(synchronize_session=False)
    )
    return list(await session.scalars(lost))


async def open_window(session: WriteSession, channel: str, sender: str, window: Window, at: datetime) -> None:
    """A new window of its kind, none of it used."""
    values = {"allowed": window.allowed, "used": 0, "until": at + window.lasting}
    await session.execute(
        upsert(session, SendWindow)
        .values(channel=channel, sender=sender, kind=window.kind, **values)
        .on_conflict_do_update(index_elements=["channel", "sender", "kind"], set_=values)
    )


async def close_windows(session: WriteSession, channel: str, sender: str, at: datetime) -> None:
    await session.execute(
        update(SendWindow)
        .where(SendWindow.channel == channel, SendWindow.sender == sender, SendWindow.until > at)
        .values(until=at)
        .execution_options(synchronize_session=False)
    )


async def spend(session: WriteSession, channel: str, sender: str, keep: int, moment: datetime) -> str | None:
    """Take one push of the window that ends first if more than `keep` are left in all; the window's kind."""
    open_now = (
        select(SendWindow.kind, SendWindow.allowed - SendWindow.used)
        .where(
            SendWindow.channel == channel,
            SendWindow.sender == sender,
            SendWindow.until > moment,
            SendWindow.used < SendWindow.allowed,
        )
        .order_by(SendWindow.until)
        .with_for_update()
    )
    left = (await session.execute(open_now)).all()
    if sum(pushes for _, pushes in left) <= keep:
        return None
    kind = str(left[0][0])
    await count(session, channel, sender, kind, 1)
    return kind


async def count(session: WriteSession, channel: str, sender: str, kind: str, by: int) -> None:
    """Use one more push of a window, or give one back."""
    await session.execute(
        update(SendWindow)
        .where(SendWindow.channel == channel, SendWindow.sender == sender, SendWindow.kind == kind)
        .values(used=SendWindow.used + by)
        .execution_options(synchronize_session=False)
    )


async def windows(
    session: ReadSession, channel: str, sender: str, moment: datetime
) -> tuple[int, datetime | None]:
    """How many pushes are left, and when the last window ends."""
    left, until = (
        await session.execute(
            select(
                func.coalesce(func.sum(SendWindow.allowed - SendWindow.used), 0), func.max(SendWindow.until)
            ).where(SendWindow.channel == channel, SendWindow.sender == sender, SendWindow.until > moment)
        )
    ).one()
    return int(left), until


async def of_events(
    session: ReadSession, conversation_id: str, events: Collection[int]
) -> Sequence[Delivery]:
    found = select(Delivery).where(Delivery.conversation_id == conversation_id, Delivery.event.in_(events))
    return (await session.scalars(found)).all()


async def undelivered(
    session: ReadSession, since: datetime, limit: int, offset: int
) -> tuple[list[tuple[Delivery, str, int | None]], int]:
    """What failed or may have been lost since then, newest first, with its text and customer; how many."""
    wanted = (
        Delivery.state.in_(("failed", "unknown")),
        Delivery.reason != "handed_over",
        Delivery.at >= since,
    )
    said = (Message.conversation_id == Delivery.conversation_id) & (Message.event == Delivery.event)
    found = (
        select(Delivery, Message.text, Conversation.customer_id)
        .join(Message, said)
        .join(Conversation, Conversation.id == Delivery.conversation_id)
        .where(*wanted)
        .order_by(Delivery.at.desc(), Delivery.id.desc())
        .limit(limit)
        .offset(offset)
    )
    rows = [(delivery, text, customer) for delivery, text, customer in await session.execute(found)]
    total = await session.scalar(select(func.count()).select_from(Delivery).where(*wanted))
    return rows, total or 0


async def confirm(session: WriteSession, conversation_id: str, through: int, state: str) -> None:
    """The shopper's device has, or they have read, every line up to `through`."""
    before = ("sent", "unknown") if state == "delivered" else ("sent", "unknown", "delivered")
    await session.execute(
        update(Delivery)
        .where(
            Delivery.conversation_id == conversation_id, Delivery.event <= through, Delivery.state.in_(before)
        )
        .values(state=state, reason="")
        .execution_options(synchronize_session=False)
    )


async def advance(session: WriteSession, conversation_id: str, delivered: int, read: int) -> bool:
    """Move the shopper's cursors forward, never back and never past the newest line; whether they moved."""
    newest = Conversation.last_event
    moved = await session.execute(
        update(Conversation)
        .where(
            Conversation.id == conversation_id,
            or_(Conversation.delivered_event < delivered, Conversation.read_event < read),
            newest >= max(delivered, read),
        )
        .values(
            delivered_event=case(
                (Conversation.delivered_event < max(delivered, read), max(delivered, read)),
                else_=Conversation.delivered_event,
            ),
            read_event=case((Conversation.read_event < read, read), else_=Conversation.read_event),
        )
        .execution_options(synchronize_session=False)
    )
    return bool(cast(CursorResult[Any], moved).rowcount)
