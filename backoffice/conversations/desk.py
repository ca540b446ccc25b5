"""The people's side of conversations: who has which, what they say, note and see. Session first, no commit.

`by` is always the id of the staff member who acts. Who changes the owner holds the conversation's fence first.
"""

from collections.abc import Sequence
from datetime import datetime

from backoffice.conversations.desk_schemas import Board, ChangeView, Filter, NoteView
from backoffice.conversations.schemas import Summary
from backoffice.kit.database import ReadSession, WriteSession


async def claim(session: WriteSession, conversation_id: str, by: int) -> None:
    """Take it from the queue. Raises `Conflict` (`already_taken`; `not_queued` when the bot has it)."""
    raise NotImplementedError


async def take_over(session: WriteSession, conversation_id: str, by: int) -> None:
    """Take it from the bot, the queue or a colleague; the shopper is told when it comes from the bot."""
    raise NotImplementedError


async def transfer(
    session: WriteSession,
    conversation_id: str,
    by: int,
    to_staff: int | None,
    skill: str = "",
    note: str = "",
) -> None:
    """Give it to a colleague who is present, or to the queue of those with `skill`, with a private note.

    Raises `Conflict` (`not_present`).
    """
    raise NotImplementedError


async def give_back(session: WriteSession, conversation_id: str, by: int) -> None:
    """Let the bot go on; a line tells the shopper. Raises `Conflict` (`somebody_else_answers`)."""
    raise NotImplementedError


async def snooze(session: WriteSession, conversation_id: str, by: int, until: datetime) -> None:
    """Out of sight until then, or until the shopper writes. Raises `Conflict` (`somebody_else_answers`)."""
    raise NotImplementedError


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
    raise NotImplementedError


async def reopen(session: WriteSession, conversation_id: str, by: int) -> None:
    """A resolved one goes on, with `by`. Raises `Conflict` (`not_resolved`)."""
    raise NotImplementedError


async def merge(session: WriteSession, conversation_id: str, into: str, by: int) -> None:
    """What its sender writes goes into another conversation of the same customer, which `by` then has.

    Raises `Conflict` (`not_same_customer`, `merged`, `somebody_else_answers`).
    """
    raise NotImplementedError


async def answer(
    session: WriteSession,
    conversation_id: str,
    by: int,
    text: str,
    attachment: str | None = None,
    expecting: int | None = None,
) -> int:
    """A line by a person, who thereby has the conversation if nobody had; its number.

    `expecting` is the newest event they had seen. Raises `Invalid` (`empty_message`, `too_long`) or
    `Conflict` (`somebody_else_answers`; `new_lines` when a colleague wrote after `expecting`).
    """
    raise NotImplementedError


async def note(
    session: WriteSession, conversation_id: str, by: int, text: str, mentions: Sequence[int] = ()
) -> NoteView:
    """Tell colleagues; no channel shows it. Those mentioned (ids of staff) get an event on topic `mention`."""
    raise NotImplementedError


async def notes(session: ReadSession, conversation_id: str) -> list[NoteView]:
    """Oldest first."""
    raise NotImplementedError


async def changes(session: ReadSession, conversation_id: str) -> list[ChangeView]:
    """Who had it since when and why, oldest first."""
    raise NotImplementedError


async def tag(
    session: WriteSession, conversation_id: str, by: int, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> None:
    """Add and remove tags of 1 to 20 characters. Raises `Invalid` (`bad_tag`)."""
    raise NotImplementedError


async def tags(session: ReadSession) -> list[str]:
    """Every tag in use, for a filter."""
    raise NotImplementedError


async def set_priority(session: WriteSession, conversation_id: str, by: int, priority: int) -> None:
    """0 usual, 1 soon, 2 now. Raises `Invalid` (`bad_priority`)."""
    raise NotImplementedError


async def set_skill(session: WriteSession, conversation_id: str, by: int, skill: str) -> None:
    """Which people should take it; empty: any. Raises `Invalid` (`bad_skill`)."""
    raise NotImplementedError


async def seen(session: WriteSession, conversation_id: str, by: int, event: int) -> None:
    """`by`, who has the conversation, has read up to this event; of others it is not kept."""
    raise NotImplementedError


async def find(session: ReadSession, conversation_id: str) -> Summary:
    """One conversation as in a list. Raises `NotFound`."""
    raise NotImplementedError


async def listed(
    session: ReadSession, wanted: Filter, limit: int = 50, offset: int = 0
) -> tuple[list[Summary], int]:
    """A page of conversations and how many there are: who waits in the queue first, then the newest."""
    raise NotImplementedError


async def of_customer(session: ReadSession, customer_id: int) -> list[Summary]:
    """All conversations of a customer over all channels, the newest first."""
    raise NotImplementedError


async def board(session: ReadSession, wait_limit: float) -> Board:
    """How the desk stands; `wait_limit`: seconds in the queue (settings.queue_wait_limit)."""
    raise NotImplementedError
