from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.partitions import partitioned
from backoffice.kit.time import now


class Location(Base):
    """A warehouse or a store; coordinates in WGS-84 degrees."""

    __tablename__ = "locations"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), doc="warehouse, store")
    name: Mapped[str] = mapped_column(String(60), unique=True)
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20), index=True)
    district: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(120))
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)
    hours: Mapped[str] = mapped_column(String(60), doc="e.g. 10:00-22:00")
    phone: Mapped[str] = mapped_column(String(20))


class StockLevel(Base):
    """How many of a SKU are at a location: physically, promised to orders, held in checkouts, kept back."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        CheckConstraint("allocated >= 0 AND reserved >= 0 AND safety >= 0", name="not_negative"),
        CheckConstraint("on_hand >= allocated + reserved", name="not_oversold"),
    )

    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True, index=True)
    on_hand: Mapped[int] = mapped_column(Integer)
    allocated: Mapped[int] = mapped_column(Integer, default=0)
    reserved: Mapped[int] = mapped_column(Integer, default=0)
    safety: Mapped[int] = mapped_column(Integer, default=0)
    shared: Mapped[bool] = mapped_column(default=False, doc="whether any channel has a `StockShare` here")


class StockShare(Base):
    """How much of a level may be promised to the orders of a channel at a time; none: all that is free.

    Both bounds count: so many percent of what is there without the safety stock, and so many pieces.
    """

    __tablename__ = "stock_shares"
    __table_args__ = (
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        CheckConstraint("pieces >= 0", name="not_negative"),
        ForeignKeyConstraint(
            ["location_id", "sku_id"],
            ["stock_levels.location_id", "stock_levels.sku_id"],
            name="fk_stock_shares_level",
        ),
    )

    location_id: Mapped[int] = mapped_column(Id, primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    percent: Mapped[int] = mapped_column(Integer, default=100)
    pieces: Mapped[int | None] = mapped_column(Integer, default=None)


class StockMovement(Base):
    """The append-only ledger behind the levels: their counters are the sums of these signed numbers."""

    __tablename__ = "stock_movements"
    __table_args__ = (
        Index(None, "sku_id", "at"),
        Index(
            "ix_stock_movements_untold",
            "id",
            postgresql_where=text("NOT told"),
            sqlite_where=text("NOT told"),
        ),
        partitioned("sku_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    location_id: Mapped[int] = mapped_column(Id)
    sku_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(12), doc="one of `domain.EFFECTS`")
    on_hand: Mapped[int] = mapped_column(Integer, default=0)
    allocated: Mapped[int] = mapped_column(Integer, default=0)
    reserved: Mapped[int] = mapped_column(Integer, default=0)
    holder: Mapped[str] = mapped_column(String(80), default="", doc="for whom, e.g. order:7")
    reason: Mapped[str] = mapped_column(String(200), default="")
    at: Mapped[datetime] = mapped_column(default=now)
    told: Mapped[bool] = mapped_column(
        default=False, server_default=false(), doc="whether the feed has it; all that is ever changed"
    )


class StockFeed(Base):
    """The levels in the order of their last changes: a channel reads on after the position it has."""

    __tablename__ = "stock_feed"
    __table_args__ = (Index("ix_stock_feed_position", "position", unique=True),)

    location_id: Mapped[int] = mapped_column(Id, primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(Id)
    at: Mapped[datetime] = mapped_column(default=now)


class StockPromise(Base):
    """Pieces that somebody was promised and that have not left: held until a time, or allocated for good.

    The levels' `reserved` and `allocated` are the sums of these. `parts`: how many rows were held together;
    when one of them was let go, the others are worth nothing.
    """

    __tablename__ = "stock_promises"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="some"),
        CheckConstraint("(state = 'held') = (until IS NOT NULL)", name="until"),
        Index("ix_stock_promises_level", "sku_id", "location_id"),
        Index(
            "ix_stock_promises_until",
            "until",
            postgresql_where=text("state = 'held'"),
            sqlite_where=text("state = 'held'"),
        ),
    )

    holder: Mapped[str] = mapped_column(String(80), primary_key=True, doc="an order's is order:7")
    location_id: Mapped[int] = mapped_column(Id, primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(10), doc="held, allocated")
    until: Mapped[datetime | None] = mapped_column(default=None)
    parts: Mapped[int] = mapped_column(Integer, default=1)
    channel: Mapped[str] = mapped_column(String(20), default="", doc="whose share it counts in")
