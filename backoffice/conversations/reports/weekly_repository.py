"""SQL of the weekly report: what was asked, and what happened in conversations one after the other."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, func, literal, or_, select

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Reading
from backoffice.conversations.reports.episodes import CHANGE, DAY_MS, LINE, READING, Scope, milliseconds, ms
from backoffice.conversations.reports.walk import Mark
from backoffice.kit.database import ReadSession
from backoffice.kit.time import SHOP_ZONE

FIRST_MONDAY = 4
"""Days from 1970-01-01, a Thursday, to the first Monday."""
ROWS_AT_ONCE = 5000


class AskedRow(NamedTuple):
    """`week` counts from the first Monday of 1970."""

    week: int
    intent: str
    times: int


async def asked(session: ReadSession, scope: Scope) -> list[AskedRow]:
    """Messages that shoppers typed and the bot read, by week and intent."""
    typed = select(Message.turn_id).where(
        Message.turn_id == Reading.turn_id,
        Message.author == "shopper",
        Message.command.is_(None),
        Message.text != "",
    )
    offset = ms(scope.since.astimezone(SHOP_ZONE).utcoffset() or timedelta())
    day = (milliseconds(Reading.at) + offset) // DAY_MS
    week = ((day - FIRST_MONDAY) // 7).label("week")
    read = select(week, Reading.intent.label("intent")).where(
        Reading.at >= scope.since, Reading.at < scope.until, typed.exists()
    )
    if scope.channel:
        read = read.join(Conversation, Conversation.id == Reading.conversation_id)
        read = read.where(Conversation.channel == scope.channel)
    found = read.subquery().c
    wanted = select(found.week, found.intent, func.count()).group_by(found.week, found.intent)
    return [AskedRow(*row) for row in await session.execute(wanted)]


async def marks(session: ReadSession, scope: Scope) -> dict[str, list[Mark]]:
    """What cuts the conversations that the period touches into episodes and tells how these went.

    Lines between the edges of a silence and readings that another one follows soon are left out, except
    where people resolved something.
    """
    touched = select(Conversation.id).where(
        Conversation.updated_at >= scope.since, Conversation.opened_at < scope.until
    )
    resolved = select(OwnershipChange.conversation_id).where(OwnershipChange.kind == "resolved")

    def of(table: Any, *columns: Any) -> Any:
        at = milliseconds(table.at).label("at")
        return select(table.conversation_id, at, *columns).where(table.conversation_id.in_(touched))

    def near(rows: Any, *order: Any) -> tuple[Any, Any]:
        """How long before and after a row nothing happened; None: before the first, after the last."""
        window = {"partition_by": rows.conversation_id, "order_by": order}
        return rows.at - func.lag(rows.at).over(**window), func.lead(rows.at).over(**window) - rows.at

    line = (
        of(Message, Message.event, Message.author, Message.channel)
        .where(or_(Message.command.is_(None), ~Message.command.startswith("/rate")))
        .subquery()
        .c
    )
    before, after = near(line, line.event)
    lines = select(*line, before.label("before"), after.label("after")).subquery().c
    edge = or_(lines.before.is_(None), lines.after.is_(None), lines.before >= DAY_MS, lines.after >= DAY_MS)
    told = or_(edge, lines.author == "agent", lines.conversation_id.in_(resolved))
    reading = of(Reading, Reading.intent, cast(Reading.actions, Text).label("actions")).subquery().c
    _, after = near(reading, reading.at, reading.intent)
    readings = select(*reading, after.label("after")).subquery().c
    last = or_(
        readings.after.is_(None), readings.after >= DAY_MS // 2, readings.conversation_id.in_(resolved)
    )
    change = OwnershipChange
    wanted: dict[int, Any] = {
        LINE: select(
            lines.conversation_id, lines.at, lines.event, lines.author, lines.channel, lines.before
        ).where(told),
        CHANGE: of(change, change.id, change.kind, change.from_owner, change.to_owner),
        READING: select(
            readings.conversation_id, readings.at, literal(0), readings.intent, readings.actions
        ).where(last),
    }
    found: dict[str, list[Mark]] = {}
    for place, rows in wanted.items():
        streamed = await session.stream(rows, execution_options={"yield_per": ROWS_AT_ONCE})
        async for portion in streamed.partitions():
            for conversation, at, *fields in portion:
                found.setdefault(conversation, []).append(Mark(at, place, *fields))
    return found
