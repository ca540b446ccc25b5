"""The people's side of conversations: who has which, and what they say. Session first, no commit inside.

`by` is always the id of the staff member who acts. Who changes the owner holds the conversation's fence, then
its row; who also holds somebody's presence does so before both. What colleagues note and see is in `inbox`.
"""

from datetime import datetime
from typing import Any

from backoffice.conversations import ratings, service
from backoffice.conversations import repository as transcript
from backoffice.conversations.delivery import repository as delivery_repository
from backoffice.conversations.desk import inbox, repository
from backoffice.conversations.desk.domain import Held
from backoffice.conversations.domain import LONGEST_TEXT, storable
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.service import FOR_PEOPLE, TOPIC, log_change
from backoffice.events import service as events
from backoffice.kit import fencing
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.messages import message
from backoffice.kit.time import now
from backoffice.staff import presence
from backoffice.staff import service as staff
from backoffice.users.identity import conversation_fence

SOON = 1
STEPPED_IN = "agent_stepped_in"
AT_REST: dict[str, Any] = {
    "snoozed_until": None,
    "queued_at": None,
    "escalated_at": None,
    "waiting_since": None,
    "failed_turns": 0,
}
"""What a conversation looks like that waits for nobody."""


async def hold(session: WriteSession, conversation_id: str) -> Held:
    """The conversation, kept from others until this transaction ends. Raises `NotFound`."""
    await fencing.hold(session, conversation_fence(conversation_id, 0).name)
    held = await repository.hold(session, conversation_id)
    if held is None:
        raise NotFound("conversation_not_found")
    return held


async def hold_own(session: WriteSession, conversation_id: str, by: int) -> Held:
    """As `hold`. Raises `Conflict` (`merged`; `somebody_else_answers` when a colleague has it)."""
    held = await hold_living(session, conversation_id)
    if held.owner == "agent" and held.agent_id not in (by, None):
        raise Conflict("somebody_else_answers", staff_id=held.agent_id)
    return held


async def hold_living(session: WriteSession, conversation_id: str) -> Held:
    """As `hold`. Raises `Conflict` (`merged`) for one that goes on in another."""
    held = await hold(session, conversation_id)
    if held.merged_into:
        raise Conflict("merged", "it goes on in another conversation", into=held.merged_into)
    return held


async def pass_on(
    session: WriteSession,
    held: Held,
    kind: str,
    owner: str,
    by: int | None = None,
    reason: str = "",
    note: str = "",
    **values: Any,
) -> None:
    """From this commit on `owner` has the conversation and nothing of an earlier holder can write in it."""
    await fencing.raise_fence(session, conversation_fence(held.id, 0).name)
    if not await repository.change(session, held, owner=owner, turn_id=None, turn_until=None, **values):
        raise Conflict("already_taken")
    if held.owner == "bot":
        await transcript.mark_heard(session, held.id, FOR_PEOPLE)
        await delivery_repository.withhold(session, held.id, "handed_over", ["bot"])
    agent_id = values.get("agent_id") if owner == "agent" else None
    await log_change(session, held.id, kind, held.owner, owner, reason, by, agent_id, note)
    await events.publish(session, TOPIC, held.id, {"owner": owner, "kind": kind})


def has_now(by: int) -> dict[str, Any]:
    """What a conversation looks like that somebody took."""
    return {
        "agent_id": by,
        "status": "open",
        "snoozed_until": None,
        "queued_at": None,
        "escalated_at": None,
    }


async def claim(session: WriteSession, conversation_id: str, by: int) -> None:
    """Take it from the queue. Raises `Conflict` (`already_taken`; `not_queued` when the bot has it)."""
    await presence.heartbeat(session, by)
    held = await hold_living(session, conversation_id)
    if held.owner == "agent" and held.agent_id == by:
        return
    if held.owner != "queue":
        raise Conflict("already_taken" if held.owner == "agent" else "not_queued", staff_id=held.agent_id)
    await pass_on(session, held, "claimed", "agent", by, **has_now(by))


async def take_over(session: WriteSession, conversation_id: str, by: int) -> None:
    """Take it from the bot, the queue or a colleague; the shopper is told when it comes from the bot."""
    await presence.heartbeat(session, by)
    held = await hold_living(session, conversation_id)
    if held.owner == "agent" and held.agent_id == by:
        return
    await take(session, held, "taken_over", by)
    if held.owner == "bot":
        name = (await staff.member(session, by)).display_name
        line = Bubble(text=message("conversations", "handoff.stepped_in", name=name))
        await service.append(session, held.id, "system", line)


