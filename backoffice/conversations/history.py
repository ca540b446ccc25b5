"""All that was said with one customer, over every channel, by time."""

from datetime import datetime

from sqlalchemy import func, literal, select, tuple_

from backoffice.conversations.domain import Line
from backoffice.conversations.models import Conversation, Message, OwnershipChange
from backoffice.conversations.schemas import History, HistoryLine
from backoffice.conversations.service import event_view
from backoffice.kit.database import ReadSession, UtcDateTime
from backoffice.kit.errors import Invalid

MOST = 200
LINE = [getattr(Message, name) for name in Line._fields]
BY_TIME = (Message.at, Message.conversation_id, Message.event)
PARTED_AT = (
    select(func.max(OwnershipChange.at))
    .where(OwnershipChange.conversation_id == Conversation.id, OwnershipChange.kind == "unbound")
    .correlate(Conversation)
    .scalar_subquery()
)
"""When the sender was parted from the customer before: what was said until then is that customer's."""


async def history(session: ReadSession, customer_id: int, before: str = "", limit: int = 50) -> History:
    """The newest lines, or those before where an earlier page began; oldest first.

    Raises `Invalid` (`bad_cursor`).
    """
    found = (
        select(Message.conversation_id, Message.channel, *LINE)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Conversation.customer_id == customer_id,
            PARTED_AT.is_(None) | (Message.at > PARTED_AT),
        )
        .order_by(*(column.desc() for column in BY_TIME))
        .limit(min(limit, MOST) + 1)
    )
    if before:
        at, conversation, event = read(before)
        cursor = tuple_(literal(at, UtcDateTime()), literal(conversation), literal(event))
        found = found.where(tuple_(*BY_TIME) < cursor)
    rows = (await session.execute(found)).all()
    page, more = rows[: min(limit, MOST)], len(rows) > min(limit, MOST)
    lines = [
        HistoryLine(conversation=conversation, channel=channel, **event_view(Line(*line)).model_dump())
        for conversation, channel, *line in reversed(page)
    ]
    return History(lines=lines, older=cursor_of(lines[0]) if more else None)


def cursor_of(line: HistoryLine) -> str:
    return f"{line.at.isoformat()}|{line.conversation}|{line.id}"


def read(cursor: str) -> tuple[datetime, str, int]:
    """Raises `Invalid` (`bad_cursor`) for one that is not ours."""
    try:
        at, conversation, event = cursor.split("|")
        moment, number = datetime.fromisoformat(at), int(event)
    except ValueError as error:
        raise Invalid("bad_cursor", "take it from an earlier page") from error
    if moment.tzinfo is None or "\x00" in conversation or not 0 < number < 2**31:
        raise Invalid("bad_cursor", "take it from an earlier page")
    return moment, conversation, number
