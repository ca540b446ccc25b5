from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class StockCount(Base):
    """A cycle count at a location: what is on the shelf is counted while it is sold."""

    __tablename__ = "stock_counts"
    __table_args__ = (Index(None, "state", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    state: Mapped[str] = mapped_column(String(10), default="open", doc="open, closed")
    note: Mapped[str] = mapped_column(String(160), default="")
    opened_by: Mapped[int] = mapped_column(Id)
    opened_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)


class StockCountLine(Base):
    """A SKU of a count. The figures are those of the last of its rounds, 0: not counted yet.

    `short`: pieces that are promised and were not found; the counter stays above the promises.
    """

    __tablename__ = "stock_count_lines"

    count_id: Mapped[int] = mapped_column(ForeignKey("stock_counts.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    rounds: Mapped[int] = mapped_column(Integer, default=0)
    counted: Mapped[int | None] = mapped_column(Integer, default=None)
    expected: Mapped[int | None] = mapped_column(Integer, default=None, doc="on hand when it was entered")
    short: Mapped[int] = mapped_column(Integer, default=0)
    counted_by: Mapped[int | None] = mapped_column(Id, default=None)
    counted_at: Mapped[datetime | None] = mapped_column(default=None)


class StockTransfer(Base):
    """Pieces on their way from one location to another; closed when none is on the way any more."""

    __tablename__ = "stock_transfers"
    __table_args__ = (
        CheckConstraint("from_id != to_id", name="elsewhere"),
        Index(None, "state", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    state: Mapped[str] = mapped_column(String(10), default="sent", doc="sent, closed")
    note: Mapped[str] = mapped_column(String(160), default="")
    sent_by: Mapped[int] = mapped_column(Id)
    sent_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    difference: Mapped[str] = mapped_column(String(160), default="", doc="why pieces did not arrive")


class StockTransferLine(Base):
    """A SKU of a transfer: what is neither received nor lost is on the way."""

    __tablename__ = "stock_transfer_lines"
    __table_args__ = (
        CheckConstraint("received >= 0 AND lost >= 0 AND received + lost <= sent", name="covered"),
    )

    transfer_id: Mapped[int] = mapped_column(ForeignKey("stock_transfers.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    sent: Mapped[int] = mapped_column(Integer)
    received: Mapped[int] = mapped_column(Integer, default=0)
    lost: Mapped[int] = mapped_column(Integer, default=0)


class StockAlert(Base):
    """A level that sells out within days, until it lasts long enough again; one at a time."""

    __tablename__ = "stock_alerts"
    __table_args__ = (
        Index(
            "ix_stock_alerts_open",
            "location_id",
            "sku_id",
            unique=True,
            postgresql_where=text("recovered_at IS NULL"),
            sqlite_where=text("recovered_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    location_id: Mapped[int] = mapped_column(Id)
    sku_id: Mapped[int] = mapped_column(Id)
    free: Mapped[int] = mapped_column(Integer, doc="when it was raised, as the two that follow")
    sold: Mapped[int] = mapped_column(Integer, doc="in the days that are looked at")
    days: Mapped[float] = mapped_column(Float, doc="how long what was free lasts at that rate")
    raised_at: Mapped[datetime] = mapped_column(default=now)
    recovered_at: Mapped[datetime | None] = mapped_column(default=None)
