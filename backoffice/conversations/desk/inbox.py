"""What the people at the desk see and note: lists, the board, notes, tags. Reached through `desk`."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast, get_args

from backoffice.conversations.desk import repository
from backoffice.conversations.desk.schemas import AgentLoad, Board, ChangeView, Filter, NoteView
from backoffice.conversations.domain import LONGEST_TEXT, storable
from backoffice.conversations.models import Conversation, Note
from backoffice.conversations.schemas import Owner, Status, Summary
from backoffice.events import service as events
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Invalid, NotFound
from backoffice.kit.time import now
from backoffice.staff import presence
from backoffice.staff.schemas import Skill

TOPIC = "conversation"
LONGEST_TAG = 20
HIGHEST_PRIORITY = 2
MOST_OF_CUSTOMER = 50
MOST_ON_BOARD = 100


async def note(
    session: WriteSession, conversation_id: str, by: int, text: str, mentions: Sequence[int] = ()
) -> NoteView:
    """Tell colleagues; no channel shows it. Who is mentioned (ids of staff) gets an event on topic `mention`.

    Raises `NotFound` or `Invalid` (`empty_message`, `too_long`).
    """
    text = storable(text)
    if not text:
        raise Invalid("empty_message")
    if len(text) > LONGEST_TEXT:
        raise Invalid("too_long", f"at most {LONGEST_TEXT} characters")
    newest = await repository.last_event(session, conversation_id)
    if newest is None:
        raise NotFound("conversation_not_found")
    written = Note(
        conversation_id=conversation_id,
        staff_id=by,
        text=text,
        mentions=list(mentions),
        after_event=newest,
        at=now(),
    )
    session.add(written)
    await session.flush()
    await events.publish(session, TOPIC, conversation_id, {"note": written.id})
    for mentioned in mentions:
        told = {"conversation": conversation_id, "note": written.id, "by": by}
        await events.publish(session, "mention", f"staff:{mentioned}", told)
    return NoteView.model_validate(written, from_attributes=True)


async def notes(session: ReadSession, conversation_id: str) -> list[NoteView]:
    """Oldest first."""
    found = await repository.notes(session, conversation_id)
    return [NoteView.model_validate(each, from_attributes=True) for each in found]


async def changes(session: ReadSession, conversation_id: str) -> list[ChangeView]:
    """Who had it since when and why, oldest first."""
    found = await repository.changes(session, conversation_id)
    return [ChangeView.model_validate(each, from_attributes=True) for each in found]


async def tag(
    session: WriteSession, conversation_id: str, by: int, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> None:
    """Add and remove tags of 1 to 20 characters. Raises `NotFound` or `Invalid` (`bad_tag`)."""
    added = sorted({storable(each) for each in add})
    if any(not 1 <= len(each) <= LONGEST_TAG for each in added):
        raise Invalid("bad_tag", f"1 to {LONGEST_TAG} characters")
    if await repository.last_event(session, conversation_id) is None:
        raise NotFound("conversation_not_found")
    for each in added:
        await repository.add_tag(session, conversation_id, each)
    await repository.remove_tags(session, conversation_id, remove)
    await events.publish(session, TOPIC, conversation_id, {"tags": True, "by": by})


async def tags(session: ReadSession) -> list[str]:
    """Every tag in use, for a filter."""
    return list(await repository.tags(session))


async def set_priority(session: WriteSession, conversation_id: str, by: int, priority: int) -> None:
    """0 usual, 1 soon, 2 now. Raises `NotFound` or `Invalid` (`bad_priority`)."""
    if not 0 <= priority <= HIGHEST_PRIORITY:
        raise Invalid("bad_priority", f"0 to {HIGHEST_PRIORITY}")
    await set_values(session, conversation_id, by, priority=priority)


async def set_skill(session: WriteSession, conversation_id: str, by: int, skill: str) -> None:
    """Which people should take it; empty: any. Raises `NotFound` or `Invalid` (`bad_skill`)."""
    if skill and skill not in get_args(Skill):
        raise Invalid("bad_skill")
    await set_values(session, conversation_id, by, skill=skill)


async def set_values(session: WriteSession, conversation_id: str, by: int, **values: Any) -> None:
    if not await repository.set_values(session, conversation_id, **values):
        raise NotFound("conversation_not_found")
    await events.publish(session, TOPIC, conversation_id, {"by": by, **values})


async def seen(session: WriteSession, conversation_id: str, by: int, event: int) -> None:
    """`by`, who has the conversation, has read up to this event; of others it is not kept."""
    if await repository.set_seen(session, conversation_id, by, event):
        await events.publish(session, TOPIC, conversation_id, {"seen": event})


async def find(session: ReadSession, conversation_id: str) -> Summary:
    """One conversation as in a list. Raises `NotFound`."""
    found = await summaries(session, [Conversation.id == conversation_id], 1, 0)
    if not found:
        raise NotFound("conversation_not_found")
    return found[0]


async def listed(
    session: ReadSession, wanted: Filter, limit: int = 50, offset: int = 0
) -> tuple[list[Summary], int]:
    """A page of conversations and how many there are.

    Who waits in the queue first, in its order; then those with an agent; the newest first among the rest.
    """
    where = repository.conditions(wanted)
    return await summaries(session, where, limit, offset), await repository.count(session, where)


async def of_customer(session: ReadSession, customer_id: int) -> list[Summary]:
    """All conversations of a customer over all channels, the newest first."""
    where = [Conversation.customer_id == customer_id, Conversation.last_event > 0]
    found = await summaries(session, where, MOST_OF_CUSTOMER, 0)
    return sorted(found, key=lambda each: each.updated_at, reverse=True)


async def board(session: ReadSession, wait_limit: float) -> Board:
    """How the desk stands; `wait_limit`: seconds that people may let a shopper wait."""
    moment = now()
    queued = repository.conditions(Filter("unassigned"))
    queue = await summaries(session, queued, MOST_ON_BOARD, 0)
    since = moment - timedelta(seconds=wait_limit)
    late = [Conversation.owner != "bot", Conversation.status == "open", Conversation.waiting_since < since]
    waits = [(moment - each.queued_at).total_seconds() for each in queue if each.queued_at]
    loads = await repository.loads(session)
    agents = [
        AgentLoad(
            staff_id=each.staff_id,
            name=each.name,
            state=each.state,
            skills=each.skills,
            load=loads.get(each.staff_id, 0),
            capacity=each.capacity,
        )
        for each in await presence.everybody(session, moment)
    ]
    return Board(
        waiting=await repository.count(session, queued),
        longest_wait=int(max(waits, default=0)),
        queue=queue,
        agents=agents,
        over=await summaries(session, late, MOST_ON_BOARD, 0),
    )


async def summaries(session: ReadSession, where: Sequence[Any], limit: int, offset: int) -> list[Summary]:
    rows = await repository.listed(session, where, limit, offset)
    tagged: defaultdict[str, list[str]] = defaultdict(list)
    for each in await repository.tags_of(session, [row.id for row, *_ in rows]):
        tagged[each.conversation_id].append(each.tag)
    return [summary(*row, tagged[row[0].id]) for row in rows]


def summary(row: Conversation, line: str, author: str, unread: int, tags: list[str]) -> Summary:
    return Summary(
        id=row.id,
        channel=row.answer_channel,
        owner=cast(Owner, row.owner),
        status=cast(Status, row.status),
        agent_id=row.agent_id,
        reason=row.handoff_reason,
        skill=row.skill,
        priority=row.priority,
        tags=tags,
        customer_id=row.customer_id,
        last_event=row.last_event,
        last_line=line,
        last_author=author,
        unread=unread,
        queued_at=row.queued_at,
        waiting_since=row.waiting_since,
        snoozed_until=row.snoozed_until,
        escalated=row.escalated_at is not None,
        merged_into=row.merged_into,
        updated_at=row.updated_at,
    )
