"""The verbs of a conversation. Session first, no commit inside.

Who locks both takes the conversation's fence before its row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backoffice.conversations import attachment_repository, ratings, repository
from backoffice.conversations.delivery import repository as delivery_repository
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.desk.domain import ALWAYS, PRIORITY_OF, SKILL_OF, Hours
from backoffice.conversations.desk.waiting import queue_place, sentence
from backoffice.conversations.domain import LONGEST_TEXT, Line, Standing, storable
from backoffice.conversations.models import OwnershipChange
from backoffice.conversations.ports import Window
from backoffice.conversations.ratings import Rated
from backoffice.conversations.schemas import (
    Bubble,
    Button,
    EventView,
    Face,
    Look,
    QueuePlace,
)
from backoffice.events import service as events
from backoffice.kit import fencing
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Invalid, NotFound, TooMany
from backoffice.kit.ids import secret_id
from backoffice.kit.messages import message
from backoffice.kit.time import now
from backoffice.staff import service as staff
from backoffice.users import identities
from backoffice.users.identity import conversation_fence

TOPIC = "conversation"
OWNERSHIP = "ownership"
ERASURE = "erasure"
MESSAGES_AT_ONCE, WITHIN = 20, timedelta(seconds=10)
EVENTS_AT_ONCE = 200
FOR_PEOPLE = ""


async def open(session: WriteSession, channel: str, customer_id: int | None) -> str:
    """The id of a visitor's new conversation, or of the customer's own in this channel."""
    conversation_id = secret_id()
    sender = conversation_id if customer_id is None else f"customer:{customer_id}"
    return await conversation_of(session, channel, sender, customer_id, conversation_id)


async def conversation_of(
    session: WriteSession,
    channel: str,
    sender: str,
    customer_id: int | None,
    new_id: str | None = None,
) -> str:
    """The id of the conversation of this sender, opened when they never wrote before."""
    conversation_id = new_id or secret_id()
    if await repository.add(session, conversation_id, channel, sender, customer_id):
        await fencing.open_fence(session, conversation_fence(conversation_id, 1).name)
        return conversation_id
    found = await repository.of_sender(session, channel, sender)
    if found is None:
        raise NotFound("conversation_not_found")
    return found


@dataclass(frozen=True)
class From:
    """Where a message came from: a channel, whether it wants deliveries, and what it lets us push after it.

    `inline_until` is when the request that brought the message ends: an answer ready by then goes with it.
    """

    channel: str
    sender: str
    pushed: bool = False
    window: Window | None = None
    inline_until: datetime | None = None


async def receive(
    session: WriteSession,
    conversation_id: str,
    message_id: str,
    text: str,
    command: str | None = None,
    attachment: str | None = None,
    origin: From | None = None,
) -> int:
    """Write down what a shopper says; the number it has in the transcript, the same for a repeat.

    `message_id` is the sender's own, `command` what a pressed button means, `attachment` the id of a stored
    picture, `origin` the address it came from (none: the conversation's own). Raises `NotFound`, `Invalid`
    (`too_long`, `empty_message`, `message_id_reused`, `no_such_picture`) or `TooMany` (`slow_down`).
    """
    if len(text) > LONGEST_TEXT:
        raise Invalid("too_long", f"at most {LONGEST_TEXT} characters")
    text = storable(text)
    if not text and not attachment:
        raise Invalid("empty_message")
    moment = now()
    conversation = await repository.number(session, conversation_id, 1, moment)
    if conversation is None:
        return await receive_elsewhere(
            session, conversation_id, message_id, text, command, attachment, origin
        )
    origin = origin or From(conversation.channel, conversation.sender)
    where, event, recent = await repository.known_and_recent(
        session, conversation.id, origin.channel, origin.sender, message_id, moment - WITHIN
    )
    if event is not None:
        if where != conversation_id:
            raise Invalid("message_id_reused")
        await repository.number(session, conversation_id, -1, moment)
        return event
    if recent >= MESSAGES_AT_ONCE:
        raise TooMany(
            "slow_down",
            f"at most {MESSAGES_AT_ONCE} messages in {WITHIN.seconds} seconds",
            retry_after=WITHIN.seconds,
        )
    await require_picture(session, conversation.id, attachment)
    rated = await ratings.meant(session, conversation.id, conversation.last_event, text, command)
    await hear_from(session, conversation, origin, moment, reopens=rated is None)
    await write(
        session,
        conversation._replace(channel=origin.channel),
        "shopper",
        [Bubble(text=text, attachment=attachment)],
        sender=origin.sender,
        message_id=message_id,
        command=ratings.command(rated) if rated else command,
        turn_id=None if conversation.owner == "bot" and rated is None else FOR_PEOPLE,
    )
    if rated:
        await take_rating(session, conversation, rated)
    return conversation.last_event


async def receive_elsewhere(
    session: WriteSession,
    conversation_id: str,
    message_id: str,
    text: str,
    command: str | None,
    attachment: str | None,
    origin: From | None,
) -> int:
    """As `receive`, for a conversation that goes on in another: nothing of it is locked on the way there."""
    merged = await repository.find(session, conversation_id)
    if merged is None:
        raise NotFound("conversation_not_found")
    origin = origin or From(merged.channel, merged.sender)
    into = merged.merged_into or conversation_id
    return await receive(session, into, message_id, text, command, attachment, origin)


async def take_rating(session: WriteSession, conversation: Standing, rated: Rated) -> None:
    """Keep what the shopper thinks of it, and thank them."""
    kept = await ratings.rate(session, conversation.id, *rated, customer_id=conversation.customer_id)
    if kept:
        thanks = "rating.sorry" if rated.stars <= ratings.LOW else "rating.thanks"
        await append(session, conversation.id, "system", Bubble(text=message("conversations", thanks)))


async def require_picture(session: ReadSession, conversation_id: str, attachment: str | None) -> None:
    """Raises `Invalid` (`no_such_picture`) for one that is not of this conversation."""
    if attachment and not await attachment_repository.find(session, attachment, conversation_id):
        raise Invalid("no_such_picture", "not stored for this conversation")


async def hear_from(
    session: WriteSession, conversation: Standing, origin: From, moment: datetime, reopens: bool = True
) -> None:
    """What a message changes besides the transcript: where to answer, what may be pushed, who waits."""
    here = (conversation.answer_channel, conversation.answer_sender, conversation.pushed)
    if (
        here != (origin.channel, origin.sender, origin.pushed)
        or conversation.owner != "bot"
        or conversation.status != "open"
    ) and reopens:
        kind = {"resolved": "reopened", "snoozed": "woken"}.get(conversation.status)
        if kind:
            owner = conversation.owner
            agent_id = conversation.agent_id if owner == "agent" else None
            await log_change(session, conversation.id, kind, owner, owner, agent_id=agent_id)
        await repository.hear_from(
            session, conversation.id, origin.channel, origin.sender, origin.pushed, moment
        )
    if origin.window:
        await delivery.open_window(session, origin.channel, origin.sender, origin.window)
    if origin.inline_until and conversation.owner == "bot":
        await repository.hold_back(session, conversation.id, origin.inline_until)


async def leave(session: WriteSession, channel: str, sender: str) -> None:
    """The sender wants nothing more of us there: nothing is pushed, and deletion of their data is queued."""
    await identities.leave(session, channel, sender)
    await delivery_repository.close_windows(session, channel, sender, now())
    conversation_id = await repository.of_sender(session, channel, sender)
    if conversation_id is None:
        return
    await delivery_repository.withhold(session, conversation_id, "unsubscribed", ["bot", "system", "agent"])
    await repository.hush(session, conversation_id, channel, sender)
    await events.publish(session, ERASURE, conversation_id, {"channel": channel, "sender": sender})


async def write(
    session: WriteSession,
    conversation: Standing,
    author: str,
    bubbles: list[Bubble],
    epoch: int = 0,
    **more: Any,
) -> None:
    """Add lines under the last numbers taken, queue them where the channel pushes, and tell whoever looks on.

    `epoch` is the one under which the bot speaks; the lines of others need none.
    """
    first = conversation.last_event - len(bubbles) + 1
    moment = conversation.updated_at
    await repository.write(session, conversation, first, author, bubbles, moment, **more)
    if conversation.pushed and author != "shopper":
        numbers = range(first, conversation.last_event + 1)
        await delivery_repository.queue(session, conversation, author, epoch, numbers, moment)
    told = {"first": first, "event": conversation.last_event, "author": author}
    await events.publish(session, TOPIC, conversation.id, told)


async def append(
    session: WriteSession, conversation_id: str, author: str, bubble: Bubble, **more: Any
) -> int:
    """Add a line; its number. Raises `NotFound`."""
    conversation = await repository.number(session, conversation_id, 1, now())
    if conversation is None:
        raise NotFound("conversation_not_found")
    await write(session, conversation, author, [bubble], **more)
    return conversation.last_event


async def look(
    session: ReadSession,
    conversation_id: str,
    after: int = 0,
    before: int | None = None,
    limit: int = EVENTS_AT_ONCE,
    hours: Hours = ALWAYS,
) -> Look:
    """How the conversation stands, with the first events after `after`, or the last ones after it and before
    `before`; 200 at most. Raises `NotFound`.
    """
    found = await repository.look(session, conversation_id, after, min(limit, EVENTS_AT_ONCE), before)
    if found is None:
        raise NotFound("conversation_not_found")
    conversation, lines = found
    agent_id = conversation.agent_id if conversation.owner == "agent" else None
    spoke = {line.staff_id for line in lines} | {agent_id}
    ids = [each for each in spoke if each]
    people = await staff.members(session, ids) if ids else {}
    return Look(
        events=[event_view(line) for line in lines],
        owner=conversation.owner,
        agent_id=agent_id,
        queue=await queue_place(session, conversation_id, hours) if conversation.owner == "queue" else None,
        people={
            member.id: Face(name=member.display_name, avatar=member.avatar, colour=member.colour)
            for member in people.values()
        },
        typing=conversation.turn_id is not None,
        last=conversation.last_event,
        status=conversation.status,
        delivered=conversation.delivered_event,
        read=conversation.read_event,
        seen=conversation.agent_read_event,
        moved_to=conversation.merged_into,
    )


def event_view(line: Line) -> EventView:
    return EventView(
        id=line.event,
        at=line.at,
        author=line.author,
        text=line.text,
        buttons=[Button(**button) for button in line.buttons],
        card=line.card,
        attachment=line.attachment_id,
        client_id=line.message_id,
        staff_id=line.staff_id,
    )


async def hand_over(
    session: WriteSession, conversation_id: str, reason: str, hours: Hours = ALWAYS, skill: str = ""
) -> QueuePlace:
    """Give the conversation to people: from this commit on the bot and its errands cannot write in it.

    The shopper is told once, however often this is asked for. `skill` says which people, if the reason does
    not. Raises `NotFound`.
    """
    try:
        await fencing.raise_fence(session, conversation_fence(conversation_id, 0).name)
    except LookupError as error:
        raise NotFound("conversation_not_found") from error
    skill = SKILL_OF.get(reason, skill)
    first = await repository.queue(
        session, conversation_id, reason, now(), priority=PRIORITY_OF.get(reason, 0), skill=skill
    )
    place = await queue_place(session, conversation_id, hours)
    if first:
        await repository.mark_heard(session, conversation_id, FOR_PEOPLE)
        await delivery_repository.withhold(session, conversation_id, "handed_over", ["bot"])
        await log_change(session, conversation_id, "handed_over", "bot", "queue", reason)
        await append(session, conversation_id, "system", Bubble(text=sentence(reason, place)))
        await events.publish(session, TOPIC, conversation_id, {"owner": "queue", "kind": "handed_over"})
    return place


async def log_change(
    session: WriteSession,
    conversation_id: str,
    kind: str,
    from_owner: str,
    to_owner: str,
    reason: str = "",
    staff_id: int | None = None,
    agent_id: int | None = None,
    note: str = "",
) -> None:
    """Put on record who has the conversation now, and why, and tell it."""
    change = OwnershipChange(
        conversation_id=conversation_id,
        kind=kind,
        reason=reason,
        from_owner=from_owner,
        to_owner=to_owner,
        staff_id=staff_id,
        agent_id=agent_id,
        note=note,
        at=now(),
    )
    session.add(change)
    await session.flush()
    told = {"kind": kind, "reason": reason, "from": from_owner, "to": to_owner}
    await events.publish(session, OWNERSHIP, conversation_id, told)
