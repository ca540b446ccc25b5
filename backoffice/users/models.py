from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Customer(Base):
    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint("points >= 0", name="points"),
        CheckConstraint("points_debt >= 0", name="points_debt"),
        CheckConstraint("points = 0 OR points_debt = 0", name="points_pay_debt"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    phone: Mapped[str] = mapped_column(String(20), unique=True, doc="the primary one, with which to sign in")
    name: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str | None] = mapped_column(String(200), default=None)
    level: Mapped[str] = mapped_column(String(20), default="regular", doc="regular, silver, gold, black")
    points: Mapped[int] = mapped_column(Integer, default=0, doc="what may be spent")
    points_debt: Mapped[int] = mapped_column(
        Integer, default=0, doc="taken back when spent already: the next points pay it"
    )
    growth: Mapped[int] = mapped_column(
        Integer, default=0, doc="points ever earned less those taken back: makes the level"
    )
    joined_at: Mapped[datetime] = mapped_column(default=now)
    demo: Mapped[str | None] = mapped_column(
        String(120), default=None, doc="the situation a demo sign-in shows"
    )


class Phone(Base):
    """A number of a customer in E.164; the primary one is also `customers.phone`, as it is dialled here."""

    __tablename__ = "phones"
    __table_args__ = (
        UniqueConstraint("customer_id", "number"),
        CheckConstraint("NOT is_primary OR verified_at IS NOT NULL", name="primary_verified"),
        Index(
            "uq_phones_primary",
            "customer_id",
            unique=True,
            sqlite_where=text("is_primary"),
            postgresql_where=text("is_primary"),
        ),
        Index(
            "uq_phones_verified",
            "number",
            unique=True,
            sqlite_where=text("verified_at IS NOT NULL"),
            postgresql_where=text("verified_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    number: Mapped[str] = mapped_column(String(16))
    is_primary: Mapped[bool] = mapped_column(Boolean, default=False)
    verified_at: Mapped[datetime | None] = mapped_column(default=None, doc="when it proved to be theirs")
    added_at: Mapped[datetime] = mapped_column()


class Address(Base):
    __tablename__ = "addresses"
    __table_args__ = (
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point"),
        Index(
            "uq_addresses_default",
            "customer_id",
            unique=True,
            sqlite_where=text("is_default"),
            postgresql_where=text("is_default"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    receiver: Mapped[str] = mapped_column(String(40))
    phone: Mapped[str] = mapped_column(String(20))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20))
    district: Mapped[str] = mapped_column(String(20))
    street: Mapped[str] = mapped_column(String(120))
    is_default: Mapped[bool] = mapped_column(Boolean, default=False)
    latitude: Mapped[float | None] = mapped_column(Double, default=None, doc="WGS-84")
    longitude: Mapped[float | None] = mapped_column(Double, default=None, doc="WGS-84")
    came_in: Mapped[str | None] = mapped_column(
        String(5), default=None, doc="the system the coordinates came in: wgs84, gcj02, bd09"
    )


class Device(Base):
    """A device on which a customer was signed in, known by the hash of its own id."""

    __tablename__ = "devices"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    platform: Mapped[str] = mapped_column(String(10), doc="ios, android, harmony, web, mini")
    push_token: Mapped[str] = mapped_column(String(300), default="")
    first_seen_at: Mapped[datetime] = mapped_column()
    last_seen_at: Mapped[datetime] = mapped_column()


class PaymentCard(Base):
    """A card as its payment provider knows it: a token, never a number."""

    __tablename__ = "payment_cards"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    token: Mapped[str] = mapped_column(String(120), unique=True)
    brand: Mapped[str] = mapped_column(String(20))
    last_four: Mapped[str] = mapped_column(String(4))
    bound_at: Mapped[datetime] = mapped_column()


class PointsEntry(Base):
    """The points ledger; a customer's points less their debt are its sum."""

    __tablename__ = "points_entries"
    __table_args__ = (UniqueConstraint("customer_id", "kind", "reference"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    kind: Mapped[str] = mapped_column(
        String(12), doc="earned, spent, expired, returned, taken_back, adjusted"
    )
    reference: Mapped[str] = mapped_column(String(80), doc="what it is for, e.g. order:2026…")
    delta: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column()


class ChannelIdentity(Base):
    """A sender of a channel, and the customer who proved to be that sender, if any."""

    __tablename__ = "channel_identities"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    sender: Mapped[str] = mapped_column(String(80), primary_key=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True, default=None)
    proof: Mapped[str] = mapped_column(String(10), default="", doc="sign_in, code, scan, unionid")
    bound_at: Mapped[datetime | None] = mapped_column(default=None)
    gone_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="unsubscribed or deleted: cannot be written to"
    )


class IdentityChange(Base):
    """The log of bindings: a customer and a sender, bound with this proof or parted (no proof)."""

    __tablename__ = "identity_changes"
    __table_args__ = (Index(None, "channel", "sender"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    channel: Mapped[str] = mapped_column(String(20))
    sender: Mapped[str] = mapped_column(String(80))
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    proof: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(default=now)


class BindingCode(Base):
    """The one code by which a customer can be recognised in another channel; it goes when used."""

    __tablename__ = "binding_codes"

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(8), unique=True)
    expires_at: Mapped[datetime] = mapped_column()