async def take(session: WriteSession, held: Held, kind: str, by: int) -> None:
    """Pass it on to `by`; from the bot that begins a stretch of people's."""
    if held.owner == "bot":
        begun: dict[str, Any] = {"handoff_reason": STEPPED_IN, "first_reply_at": None, "waiting_since": now()}
        await pass_on(session, held, kind, "agent", by, STEPPED_IN, **has_now(by), **begun)
    else:
        await pass_on(session, held, kind, "agent", by, **has_now(by))


async def assign(session: WriteSession, conversation_id: str, staff_id: int) -> bool:
    """Give what waits in the queue to somebody who is present and has room; False when that is not so now."""
    capacity = await presence.hold_present(session, staff_id, now())
    if capacity is None or await repository.load(session, staff_id) >= capacity:
        return False
    held = await hold(session, conversation_id)
    if held.owner != "queue" or held.status != "open":
        return False
    await pass_on(session, held, "assigned", "agent", **has_now(staff_id))
    return True


async def transfer(
    session: WriteSession,
    conversation_id: str,
    by: int,
    to_staff: int | None,
    skill: str = "",
    note: str = "",
) -> None:
    """Give it to a colleague who is present, or to the queue of those with `skill`, with a private note.

    Raises `Conflict` (`not_present`, `merged`).
    """
    if to_staff is not None and await presence.hold_present(session, to_staff, now()) is None:
        raise Conflict("not_present", "they are not here to answer", staff_id=to_staff)
    held = await hold_living(session, conversation_id)
    if to_staff is not None:
        values = has_now(to_staff) | {"waiting_since": held.waiting_since or now()}
        await pass_on(session, held, "transferred", "agent", by, note=note, **values)
    else:
        await to_queue(session, held, "transferred", by, note=note, agent_id=None, skill=skill)
    if note.strip():
        await inbox.note(session, conversation_id, by, note, [to_staff] if to_staff is not None else [])


async def to_queue(
    session: WriteSession, held: Held, kind: str, by: int | None = None, reason: str = "", **values: Any
) -> None:
    """Back among those who wait, before who has not seen anybody yet."""
    moment = now()
    note = values.pop("note", "")
    again = {
        "status": "open",
        "snoozed_until": None,
        "queued_at": held.waiting_since or moment,
        "waiting_since": held.waiting_since or moment,
        "escalated_at": None,
        "priority": max(held.priority, SOON),
    }
    await pass_on(session, held, kind, "queue", by, reason, note, **(again | values))


async def requeue(session: WriteSession, conversation_id: str, agent_id: int | None, reason: str) -> bool:
    """Back to the queue from an agent who is not here; False when they do not have it any more."""
    held = await hold(session, conversation_id)
    if held.owner != "agent" or held.agent_id != agent_id or held.status != "open":
        return False
    await to_queue(session, held, "requeued", reason=reason)
    return True


async def wake(session: WriteSession, conversation_id: str, moment: datetime) -> bool:
    """One whose rest is over waits for its agent again; False when it woke before."""
    held = await hold(session, conversation_id)
    if held.status != "snoozed" or held.snoozed_until is None or held.snoozed_until > moment:
        return False
    values = {"status": "open", "snoozed_until": None, "waiting_since": moment}
    await change_state(session, held, "woken", **values)
    return True


async def escalate(session: WriteSession, conversation_id: str, since: datetime) -> bool:
    """Anybody may take one that waits in the queue since before then, soon; False when it was taken."""
    held = await hold(session, conversation_id)
    if held.owner != "queue" or held.escalated_at or held.queued_at is None or held.queued_at >= since:
        return False
    await change_state(session, held, "escalated", escalated_at=now(), priority=max(held.priority, SOON))
    return True


async def change_state(session: WriteSession, held: Held, kind: str, **values: Any) -> None:
    """A change on record that leaves the owner."""
    await repository.change(session, held, **values)
    agent_id = held.agent_id if held.owner == "agent" else None
    await log_change(session, held.id, kind, held.owner, held.owner, agent_id=agent_id)
    await events.publish(session, TOPIC, held.id, {"owner": held.owner, "kind": kind})


async def give_back(session: WriteSession, conversation_id: str, by: int) -> None:
    """Let the bot go on; a line tells the shopper. Raises `Conflict` (`somebody_else_answers`)."""
    held = await hold_own(session, conversation_id, by)
    if held.owner == "bot":
        return
    await pass_on(session, held, "given_back", "bot", by, status="open", **AT_REST)
    line = Bubble(text=message("conversations", "handoff.given_back"))
    await service.append(session, held.id, "system", line)


async def snooze(
    session: WriteSession, conversation_id: str, by: int, until: datetime, expecting: int | None = None
) -> None:
    """Out of sight until then, or until the shopper writes; `by` has it.

    Raises `Conflict` (`somebody_else_answers`; `new_lines` when the shopper wrote after event `expecting`).
    """
    if until <= now():
        raise Invalid("bad_time", "until must be in the future")
    held = await hold_own(session, conversation_id, by)
    await require_seen(session, held, expecting)
    values = AT_REST | {"status": "snoozed", "snoozed_until": until, "agent_id": by}
    await pass_on(session, held, "snoozed", "agent", by, **values)


