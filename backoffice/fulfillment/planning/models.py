"""What planning is told: what locations do, when parcels leave, how full an hour is, how to choose."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id


class LocationTermsRow(Base):
    """What a location does; without a row a warehouse ships and a store lets goods be fetched."""

    __tablename__ = "location_terms"
    __table_args__ = (
        CheckConstraint("hourly_orders >= 0 AND prepare_minutes >= 0 AND priority >= 0", name="not_negative"),
        CheckConstraint("radius_km > 0", name="some_radius"),
    )

    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    priority: Mapped[int] = mapped_column(Integer, doc="lower is asked first")
    ships: Mapped[bool] = mapped_column(Boolean)
    pickup: Mapped[bool] = mapped_column(Boolean)
    instant: Mapped[bool] = mapped_column(Boolean)
    radius_km: Mapped[float | None] = mapped_column(Float, default=None)
    area: Mapped[list[list[float]] | None] = mapped_column(
        JSON(none_as_null=True), default=None, doc="corners, [latitude, longitude] in WGS-84 degrees"
    )
    hourly_orders: Mapped[int | None] = mapped_column(Integer, default=None)
    prepare_minutes: Mapped[int] = mapped_column(Integer)
    calendar: Mapped[str] = mapped_column(String(30), doc="the name of a shipping calendar")


class ShippingCalendar(Base):
    __tablename__ = "shipping_calendars"

    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    weekdays: Mapped[list[int]] = mapped_column(JSON, doc="1 is Monday")
    cut_off: Mapped[str] = mapped_column(String(5), doc="the shop's time, e.g. 17:00")
    days: Mapped[dict[str, bool]] = mapped_column(JSON, doc="ISO date to whether parcels leave")


class LocationHour(Base):
    """How many orders a location has taken in an hour; `most` where this hour has a limit of its own."""

    __tablename__ = "location_hours"
    __table_args__ = (CheckConstraint("taken >= 0 AND most >= 0", name="not_negative"),)

    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True, doc="its first moment")
    taken: Mapped[int] = mapped_column(Integer)
    most: Mapped[int | None] = mapped_column(Integer, default=None)


class PlanningProfile(Base):
    """How a promise is planned, where the shop wants it otherwise than in `planning.yml`."""

    __tablename__ = "planning_profiles"

    promise: Mapped[str] = mapped_column(String(12), primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(JSON, doc="as planning_schemas.Profile")


class PlanningDecision(Base):
    """How an order was planned; one that is planned again has several."""

    __tablename__ = "planning_decisions"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    decided: Mapped[dict[str, Any]] = mapped_column(JSON, doc="as planning_schemas.Decided")
    at: Mapped[datetime] = mapped_column()
