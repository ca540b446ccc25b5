from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base
from backoffice.kit.time import now


class DatasetRevision(Base):
    """The training data after one edit. Numbers follow each other, so that of two edits of the same
    revision one finds its number taken; 0 is what shipped when the first was made."""

    __tablename__ = "dataset_revisions"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    staff_id: Mapped[int | None] = mapped_column(
        ForeignKey("staff.id"), doc="none: it shipped, or came by a service"
    )
    why: Mapped[str] = mapped_column(Text)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, doc="`Changes` against the revision before")
    files: Mapped[dict[str, str]] = mapped_column(JSON, doc="the SHA-256 of each file by its path")
    at: Mapped[datetime] = mapped_column(default=now)


class DatasetFile(Base):
    """What a file of a revision says; many revisions have it."""

    __tablename__ = "dataset_files"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
