from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now

RUNNING, QUEUED = text("state = 'running'"), text("state = 'queued'")


class TrainingJob(Base):
    """Something to be done in the bot's environment. One runs at a time in the whole shop.

    Who runs it moves `lease_until` into the future: when that passes the worker died and another begins anew.
    """

    __tablename__ = "training_jobs"
    __table_args__ = (
        Index(
            "uq_training_jobs_running", "state", unique=True, sqlite_where=RUNNING, postgresql_where=RUNNING
        ),
        Index(
            "uq_training_jobs_queued",
            "kind",
            "dataset",
            "model",
            unique=True,
            sqlite_where=QUEUED,
            postgresql_where=QUEUED,
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(10), doc="train, evaluate")
    state: Mapped[str] = mapped_column(
        String(10), default="queued", doc="queued, running, done, failed, cancelled"
    )
    step: Mapped[str] = mapped_column(String(80), default="")
    progress: Mapped[float] = mapped_column(Float, default=0.0, doc="a share, 0 to 1")
    dataset: Mapped[int] = mapped_column(Integer, default=0, doc="the revision trained from; 0: what ships")
    model: Mapped[str] = mapped_column(String(80), default="", doc="made by it, or judged by it")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), doc="none: the command line")
    why: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(String(40), default="", doc="a stable code")
    detail: Mapped[str] = mapped_column(Text, default="", doc="what went wrong, in one line")
    log: Mapped[str] = mapped_column(Text, default="", doc="its last lines")
    tries: Mapped[int] = mapped_column(Integer, default=0)
    cancelled: Mapped[bool] = mapped_column(Boolean, default=False, doc="asked for while it runs")
    worker: Mapped[str] = mapped_column(String(40), default="")
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    asked_at: Mapped[datetime] = mapped_column(default=now)
    began_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class TrainedModel(Base):
    """A file in the folder of models; the row stays when the file goes."""

    __tablename__ = "trained_models"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    dataset: Mapped[int] = mapped_column(Integer, doc="the revision it learnt from; 0: what ships")
    fingerprint: Mapped[str] = mapped_column(String(64), doc="of all that it was made of")
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float] = mapped_column(Float, doc="the training took; 0: not known")
    at: Mapped[datetime] = mapped_column(default=now)
    removed_at: Mapped[datetime | None] = mapped_column(default=None)


class Evaluation(Base):
    """What one model made of the sentences and test conversations of one job."""

    __tablename__ = "evaluations"
    __table_args__ = (UniqueConstraint("job_id", "model"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("training_jobs.id"))
    model: Mapped[str] = mapped_column(ForeignKey("trained_models.name"), index=True)
    sets: Mapped[dict[str, list[dict[str, Any]]]] = mapped_column(JSON, doc="judged sentences by set")
    stories: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    bytes: Mapped[int] = mapped_column(BigInteger)
    load_seconds: Mapped[float] = mapped_column(Float)
    memory_bytes: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(default=now)
