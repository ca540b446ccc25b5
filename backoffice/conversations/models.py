from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Conversation(Base):
    """All that one sender writes in one channel. `owner` says who answers; its fence (kit.fencing) says since
    which epoch. One that was merged is an address only: what its sender writes goes where it points, and
    the answer comes to where the shopper wrote last.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("channel", "sender"),
        Index(
            "ix_conversations_desk",
            "owner",
            "agent_id",
            postgresql_where=text("status <> 'resolved' AND owner <> 'bot'"),
            sqlite_where=text("status <> 'resolved' AND owner <> 'bot'"),
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
    answer_channel: Mapped[str] = mapped_column(String(20), doc="where the shopper wrote last")
    answer_sender: Mapped[str] = mapped_column(String(80))
    pushed: Mapped[bool] = mapped_column(Boolean, default=False, doc="whether that channel wants deliveries")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True, default=None)
    owner: Mapped[str] = mapped_column(String(10), default="bot", doc="bot, queue, agent")
    agent_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), index=True, default=None, doc="who answers, or who did last"
    )
    status: Mapped[str] = mapped_column(String(10), default="open", doc="open, snoozed, resolved")
    snoozed_until: Mapped[datetime | None] = mapped_column(default=None)
    merged_into: Mapped[str | None] = mapped_column(ForeignKey("conversations.id"), index=True, default=None)
    priority: Mapped[int] = mapped_column(Integer, default=0, doc="0 usual, 1 soon, 2 now")
    skill: Mapped[str] = mapped_column(String(20), default="", doc="which people should take it; empty: any")
    last_event: Mapped[int] = mapped_column(Integer, default=0)
    turn_id: Mapped[str | None] = mapped_column(String(32), default=None, doc="the turn at work, if any")
    turn_until: Mapped[datetime | None] = mapped_column(default=None, doc="its lease")
    failed_turns: Mapped[int] = mapped_column(Integer, default=0, doc="in a row without an answer")
    handoff_reason: Mapped[str] = mapped_column(String(40), default="")
    queued_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    escalated_at: Mapped[datetime | None] = mapped_column(default=None, doc="waited too long in the queue")
    waiting_since: Mapped[datetime | None] = mapped_column(
        default=None, doc="the oldest message that people have not answered"
    )
    first_reply_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="of a person, after `queued_at`"
    )
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)
    delivered_event: Mapped[int] = mapped_column(
        Integer, default=0, doc="the shopper's device has up to here"
    )
    read_event: Mapped[int] = mapped_column(Integer, default=0, doc="the shopper has read up to here")
    agent_read_event: Mapped[int] = mapped_column(Integer, default=0)
    passive_until: Mapped[datetime | None] = mapped_column(
        default=None, doc="until then an answer can go inline to who asked; pushes wait"
    )
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
        Index(
            "ix_messages_attachment_id",
            "attachment_id",
            postgresql_where=text("attachment_id IS NOT NULL"),
            sqlite_where=text("attachment_id IS NOT NULL"),
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
    attachment_id: Mapped[str | None] = mapped_column(ForeignKey("attachments.id"), default=None)
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), default=None, doc="the agent who said it"
    )
    turn_id: Mapped[str | None] = mapped_column(
        String(32), index=True, default=None, doc="which turn heard or said it; empty: people"
    )
    at: Mapped[datetime] = mapped_column(default=now)


class Attachment(Base):
    """A picture; its bytes are in the state folder under its id, never under a name of its sender's."""

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer, doc="bytes")
    width: Mapped[int] = mapped_column(Integer, default=0, doc="pixels")
    height: Mapped[int] = mapped_column(Integer, default=0, doc="pixels")
    name: Mapped[str] = mapped_column(String(120), default="", doc="as its sender called it, made harmless")
    at: Mapped[datetime] = mapped_column(default=now)


