from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class OutboxEvent(Base):
    """An event written in the transaction of what it tells; a relay sends it on and marks it sent.

    Who claims it moves `due_at` into the future: no other relay takes it before, every relay may after.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_unsent",
            "key",
            "id",
            postgresql_where=text("sent_at IS NULL"),
            sqlite_where=text("sent_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(80))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(Integer, default=0, doc="how often a subscriber failed on it")
    sent_at: Mapped[datetime | None] = mapped_column(default=None)


class Webhook(Base):
    """An address of the shop's own backend that is told of these topics.

    Its secret is not here: it is derived from the app's and from `generation`, which a rotation raises.
    """

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    topics: Mapped[list[str]] = mapped_column(JSON)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    generation: Mapped[int] = mapped_column(Integer, default=1)
    rotated_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="for a while the secret before is valid too"
    )
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookDelivery(Base):
    """One event on its way to one webhook. Those of one key go one after the other.

    Who claims it moves `due_at` into the future: when that passes the attempt was cut off and is made again.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        Index("ix_webhook_deliveries_at", "webhook_id", "at"),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "due_at",
            postgresql_where=text("state IN ('queued', 'sending')"),
            sqlite_where=text("state IN ('queued', 'sending')"),
        ),
        Index(
            "ix_webhook_deliveries_order",
            "webhook_id",
            "key",
            "id",
            postgresql_where=text("state IN ('queued', 'sending')"),
            sqlite_where=text("state IN ('queued', 'sending')"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[str] = mapped_column(String(40), doc="the same however often it is sent")
    topic: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(80), doc="what it is about, e.g. a conversation's id")
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="queued", doc="queued, sending, delivered, dead")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[int | None] = mapped_column(Integer, default=None, doc="of the last answer, if any")
    reason: Mapped[str] = mapped_column(String(40), default="", doc="why the last attempt failed")
    due_at: Mapped[datetime] = mapped_column(default=now)
    give_up_at: Mapped[datetime] = mapped_column()
    at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
