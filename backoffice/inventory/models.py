from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
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


class StockMovement(Base):
    """The append-only ledger behind the levels."""

    __tablename__ = "stock_movements"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    location_id: Mapped[int] = mapped_column(Id)
    sku_id: Mapped[int] = mapped_column(Id, index=True)
    kind: Mapped[str] = mapped_column(String(12), doc="received, allocated, released, shipped, adjusted")
    quantity: Mapped[int] = mapped_column(Integer)
    order_id: Mapped[int | None] = mapped_column(Id, default=None)
    reason: Mapped[str] = mapped_column(String(60), default="")
    at: Mapped[datetime] = mapped_column(default=now)
