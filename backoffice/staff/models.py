from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class StaffMember(Base):
    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    login: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    role: Mapped[str] = mapped_column(String(20), doc="agent, supervisor, admin")
    password_hash: Mapped[str] = mapped_column(String(200))
    display_name: Mapped[str] = mapped_column(
        String(40), default="", server_default="", doc="what shoppers read; empty: the name"
    )
    avatar: Mapped[str] = mapped_column(String(16), default="", server_default="", doc="an emoji, or none")
    colour: Mapped[str] = mapped_column(
        String(7), default="#8a6d3b", server_default="#8a6d3b", doc="behind the avatar, #rrggbb"
    )
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)


class StaffSession(Base):
    """A sign-in; whoever shows the token whose SHA-256 is here is the member, until it ends."""

    __tablename__ = "staff_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class StaffPresence(Base):
    """Who is here: what they chose, and when their console was last heard of."""

    __tablename__ = "staff_presence"
    __table_args__ = (CheckConstraint("capacity >= 0", name="capacity"),)

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), doc="online, away, offline")
    heartbeat_at: Mapped[datetime | None] = mapped_column(default=None)
    capacity: Mapped[int] = mapped_column(Integer, default=5, doc="conversations at the same time")


class StaffSkill(Base):
    __tablename__ = "staff_skills"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    skill: Mapped[str] = mapped_column(String(20), primary_key=True)


class CannedReply(Base):
    """A text that agents send often, `{name}` and `{order}` filled on use; with `actions` it is a macro."""

    __tablename__ = "canned_replies"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    shortcut: Mapped[str] = mapped_column(String(40), unique=True, doc="lower case, without the slash")
    title: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(Text)
    actions: Mapped[list[str]] = mapped_column(
        JSON, default=list, server_default="[]", doc="done once it is sent: tag:…, resolve, give_back"
    )
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), index=True, default=None, doc="whose it is; empty: everybody's"
    )
