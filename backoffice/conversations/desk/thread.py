"""A conversation as the people who work here see it: each line with its way to the shopper and what the bot
understood, the notes of colleagues, and who had it when.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from backoffice.conversations.delivery import repository as delivery_repository
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.desk import thread_repository as repository
from backoffice.conversations.models import Conversation, Message, Note, OwnershipChange
from backoffice.conversations.schemas import Button, Owner, Status
from backoffice.kit import fencing
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import NotFound
from backoffice.users.identity import conversation_fence

LINES_AT_ONCE = 100


class Carried(BaseModel):
    """Where a line is on its way to the shopper, and why it waits or failed."""

    state: str
    reason: str = ""


class Understood(BaseModel):
    """How the bot took what the shopper said: a chance from 0 to 1, and what it did."""

    intent: str
    confidence: float
    actions: list[str]


class ThreadLine(BaseModel):
    event: int
    at: datetime
    author: str
    channel: str
    text: str
    buttons: list[Button] = []
    card: dict[str, Any] | None = None
    attachment: str | None = None
    staff_id: int | None = None
    carried: Carried | None = None
    understood: Understood | None = None


class ThreadNote(BaseModel):
    id: int
    at: datetime
    staff_id: int
    text: str
    mentions: list[int]


class ThreadChange(BaseModel):
    """`staff_id` did it, `agent_id` has the conversation since."""

    id: int
    at: datetime
    kind: str
    reason: str
    to_owner: str
    staff_id: int | None
    agent_id: int | None
    note: str


class Allowance(BaseModel):
    """What a metered channel still lets us push, until when; no `until`: no window is open."""

    left: int
    until: datetime | None


class Thread(BaseModel):
    """`epoch` is the fence's; an errand confirmed under an older one does nothing. `more`: of older lines."""

    id: str
    channel: str
    answer_channel: str
    customer_id: int | None
    owner: Owner
    agent_id: int | None
    status: Status
    snoozed_until: datetime | None
    merged_into: str | None
    priority: int
    skill: str
    reason: str
    queued_at: datetime | None
    waiting_since: datetime | None
    last_event: int
    epoch: int
    bot_at_work: bool
    tags: list[str]
    lines: list[ThreadLine]
    more: bool
    notes: list[ThreadNote]
    changes: list[ThreadChange]
    allowance: Allowance | None

    @property
    def last_agent_event(self) -> int:
        return max((line.event for line in self.lines if line.author == "agent"), default=0)


async def read(
    session: ReadSession,
    conversation_id: str,
    metered: Collection[str],
    limit: int = LINES_AT_ONCE,
    before: int | None = None,
) -> Thread:
    """The newest `limit` lines, of those before a number, and what lies between them; `metered` names the
    channels that count pushes.

    Raises `NotFound` (`conversation_not_found`).
    """
    found = await repository.conversation(session, conversation_id)
    if found is None:
        raise NotFound("conversation_not_found")
    lines = await repository.lines(session, conversation_id, before, limit + 1)
    more, lines = len(lines) > limit, lines[-limit:]
    oldest = lines[0].at if more else None
    newest = lines[-1].at if before is not None and before <= found.last_event and lines else None

    def between(at: datetime) -> bool:
        return (oldest is None or at >= oldest) and (newest is None or at <= newest)

    notes = await repository.notes(session, conversation_id)
    changes = await repository.changes(session, conversation_id)
    return Thread(
        id=found.id,
        channel=found.channel,
        answer_channel=found.answer_channel,
        customer_id=found.customer_id,
        owner=found.owner,
        agent_id=found.agent_id,
        status=found.status,
        snoozed_until=found.snoozed_until,
        merged_into=found.merged_into,
        priority=found.priority,
        skill=found.skill,
        reason=found.handoff_reason,
        queued_at=found.queued_at,
        waiting_since=found.waiting_since,
        last_event=found.last_event,
        epoch=await fencing.current_epoch(session, conversation_fence(conversation_id, 0).name),
        bot_at_work=found.turn_id is not None,
        tags=await repository.tags(session, conversation_id),
        lines=await line_views(session, found, lines),
        more=more,
        notes=[note_view(note) for note in notes if between(note.at)],
        changes=[change_view(each) for each in changes if between(each.at)],
        allowance=await allowance(session, found, metered),
    )


async def allowance(session: ReadSession, found: Conversation, metered: Collection[str]) -> Allowance | None:
    if found.answer_channel not in metered:
        return None
    left, until = await delivery.allowance(session, found.answer_channel, found.answer_sender)
    return Allowance(left=left, until=until)


async def line_views(session: ReadSession, found: Conversation, lines: Sequence[Message]) -> list[ThreadLine]:
    ours = [line.event for line in lines if line.author != "shopper"]
    on_the_way = {each.event: each for each in await delivery_repository.of_events(session, found.id, ours)}
    heard = {line.turn_id: line.event for line in lines if line.author == "shopper" and line.turn_id}
    readings = await repository.readings(session, list(heard))
    shown = []
    for line in lines:
        reading = readings.get(line.turn_id or "")
        last_of_turn = heard.get(line.turn_id or "") == line.event
        on_way = on_the_way.get(line.event)
        shown.append(
            ThreadLine(
                event=line.event,
                at=line.at,
                author=line.author,
                channel=line.channel,
                text=line.text,
                buttons=[Button.model_validate(button) for button in line.buttons],
                card=line.card,
                attachment=line.attachment_id,
                staff_id=line.staff_id,
                carried=Carried(state=on_way.state, reason=on_way.reason) if on_way else pulled(found, line),
                understood=Understood(
                    intent=reading.intent, confidence=reading.confidence, actions=reading.actions
                )
                if reading and last_of_turn
                else None,
            )
        )
    return shown


def pulled(found: Conversation, line: Message) -> Carried | None:
    """Of a line that no delivery carries: how far the shopper's own device has read."""
    if line.author == "shopper":
        return None
    if line.event <= found.read_event:
        return Carried(state="read")
    return Carried(state="delivered" if line.event <= found.delivered_event else "sent")


def note_view(note: Note) -> ThreadNote:
    return ThreadNote.model_validate(note, from_attributes=True)


def change_view(change: OwnershipChange) -> ThreadChange:
    return ThreadChange.model_validate(change, from_attributes=True)
