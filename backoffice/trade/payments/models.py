from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base
from backoffice.kit.time import now

STARTED = text("state = 'started'")


class PaymentAttempt(Base):
    """A shopper's try to pay an order in one way: started -> captured, or closed, or failed.

    Money that arrives for a closed one makes it captured all the same: what was paid is in `payments`.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        Index(
            "uq_payment_attempts_started",
            "order_id",
            "method",
            unique=True,
            sqlite_where=STARTED,
            postgresql_where=STARTED,
        ),
        Index("ix_payment_attempts_due_at", "due_at", sqlite_where=STARTED, postgresql_where=STARTED),
    )

    reference: Mapped[str] = mapped_column(String(32), primary_key=True, doc="ours, told to the provider")
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[str] = mapped_column(String(20))
    amount_fen: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    client: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), default=None, doc="what the shopper's side needs; none: not asked for yet"
    )
    started_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(doc="not to be paid any more then")
    due_at: Mapped[datetime] = mapped_column(doc="when the provider is asked what became of it, next")
    asked: Mapped[int] = mapped_column(Integer, default=0, doc="how often it was asked")
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
