from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class ModelSwitch(Base):
    """What is served from one moment on; the last row counts. Each follows on one other: of two that follow
    on the same one there is no second."""

    __tablename__ = "model_switches"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    after: Mapped[int] = mapped_column(Id, unique=True, doc="the row before; 0: none")
    kind: Mapped[str] = mapped_column(String(10), doc="start, promote, rollback, shadow, share, stop")
    live: Mapped[str] = mapped_column(String(80), doc="the name of the model that answers")
    candidate: Mapped[str] = mapped_column(String(80), default="", doc="the one on trial; empty: none")
    mode: Mapped[str] = mapped_column(
        String(10), default="", doc="shadow: it reads along; share: it answers some conversations"
    )
    percent: Mapped[int] = mapped_column(Integer, default=0, doc="of conversations that it answers")
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), index=True, doc="none: the shop itself"
    )
    why: Mapped[str] = mapped_column(Text, default="")
    override: Mapped[str] = mapped_column(
        Text, default="", doc="why it was promoted although there were objections"
    )
    at: Mapped[datetime] = mapped_column(default=now)


class BotReplica(Base):
    """What a process of the bot said last about itself."""

    __tablename__ = "bot_replicas"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    live: Mapped[str] = mapped_column(String(80), default="", doc="the model that it answers with")
    candidate: Mapped[str] = mapped_column(String(80), default="")
    trouble: Mapped[str] = mapped_column(String(300), default="", doc="why it has not loaded what it should")
    seen_at: Mapped[datetime] = mapped_column(default=now, index=True)
