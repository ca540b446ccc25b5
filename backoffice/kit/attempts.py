"""Limits that must survive a restart: tries are counted in rows."""

from datetime import datetime, timedelta

from sqlalchemy import Integer, String, case, delete, or_, update
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, WriteSession, upsert
from backoffice.kit.time import now


class Attempts(Base):
    __tablename__ = "attempts"

    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject: Mapped[str] = mapped_column(String(120), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column()


async def allow_attempt(
    session: WriteSession, scope: str, subject: str, limit: int, window: timedelta = timedelta(hours=1)
) -> bool:
    """Count one try of `subject`; False when `limit` tries were made within `window` of the first.

    One conditional upsert, so rivals cannot both take the last try. Commit it even when the try fails.
    """
    moment = now()
    over = Attempts.since < moment - window
    statement = (
        upsert(session, Attempts)
        .values(scope=scope, subject=subject, count=1, since=moment)
        .on_conflict_do_update(
            index_elements=["scope", "subject"],
            set_={
                "count": case((over, 1), else_=Attempts.count + 1),
                "since": case((over, moment), else_=Attempts.since),
            },
            where=or_(over, Attempts.count < limit),
        )
        .returning(Attempts.count)
    )
    return await session.scalar(statement) is not None


async def forget_attempts(session: WriteSession, scope: str, subject: str) -> None:
    """Begin again at none: a try that went well needs no limit."""
    await session.execute(delete(Attempts).where(Attempts.scope == scope, Attempts.subject == subject))


async def give_back_attempt(session: WriteSession, scope: str, subject: str) -> None:
    """Uncount one try that went well; those that failed stay counted."""
    counted = (Attempts.scope == scope) & (Attempts.subject == subject) & (Attempts.count > 0)
    await session.execute(update(Attempts).where(counted).values(count=Attempts.count - 1))
