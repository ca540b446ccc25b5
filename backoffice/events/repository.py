"""All SQL of the outbox."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import aliased

from backoffice.events.models import OutboxEvent
from backoffice.events.schemas import Event
from backoffice.kit.database import WriteSession
from backoffice.kit.together import write_rows

CLAIMING = 8156
"""The advisory lock of PostgreSQL under which claims take turns; 8154 is the migrations', 8155 the bot's."""


async def add(session: WriteSession, topic: str, key: str, payload: dict[str, Any]) -> None:
    """Write an event down; it is due at once."""
    await write_rows(session, OutboxEvent, {"topic": topic, "key": key, "payload": payload})


async def claim(session: WriteSession, moment: datetime, lease: timedelta, limit: int) -> list[Event]:
    """Unsent events in order, kept from other relays for `lease`; none that follows one of its key which
    another relay has, or which has to wait. Claims take turns, or that could not be seen.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(CLAIMING)))
    earlier = aliased(OutboxEvent)
    due = (
        select(OutboxEvent.id)
        .where(
            OutboxEvent.sent_at.is_(None),
            OutboxEvent.due_at <= moment,
            ~select(earlier.id)
            .where(
                earlier.key == OutboxEvent.key,
                earlier.sent_at.is_(None),
                earlier.due_at > moment,
                earlier.id < OutboxEvent.id,
            )
            .exists(),
        )
        .order_by(OutboxEvent.id)
        .limit(limit)
    )
    claimed = await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id.in_(due.scalar_subquery()))
        .values(due_at=moment + lease)
        .returning(
            OutboxEvent.id, OutboxEvent.topic, OutboxEvent.key, OutboxEvent.payload, OutboxEvent.attempts
        )
        .execution_options(synchronize_session=False)
    )
    return sorted((Event(*row) for row in claimed), key=lambda event: event.id)


async def mark_sent(session: WriteSession, ids: Collection[int], moment: datetime) -> None:
    """These events were taken by every consumer of theirs."""
    if ids:
        await session.execute(update(OutboxEvent).where(OutboxEvent.id.in_(ids)).values(sent_at=moment))


async def put_off(session: WriteSession, ids: Collection[int], until: datetime) -> None:
    """These events failed and are not due before that time."""
    await session.execute(
        update(OutboxEvent)
        .where(OutboxEvent.id.in_(ids))
        .values(due_at=until, attempts=OutboxEvent.attempts + 1)
    )


async def remove_sent(session: WriteSession, before: datetime, limit: int) -> int:
    """Delete those of the oldest `limit` sent events that were sent before that time; how many.

    The newest event of all stays, else SQLite would give its number a second time.
    """
    newest = select(func.max(OutboxEvent.id)).scalar_subquery()
    oldest = (
        select(OutboxEvent.id)
        .where(OutboxEvent.sent_at.is_not(None), OutboxEvent.id < newest)
        .order_by(OutboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    removed = await session.execute(
        delete(OutboxEvent)
        .where(OutboxEvent.id.in_(oldest), OutboxEvent.sent_at < before)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], removed).rowcount
