from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id


class Shipment(Base):
    """A parcel of an order."""

    __tablename__ = "shipments"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    carrier: Mapped[str] = mapped_column(String(10), doc="sf, yto, jd, zto")
    tracking_number: Mapped[str] = mapped_column(String(30), unique=True)
    state: Mapped[str] = mapped_column(
        String(20), doc="in_transit, out_for_delivery, delivered, exception, intercepting, returned"
    )
    shipped_at: Mapped[datetime] = mapped_column()
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    due: Mapped[date] = mapped_column(Date)
    events: Mapped[list["TrackingEvent"]] = relationship(order_by="TrackingEvent.at", lazy="raise")


class TrackingEvent(Base):
    __tablename__ = "tracking_events"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), index=True)
    at: Mapped[datetime] = mapped_column()
    place: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(200))