class Reading(Base):
    """What the bot understood in a turn, and what it did."""

    __tablename__ = "readings"
    __table_args__ = (
        Index(None, "model", "at"),
        Index(
            "ix_readings_differing",
            "at",
            postgresql_where=text("shadow_model <> '' AND shadow_intent <> intent"),
            sqlite_where=text("shadow_model <> '' AND shadow_intent <> intent"),
        ),
    )

    turn_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    intent: Mapped[str] = mapped_column(String(60), index=True)
    confidence: Mapped[float] = mapped_column(Float)
    ranking: Mapped[list[Any]] = mapped_column(JSON, default=list, doc="pairs of intent and confidence")
    actions: Mapped[list[str]] = mapped_column(JSON, default=list)
    model: Mapped[str] = mapped_column(
        String(80), default="", server_default="", doc="the name of the one that answered"
    )
    shadow_model: Mapped[str] = mapped_column(
        String(80), default="", server_default="", doc="the name of one that read along; empty: none did"
    )
    shadow_intent: Mapped[str] = mapped_column(String(60), default="", server_default="")
    shadow_confidence: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """A line on its way to a shopper over a channel that pushes. Lines of one conversation go in order."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("conversation_id", "event"),
        Index(
            "ix_deliveries_open",
            "due_at",
            postgresql_where=text("state IN ('queued', 'sending')"),
            sqlite_where=text("state IN ('queued', 'sending')"),
        ),
        Index(
            "ix_deliveries_undelivered",
            "at",
            postgresql_where=text("state IN ('failed', 'unknown')"),
            sqlite_where=text("state IN ('failed', 'unknown')"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    event: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str] = mapped_column(String(20))
    sender: Mapped[str] = mapped_column(String(80), doc="who gets it, as the channel knows them")
    author: Mapped[str] = mapped_column(String(10), doc="bot, system, agent")
    epoch: Mapped[int] = mapped_column(Integer, doc="of the conversation when it was said")
    state: Mapped[str] = mapped_column(
        String(10), default="queued", doc="queued, sending, sent, delivered, read, failed, unknown"
    )
    reason: Mapped[str] = mapped_column(String(40), default="", doc="why it failed or waits")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_until: Mapped[datetime | None] = mapped_column(default=None, doc="while it is being sent")
    answers: Mapped[int | None] = mapped_column(
        Integer, default=None, doc="the shopper's event whose request carried it inline"
    )
    provider_id: Mapped[str | None] = mapped_column(String(80), default=None, doc="given by the channel")
    at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)


class SendWindow(Base):
    """What a metered channel lets us push to a sender: `allowed` pushes until `until`; the newest counts."""

    __tablename__ = "send_windows"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True, doc="what opened it: message, action")
    allowed: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer, default=0)
    until: Mapped[datetime] = mapped_column()


class OwnershipChange(Base):
    """Who had a conversation, from whom to whom, when and why: the record that reports and audits read."""

    __tablename__ = "ownership_changes"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    kind: Mapped[str] = mapped_column(
        String(20),
        doc="handed_over, assigned, claimed, taken_over, transferred, given_back, requeued, escalated, "
        "snoozed, woken, resolved, reopened, merged",
    )
    reason: Mapped[str] = mapped_column(String(40), default="")
    from_owner: Mapped[str] = mapped_column(String(10))
    to_owner: Mapped[str] = mapped_column(String(10))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), default=None, doc="who did it")
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), default=None, doc="who has it now")
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class Note(Base):
    """What colleagues tell each other about a conversation; no channel ever reads this table."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str] = mapped_column(Text)
    mentions: Mapped[list[int]] = mapped_column(JSON, default=list, doc="ids of staff")
    after_event: Mapped[int] = mapped_column(Integer, default=0, doc="the newest line when it was written")
    at: Mapped[datetime] = mapped_column(default=now)


class Tag(Base):
    __tablename__ = "conversation_tags"

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(20), primary_key=True)


class Rating(Base):
    """What a shopper thought of it, once for each time it was resolved."""

    __tablename__ = "ratings"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    asked_event: Mapped[int] = mapped_column(Integer, doc="the line that asked")
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), default=None)
    stars: Mapped[int | None] = mapped_column(Integer, default=None, doc="1 to 5; none: not answered")
    comment: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (UniqueConstraint("conversation_id", "asked_event"),)


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
