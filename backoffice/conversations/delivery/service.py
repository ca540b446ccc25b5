"""From the transcript to the shopper over channels that push: in order, once, no bot after its handover.

A delivery is claimed in a transaction that holds the conversation's fence and counts the channel's quota;
it is sent outside of any transaction and settled afterwards. A claim that nobody settled was cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from backoffice.conversations import repository as transcript
from backoffice.conversations.delivery import repository
from backoffice.conversations.models import Delivery, Message
from backoffice.conversations.ports import Channel, Outgoing, Window
from backoffice.conversations.turns import repository as turns
from backoffice.events import service as events
from backoffice.kit import fencing
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.time import now
from backoffice.users.identity import conversation_fence

log = structlog.get_logger()

TOPIC = "conversation"
LEASE = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(minutes=5)
KEPT_FOR_PEOPLE = 1


@dataclass(frozen=True)
class Claim:
    """Lines of one conversation that one push delivers; `ids` are their deliveries'."""

    conversation_id: str
    sender: str
    ids: list[int]
    lines: list[Outgoing]
    attempt: int = 1
    window: str | None = None


def outgoing(message: Message) -> Outgoing:
    return Outgoing(
        conversation=message.conversation_id,
        event=message.event,
        author=message.author,
        text=message.text,
        buttons=message.buttons,
        card=message.card,
        attachment=message.attachment_id,
    )


async def claim(session: WriteSession, conversation_id: str, channel: Channel) -> Claim | None:
    """The next lines of a conversation that are due and go in one push, now being sent.

    Lines the bot said before the conversation was handed over fail (`handed_over`); a metered channel takes
    one from the shopper's window or they fail (`quota_used`; of the bot `quota_kept` while one is left).
    """
    moment = now()
    epoch = await fencing.hold(session, conversation_fence(conversation_id, 0).name)
    standing = await repository.standing(session, conversation_id)
    stale = [each.id for each, _ in standing if each.author == "bot" and each.epoch < epoch]
    if stale:
        await fail(session, conversation_id, stale, "handed_over")
        standing = [(each, message) for each, message in standing if each.id not in stale]
    ready = together(standing, moment)
    if not ready or ready[0][0].channel != channel.name:
        return None
    ready = ready[: channel.fit([outgoing(message) for _, message in ready])]
    first, ids = ready[0][0], [each.id for each, _ in ready]
    window = None
    if channel.metered:
        keep = 0 if first.author == "agent" else KEPT_FOR_PEOPLE
        window = await repository.spend(session, channel.name, first.sender, keep, moment)
        if window is None:
            left, _ = await repository.windows(session, channel.name, first.sender, moment)
            await fail(session, conversation_id, ids, "quota_kept" if left else "quota_used")
            return None
    await repository.change(
        session, ids, "sending", lease_until=moment + LEASE, attempts=Delivery.attempts + 1, reason=""
    )
    lines = [outgoing(message) for _, message in ready]
    return Claim(conversation_id, first.sender, ids, lines, first.attempts + 1, window)


def together(
    standing: Sequence[tuple[Delivery, Message]], moment: datetime
) -> list[tuple[Delivery, Message]]:
    """Of the open deliveries of a conversation, in order, those that are due and of one author and sender."""
    ready: list[tuple[Delivery, Message]] = []
    for each, message in standing:
        if each.state != "queued" or each.due_at > moment:
            break
        if ready and (each.sender, each.author, each.channel) != (
            ready[0][0].sender,
            ready[0][0].author,
            ready[0][0].channel,
        ):
            break
        ready.append((each, message))
    return ready


async def settle(session: WriteSession, claimed: Claim, state: str, reason: str = "", **more: object) -> None:
    """What became of a push; a claim that was settled or cut off meanwhile stays as it is."""
    sent_at = now() if state == "sent" else None
    await repository.change(
        session, claimed.ids, state, reason=reason, lease_until=None, sent_at=sent_at, **more
    )
    await tell(session, claimed.conversation_id)


