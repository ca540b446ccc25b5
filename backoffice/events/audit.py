"""Who did what to whom, and why: written in the transaction of the deed, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id, ReadSession, WriteSession
from backoffice.kit.time import now


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "subject", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    action: Mapped[str] = mapped_column(String(40), doc="e.g. unmasked, order_cancelled")
    subject: Mapped[str] = mapped_column(String(80), doc="e.g. customer:7")
    reason: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime] = mapped_column(default=now, index=True)


async def record(
    session: WriteSession, staff_id: int, action: str, subject: str, reason: str = "", **detail: Any
) -> None:
    """`detail` holds no personal data: an audit outlives what it tells of."""
    values = {
        "staff_id": staff_id,
        "action": action,
        "subject": subject,
        "reason": reason,
        "detail": detail,
        "at": now(),
    }
    await session.execute(insert(AuditEntry).values(values))


async def entries(session: ReadSession, subject: str, limit: int = 50) -> list[AuditEntry]:
    """What was done to a subject, newest first."""
    found = select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc())
    return list(await session.scalars(found.limit(limit)))
