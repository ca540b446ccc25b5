from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


def partial(name: str | None, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


class ReviewGroup(Base):
    """Candidates that are alike. Whoever changes one of them locks its group's row first: `open` and `harm`
    are counted anew under that lock.
    """

    __tablename__ = "review_groups"
    __table_args__ = (partial("ix_review_groups_queue", "harm", "id", where="open > 0"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    title: Mapped[str] = mapped_column(String(200), doc="the text of its leader, masked")
    read_as: Mapped[str] = mapped_column(String(60), doc="how the bot read the leader")
    open: Mapped[int] = mapped_column(Integer, default=0, doc="members that wait for a decision")
    harm: Mapped[int] = mapped_column(Integer, default=0, doc="of these together")
    label: Mapped[str] = mapped_column(String(60), default="", doc="the intent decided last for members")
    at: Mapped[datetime] = mapped_column(default=now)


class ReviewCandidate(Base):
    """A message that the bot read. Its text is masked as it is stored; `harm` is the weight of `signals`."""

    __tablename__ = "review_candidates"
    __table_args__ = (
        partial("ix_review_candidates_open", "group_id", "harm", "id", where="state = 'open'"),
        partial("ix_review_candidates_waiting", "id", where="state = 'open'"),
        partial("ix_review_candidates_judged", "day", where="state = 'decided'"),
        Index(None, "group_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    turn_id: Mapped[str] = mapped_column(String(32), unique=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    event: Mapped[int] = mapped_column(Integer, doc="the last line that the turn heard")
    text: Mapped[str] = mapped_column(Text)
    intent: Mapped[str] = mapped_column(String(60))
    read_as: Mapped[str] = mapped_column(String(60), doc="the intent, or the likeliest behind the fallback")
    confidence: Mapped[float] = mapped_column(Float)
    ranking: Mapped[list[Any]] = mapped_column(JSON, default=list, doc="pairs of intent and chance")
    actions: Mapped[list[str]] = mapped_column(JSON, default=list)
    shadow: Mapped[str] = mapped_column(String(60), default="", doc="how a candidate model reads it")
    signals: Mapped[list[str]] = mapped_column(JSON, default=list)
    harm: Mapped[int] = mapped_column(Integer, default=0)
    group_id: Mapped[int] = mapped_column(ForeignKey("review_groups.id"))
    state: Mapped[str] = mapped_column(String(10), default="open", doc="open, decided")
    decision_id: Mapped[int | None] = mapped_column(
        ForeignKey("review_decisions.id"), index=True, default=None
    )
    spans: Mapped[list[Any]] = mapped_column(
        JSON, default=list, doc="start, end and entity of what was marked"
    )
    day: Mapped[date] = mapped_column(Date, doc="the shop's, of `at`")
    at: Mapped[datetime] = mapped_column()


class ReviewDecision(Base):
    """What somebody said that these messages mean. `second` is how a second reader stands to it."""

    __tablename__ = "review_decisions"
    __table_args__ = (
        Index(None, "staff_id", "id"),
        Index(None, "at"),
        Index(None, "added_at"),
        partial(
            "ix_review_decisions_second",
            "second",
            "id",
            where="second IN ('wanted', 'disagreed') AND undone_at IS NULL",
        ),
        partial(
            "ix_review_decisions_ready",
            "id",
            where="added_at IS NULL AND undone_at IS NULL AND kind IN ('label', 'outside')",
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    group_id: Mapped[int] = mapped_column(Id, doc="of the messages at that time; it may be gone")
    kind: Mapped[str] = mapped_column(String(10), doc="label, outside, two, skip")
    intent: Mapped[str] = mapped_column(String(60), default="")
    also: Mapped[str] = mapped_column(String(60), default="", doc="the second of two intents")
    why: Mapped[str] = mapped_column(String(200), default="")
    count: Mapped[int] = mapped_column(Integer, doc="messages it settled")
    at: Mapped[datetime] = mapped_column(default=now)
    undone_at: Mapped[datetime | None] = mapped_column(default=None)
    added_at: Mapped[datetime | None] = mapped_column(default=None, doc="to the training data")
    examples: Mapped[int] = mapped_column(Integer, default=0, doc="that it became")
    revision: Mapped[int | None] = mapped_column(Integer, default=None, doc="of the training data")
    second: Mapped[str] = mapped_column(
        String(10), default="", doc="empty: nobody is asked; wanted, agreed, disagreed, settled"
    )
    second_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), default=None)
    second_kind: Mapped[str] = mapped_column(String(10), default="")
    second_intent: Mapped[str] = mapped_column(String(60), default="")
    second_also: Mapped[str] = mapped_column(String(60), default="")
    second_at: Mapped[datetime | None] = mapped_column(default=None)


class ReviewDay(Base):
    """What shoppers said on a day: messages that the bot read, and harmful ones that wait for a decision."""

    __tablename__ = "review_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    heard: Mapped[int] = mapped_column(Integer, default=0)
    left: Mapped[int] = mapped_column(Integer, default=0)