async def take_back(session: WriteSession, claimed: Claim) -> None:
    """The request that was to carry the claim is gone and has carried nothing: it is queued again.

    Unless a repeat of the request carries it by now.
    """
    await fencing.hold(session, conversation_fence(claimed.conversation_id, 0).name)
    if await repository.uncarry(session, claimed.ids, now()):
        await tell(session, claimed.conversation_id)


async def fail(session: WriteSession, conversation_id: str, ids: Sequence[int], reason: str) -> None:
    await repository.change(session, ids, "failed", reason=reason)
    await tell(session, conversation_id)


async def tell(session: WriteSession, conversation_id: str) -> None:
    await events.publish(session, TOPIC, conversation_id, {"delivery": True})


async def claim_inline(
    session: WriteSession, conversation_id: str, event: int, channel: Channel
) -> Claim | None:
    """All the answer that the request of `event` waits for, if it fits; a repeat gets the same again.

    None when it is not whole yet, does not fit or nobody answers now: then whatever comes is pushed.
    """
    moment = now()
    epoch = await fencing.hold(session, conversation_fence(conversation_id, 0).name)
    carried = await repository.carried_by(session, conversation_id, event)
    if carried:
        await repository.change(
            session, carried, "sending", lease_until=moment + LEASE, attempts=Delivery.attempts + 1
        )
        lines = [outgoing(message) for message in await repository.lines_of(session, carried)]
        return Claim(conversation_id, "", carried, lines)
    at_work = await turns.at_work(session, conversation_id)
    standing = await repository.standing(session, conversation_id)
    fresh = [
        (each, message)
        for each, message in standing
        if each.state == "queued" and each.attempts == 0 and (each.author != "bot" or each.epoch >= epoch)
    ]
    lines = [outgoing(message) for _, message in fresh]
    if at_work or not fresh or len(fresh) < len(standing) or channel.fit(lines) < len(lines):
        await release(session, conversation_id)
        return None
    await transcript.hold_back(session, conversation_id, None)
    ids = [each.id for each, _ in fresh]
    await repository.change(
        session, ids, "sending", lease_until=moment + LEASE, attempts=Delivery.attempts + 1, answers=event
    )
    return Claim(conversation_id, fresh[0][0].sender, ids, lines)


async def release(session: WriteSession, conversation_id: str) -> None:
    """No request waits any more: what is queued is pushed."""
    await transcript.hold_back(session, conversation_id, None)
    await repository.release(session, conversation_id, now())
    await tell(session, conversation_id)


async def open_window(session: WriteSession, channel: str, sender: str, window: Window) -> None:
    """The shopper did something that lets us push."""
    await repository.open_window(session, channel, sender, window, now())


async def allowance(session: ReadSession, channel: str, sender: str) -> tuple[int, datetime | None]:
    """How many pushes a metered channel still allows to this sender, and until when."""
    return await repository.windows(session, channel, sender, now())


async def confirm(session: WriteSession, conversation_id: str, through: int, read: bool) -> None:
    """The shopper's device has every line up to `through`, or they have read them."""
    if await repository.advance(session, conversation_id, through, through if read else 0):
        await repository.confirm(session, conversation_id, through, "read" if read else "delivered")
        await tell(session, conversation_id)


def backoff(attempts: int) -> timedelta:
    """2, 4, 8 … seconds, at most five minutes."""
    return min(timedelta(seconds=2**attempts), LONGEST_BACKOFF)


@dataclass(frozen=True)
class Undelivered:
    """A line that did not reach the shopper, or perhaps did not: `state` failed or unknown."""

    conversation_id: str
    customer_id: int | None
    event: int
    channel: str
    author: str
    text: str
    state: str
    reason: str
    at: datetime


async def undelivered(
    session: ReadSession, since: datetime, limit: int = 50, offset: int = 0
) -> tuple[list[Undelivered], int]:
    """A page of what was said since then and did not reach its shopper, newest first, and how many there are.

    What the bot had still to say when people took over is not among it.
    """
    rows, total = await repository.undelivered(session, since, limit, offset)
    names = ("conversation_id", "event", "channel", "author", "state", "reason", "at")
    found = [
        Undelivered(text=text, customer_id=customer, **{name: getattr(each, name) for name in names})
        for each, text, customer in rows
    ]
    return found, total
