from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Order(Base):
    """States: unpaid -> paid -> shipped -> delivered -> completed; unpaid, paid -> cancelled."""

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_customer_placed", "customer_id", "placed_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    channel: Mapped[str] = mapped_column(String(20), doc="app, mini_program, web, pos, marketplace")
    state: Mapped[str] = mapped_column(String(12), index=True)
    currency: Mapped[str] = mapped_column(String(3), default="CNY")
    items_fen: Mapped[int] = mapped_column(Integer)
    discount_fen: Mapped[int] = mapped_column(Integer, default=0)
    shipping_fen: Mapped[int] = mapped_column(Integer, default=0)
    total_fen: Mapped[int] = mapped_column(Integer)
    placed_at: Mapped[datetime] = mapped_column()
    ship_by: Mapped[datetime] = mapped_column(doc="promised to leave the warehouse by then")
    paid_at: Mapped[datetime | None] = mapped_column(default=None)
    shipped_at: Mapped[datetime | None] = mapped_column(default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    completed_at: Mapped[datetime | None] = mapped_column(default=None)
    cancelled_at: Mapped[datetime | None] = mapped_column(default=None)
    cancel_reason: Mapped[str] = mapped_column(String(60), default="")
    urged_at: Mapped[datetime | None] = mapped_column(default=None)
    urges: Mapped[int] = mapped_column(Integer, default=0)
    intercept_at: Mapped[datetime | None] = mapped_column(default=None, doc="asked to stop the parcel")
    receiver: Mapped[str] = mapped_column(String(40))
    phone: Mapped[str] = mapped_column(String(20))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20))
    district: Mapped[str] = mapped_column(String(20))
    street: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(String(200), default="")
    location_id: Mapped[int] = mapped_column(Id, doc="where the stock is allocated")
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.id", lazy="raise")


class OrderLine(Base):
    """What was bought, as it was called and priced then."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("returned >= 0 AND returned <= quantity", name="returned_covered"),
        CheckConstraint("protected_fen >= 0 AND protected_fen <= paid_fen", name="protected_covered"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    product_id: Mapped[int] = mapped_column(Id)
    sku_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(120))
    colour: Mapped[str] = mapped_column(String(20))
    size: Mapped[str] = mapped_column(String(20))
    quantity: Mapped[int] = mapped_column(Integer)
    price_fen: Mapped[int] = mapped_column(Integer, doc="for one, before discounts")
    paid_fen: Mapped[int] = mapped_column(Integer, doc="for the whole line, after its share of the discount")
    returned: Mapped[int] = mapped_column(
        Integer, default=0, doc="pieces in returns and exchanges that were neither withdrawn nor rejected"
    )
    protected_fen: Mapped[int] = mapped_column(
        Integer, default=0, doc="given back because the price fell after the purchase"
    )


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[str] = mapped_column(String(20), doc="wechat, alipay, card")
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    amount_fen: Mapped[int] = mapped_column(Integer)
    refunded_fen: Mapped[int] = mapped_column(
        Integer, default=0, doc="promised or paid back, never above the amount"
    )
    at: Mapped[datetime] = mapped_column()

    __table_args__ = (
        CheckConstraint("refunded_fen >= 0 AND refunded_fen <= amount_fen", name="refund_covered"),
    )


class Refund(Base):
    """Money on its way back: requested -> processing -> settled, or failed, or withdrawn."""

    __tablename__ = "refunds"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    return_number: Mapped[str | None] = mapped_column(String(16), default=None)
    amount_fen: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(60), doc="cancelled, returned, price_protection, goodwill")
    requested_at: Mapped[datetime] = mapped_column(default=now)
    expected_by: Mapped[datetime] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column(default=None)


class Invoice(Base):
    """States: requested -> issued. One per order; asking again before it is issued changes it."""

    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), unique=True)
    kind: Mapped[str] = mapped_column(String(10), doc="personal, company")
    title: Mapped[str] = mapped_column(String(80))
    tax_number: Mapped[str] = mapped_column(String(20), default="")
    email: Mapped[str] = mapped_column(String(80), default="")
    amount_fen: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    requested_at: Mapped[datetime] = mapped_column(default=now)
    issued_at: Mapped[datetime | None] = mapped_column(default=None)


class Coupon(Base):
    """`off_fen` off a basket of at least `threshold_fen`, in one category or in all (empty)."""

    __tablename__ = "coupons"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    category: Mapped[str] = mapped_column(String(40), default="")
    threshold_fen: Mapped[int] = mapped_column(Integer)
    off_fen: Mapped[int] = mapped_column(Integer)
    starts_at: Mapped[datetime] = mapped_column()
    ends_at: Mapped[datetime] = mapped_column()


class CouponClaim(Base):
    """A coupon in a customer's pocket."""

    __tablename__ = "coupon_claims"

    coupon_id: Mapped[int] = mapped_column(ForeignKey("coupons.id"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), primary_key=True, index=True)
    order_id: Mapped[int | None] = mapped_column(
        ForeignKey("orders.id"), default=None, doc="where it was used; free again when that was cancelled"
    )
    claimed_at: Mapped[datetime] = mapped_column(default=now)


class OrderGrant(Base):
    """A visitor proved an order to be theirs, for one conversation."""

    __tablename__ = "order_grants"

    conversation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
