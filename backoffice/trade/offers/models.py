from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class StoredOffer(Base):
    """A promotion or a coupon; what it promises is told by its versions, `version` is the one that runs."""

    __tablename__ = "offers"
    __table_args__ = (CheckConstraint("taken >= 0 AND (quota IS NULL OR taken <= quota)", name="quota_kept"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    code: Mapped[str] = mapped_column(String(40), unique=True, doc="as the staff calls it")
    source: Mapped[str] = mapped_column(String(10), doc="promotion, coupon")
    version: Mapped[int] = mapped_column(Integer, default=1)
    active: Mapped[bool] = mapped_column(default=True, doc="false once it was stopped")
    quota: Mapped[int | None] = mapped_column(
        Integer, default=None, doc="orders a promotion may count in, customers who may take a coupon"
    )
    taken: Mapped[int] = mapped_column(Integer, default=0, doc="how many have; counted only with a quota")
    per_customer: Mapped[int | None] = mapped_column(
        Integer, default=None, doc="orders of one customer it may count in; 1 for a coupon"
    )


class OfferVersion(Base):
    """What an offer promised from one change to the next. Rows are added, never changed."""

    __tablename__ = "offer_versions"

    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    starts_at: Mapped[datetime] = mapped_column()
    ends_at: Mapped[datetime] = mapped_column()
    terms: Mapped[dict[str, Any]] = mapped_column(JSON, doc="a `promotions_domain.Terms`")
    at: Mapped[datetime] = mapped_column(default=now)


class CouponClaim(Base):
    """A coupon in a customer's pocket, with what it promised when it was taken."""

    __tablename__ = "coupon_claims"

    coupon_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True, index=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    claimed_at: Mapped[datetime] = mapped_column(default=now)


class Redemption(Base):
    """An offer that counts in an order, until the order is cancelled.

    `slot` tells which of the customer's uses it is, where their number is limited; given back it is free.
    """

    __tablename__ = "redemptions"
    __table_args__ = (UniqueConstraint("offer_id", "customer_id", "slot"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"))
    version: Mapped[int] = mapped_column(Integer)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    slot: Mapped[int | None] = mapped_column(Integer)
    off_fen: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(default=now)
    given_back_at: Mapped[datetime | None] = mapped_column(default=None)
