"""A write asked for twice happens once: the key is a row of the same transaction."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, WriteSession, insert_once
from backoffice.kit.errors import Invalid
from backoffice.kit.time import now
from backoffice.kit.together import change_row, together


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "at"),)

    scope: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    answer: Mapped[Any] = mapped_column(JSON, default=None)
    at: Mapped[datetime] = mapped_column(default=now)


async def once(
    session: WriteSession, scope: str, key: str, fingerprint: str, verb: Callable[[], Awaitable[Any]]
) -> Any:
    """Run `verb` and keep its JSON answer; a repeat with the same key gets the kept answer and runs nothing.

    `scope` is who asks, `fingerprint` a digest of what is asked. A verb that raises keeps nothing.
    Raises `Invalid` (`idempotency_key_reused`) when the key stands for another request.
    """
    kept = None
    while kept is None:
        if await insert_once(
            session, IdempotencyKey, scope=scope, key=key, fingerprint=fingerprint, answer=None, at=now()
        ):
            async with together(session):
                answer = await verb()
                await change_row(session, IdempotencyKey, {"scope": scope, "key": key}, {"answer": answer})
            return answer
        found = select(IdempotencyKey.fingerprint, IdempotencyKey.answer)
        which = (IdempotencyKey.scope == scope, IdempotencyKey.key == key)
        kept = (await session.execute(found.where(*which))).one_or_none()
    if kept.fingerprint != fingerprint:
        raise Invalid("idempotency_key_reused", "this key was used for another request")
    return kept.answer
