from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now

AT_WORK = text("fulfilments.state IN ('planned', 'accepted', 'packed', 'ready_for_pickup')")
"""In the words of the index, so that what is at work is found in it."""


class Fulfilment(Base):
    """The part of an order that one location sends or hands over; `stages` says how it moves on. It is locked
    before the stock that it moves.
    """

    __tablename__ = "fulfilments"
    __table_args__ = (
        UniqueConstraint("order_id", "part"),
        CheckConstraint("pieces > 0 AND sent >= 0 AND sent <= pieces", name="sent_covered"),
        Index(
            "ix_fulfilments_at_work",
            "location_id",
            "leave_by",
            postgresql_where=text("state IN ('planned', 'accepted', 'packed', 'ready_for_pickup')"),
            sqlite_where=text("state IN ('planned', 'accepted', 'packed', 'ready_for_pickup')"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id)
    part: Mapped[str] = mapped_column(String(40), doc="which part of the order, named by who planned it")
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    kind: Mapped[str] = mapped_column(String(12), doc="store_pickup, instant, next_day, standard")
    state: Mapped[str] = mapped_column(String(16), default="planned")
    pieces: Mapped[int] = mapped_column(Integer)
    sent: Mapped[int] = mapped_column(Integer, default=0, doc="pieces that have left")
    reason: Mapped[str] = mapped_column(String(60), default="", doc="why it was declined or cancelled")
    receiver: Mapped[str] = mapped_column(String(40), default="", doc="empty: who comes for it")
    phone: Mapped[str] = mapped_column(String(20), default="")
    province: Mapped[str] = mapped_column(String(20), default="")
    city: Mapped[str] = mapped_column(String(20), default="")
    district: Mapped[str] = mapped_column(String(20), default="")
    street: Mapped[str] = mapped_column(String(120), default="")
    accept_by: Mapped[datetime] = mapped_column()
    leave_by: Mapped[datetime] = mapped_column(doc="promised to be sent or ready by then")
    late_at: Mapped[datetime | None] = mapped_column(default=None, doc="when it was found to be late")
    code: Mapped[str | None] = mapped_column(String(8), default=None, doc="who says it gets the goods")
    hold_until: Mapped[datetime | None] = mapped_column(default=None, doc="a pickup waits until then")
    created_at: Mapped[datetime] = mapped_column(default=now)
    accepted_at: Mapped[datetime | None] = mapped_column(default=None)
    packed_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None, doc="arrived, or given up")
    lines: Mapped[list["FulfilmentLine"]] = relationship(order_by="FulfilmentLine.sku_id", lazy="raise")


class FulfilmentLine(Base):
    __tablename__ = "fulfilment_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND sent >= 0 AND sent <= quantity", name="sent_covered"),
    )

    fulfilment_id: Mapped[int] = mapped_column(ForeignKey("fulfilments.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    sent: Mapped[int] = mapped_column(Integer, default=0)


class LocationStaff(Base):
    """Who works where; supervisors and admins work everywhere without being named."""

    __tablename__ = "location_staff"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"), primary_key=True)


class Shipment(Base):
    """A parcel of an order. Its state is that of the newest event of its carrier (`tracking.standing`)."""

    __tablename__ = "shipments"
    __table_args__ = (UniqueConstraint("fulfilment_id", "key"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    fulfilment_id: Mapped[int | None] = mapped_column(ForeignKey("fulfilments.id"), default=None)
    key: Mapped[str] = mapped_column(
        String(40), default="", server_default="", doc="named by who sent it, so that it is sent once"
    )
    location_id: Mapped[int] = mapped_column(ForeignKey("locations.id"))
    carrier: Mapped[str] = mapped_column(String(10), doc="sf, yto, jd, zto")
    tracking_number: Mapped[str] = mapped_column(String(30), unique=True)
    state: Mapped[str] = mapped_column(
        String(20), doc="in_transit, out_for_delivery, exception, delivered, returned, lost"
    )
    state_at: Mapped[datetime] = mapped_column(default=now, doc="since when, by the carrier's clock")
    heard_at: Mapped[datetime] = mapped_column(default=now, doc="when we last had news of it")
    intercept_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="the carrier was asked to stop it"
    )
    shipped_at: Mapped[datetime] = mapped_column()
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    shelved_at: Mapped[datetime | None] = mapped_column(default=None, doc="it came back and lies there again")
    paid_back_at: Mapped[datetime | None] = mapped_column(default=None, doc="it did not arrive")
    due: Mapped[date] = mapped_column(Date)
    events: Mapped[list["TrackingEvent"]] = relationship(
        order_by="TrackingEvent.at, TrackingEvent.id", lazy="raise"
    )
    lines: Mapped[list["ShipmentLine"]] = relationship(order_by="ShipmentLine.sku_id", lazy="raise")


class ShipmentLine(Base):
    """What is in a parcel; those from before fulfilments were kept have none."""

    __tablename__ = "shipment_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)


class TrackingEvent(Base):
    """One step of a parcel's way; our own notes have no `event_id`."""

    __tablename__ = "tracking_events"
    __table_args__ = (UniqueConstraint("carrier", "event_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    shipment_id: Mapped[int] = mapped_column(ForeignKey("shipments.id"), index=True)
    carrier: Mapped[str | None] = mapped_column(String(10), default=None)
    event_id: Mapped[str | None] = mapped_column(String(60), default=None, doc="given by the carrier")
    at: Mapped[datetime] = mapped_column()
    place: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(200))