async def resolve(
    session: WriteSession,
    conversation_id: str,
    by: int,
    ask_rating: bool = True,
    expecting: int | None = None,
) -> None:
    """It is done; the bot answers what comes next. The shopper is asked for one to five stars.

    Raises `Conflict` (`somebody_else_answers`; `new_lines` when the shopper wrote after event `expecting`).
    """
    held = await hold_own(session, conversation_id, by)
    if held.status == "resolved":
        return
    await require_seen(session, held, expecting)
    moment = now()
    agent_id = held.agent_id or by
    values = AT_REST | {"status": "resolved", "resolved_at": moment, "agent_id": agent_id}
    await pass_on(session, held, "resolved", "bot", by, **values)
    if not ask_rating:
        return
    numbered = await transcript.number(session, held.id, 1, moment)
    if numbered is None:
        raise NotFound("conversation_not_found")
    await service.write(session, numbered, "system", [ratings.question(numbered.last_event)])
    await ratings.ask(session, held.id, numbered.last_event, agent_id)


async def require_seen(session: WriteSession, held: Held, expecting: int | None) -> None:
    """Raises `Conflict` (`new_lines`) when the shopper wrote after event `expecting`."""
    if expecting is not None and await repository.last_line_of_shopper(session, held.id) > expecting:
        raise Conflict("new_lines", "the shopper has written meanwhile")


async def reopen(session: WriteSession, conversation_id: str, by: int) -> None:
    """A resolved one goes on, with `by`. Raises `Conflict` (`not_resolved`)."""
    await presence.heartbeat(session, by)
    held = await hold_living(session, conversation_id)
    if held.status != "resolved":
        raise Conflict("not_resolved")
    await take(session, held, "reopened", by)


async def merge(session: WriteSession, conversation_id: str, into: str, by: int) -> None:
    """What its sender writes goes into another conversation of the same customer, which `by` then has.

    Raises `Invalid` (`same_conversation`) or `Conflict` (`not_same_customer`, `merged`,
    `somebody_else_answers`).
    """
    if conversation_id == into:
        raise Invalid("same_conversation")
    await presence.heartbeat(session, by)
    both = {each: await hold_own(session, each, by) for each in sorted((conversation_id, into))}
    held, target = both[conversation_id], both[into]
    if held.customer_id is None or held.customer_id != target.customer_id:
        raise Conflict("not_same_customer", "only conversations of one customer can be merged")
    values = AT_REST | {"status": "resolved", "resolved_at": now(), "merged_into": into}
    await pass_on(session, held, "merged", "bot", by, note=into, **values)
    if target.owner != "agent":
        waiting = target.waiting_since or held.waiting_since
        await pass_on(session, target, "taken_over", "agent", by, waiting_since=waiting, **has_now(by))
    if await wrote_last(session, held, target):
        await repository.answer_there(session, into, held)


async def wrote_last(session: WriteSession, held: Held, other: Held) -> bool:
    """Whether the shopper wrote here after they wrote there."""
    here = await repository.last_said_at(session, held.id)
    there = await repository.last_said_at(session, other.id)
    return here is not None and (there is None or here > there)


async def answer(
    session: WriteSession,
    conversation_id: str,
    by: int,
    text: str,
    attachment: str | None = None,
    expecting: int | None = None,
) -> int:
    """A line by a person, who thereby has the conversation if nobody had; its number.

    `attachment` is the id of a stored picture, `expecting` the newest event they had seen. Raises `Invalid`
    (`empty_message`, `too_long`, `no_such_picture`) or `Conflict` (`merged`, `somebody_else_answers`;
    `new_lines` when a colleague wrote after `expecting`).
    """
    text = storable(text)
    if not text and not attachment:
        raise Invalid("empty_message")
    if len(text) > LONGEST_TEXT:
        raise Invalid("too_long", f"at most {LONGEST_TEXT} characters")
    await presence.heartbeat(session, by)
    held = await hold_own(session, conversation_id, by)
    await service.require_picture(session, conversation_id, attachment)
    theirs = await repository.last_line_of_colleagues(session, conversation_id, by)
    if expecting is not None and theirs > expecting:
        raise Conflict("new_lines", "a colleague has answered meanwhile")
    if held.owner != "agent" or held.agent_id != by:
        kind = "claimed" if held.owner == "queue" else "taken_over"
        if held.status == "resolved":
            kind = "reopened"
        await take(session, held, kind, by)
    await repository.answered(session, conversation_id, now())
    bubble = Bubble(text=text, attachment=attachment)
    return await service.append(session, conversation_id, "agent", bubble, staff_id=by)
