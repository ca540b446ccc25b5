from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Conversation(Base):
    """One talk in one channel. `owner` says who answers; its fence (kit.fencing) says since which epoch."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(
            "uq_conversations_open",
            "channel",
            "sender",
            unique=True,
            postgresql_where=text("status = 'open'"),
            sqlite_where=text("status = 'open'"),
        ),
        Index(
            "ix_conversations_turn",
            "turn_until",
            postgresql_where=text("turn_id IS NOT NULL"),
            sqlite_where=text("turn_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    sender: Mapped[str] = mapped_column(String(80), doc="who writes, as the channel knows them")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True, default=None)
    owner: Mapped[str] = mapped_column(String(10), default="bot", doc="bot, queue, agent")
    status: Mapped[str] = mapped_column(String(10), default="open", doc="open, resolved")
    last_event: Mapped[int] = mapped_column(Integer, default=0)
    turn_id: Mapped[str | None] = mapped_column(String(32), default=None, doc="the turn at work, if any")
    turn_until: Mapped[datetime | None] = mapped_column(default=None, doc="its lease")
    failed_turns: Mapped[int] = mapped_column(Integer, default=0, doc="in a row without an answer")
    handoff_reason: Mapped[str] = mapped_column(String(40), default="")
    queued_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    opened_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, index=True)


class Message(Base):
    """One line of a transcript, numbered 1, 2, 3 … within its conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("channel", "sender", "message_id"),
        Index(
            "ix_messages_unheard",
            "conversation_id",
            postgresql_where=text("author = 'shopper' AND turn_id IS NULL"),
            sqlite_where=text("author = 'shopper' AND turn_id IS NULL"),
        ),
    )

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    event: Mapped[int] = mapped_column(Integer, primary_key=True)
    author: Mapped[str] = mapped_column(String(10), doc="shopper, bot, system, agent")
    channel: Mapped[str] = mapped_column(String(20))
    sender: Mapped[str] = mapped_column(String(80), default="")
    message_id: Mapped[str | None] = mapped_column(String(80), default=None, doc="given by the sender")
    text: Mapped[str] = mapped_column(Text)
    command: Mapped[str | None] = mapped_column(
        Text, default=None, doc="what a pressed button asks of the bot"
    )
    buttons: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    card: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    turn_id: Mapped[str | None] = mapped_column(
        String(32), index=True, default=None, doc="which turn heard or said it; empty: people"
    )
    at: Mapped[datetime] = mapped_column(default=now)


class Case(Base):
    """Something filed for people to look into, with a number the shopper can quote."""

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[str] = mapped_column(
        String(20),
        doc="complaint, feedback, privacy, not_received, wrong_item, defective, price_protection, repair",
    )
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), default=None, index=True)
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id"), default=None)
    order_number: Mapped[str] = mapped_column(String(16), default="")
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    at: Mapped[datetime] = mapped_column(default=now)
