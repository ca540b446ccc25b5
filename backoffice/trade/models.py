from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.partitions import partitioned
from backoffice.kit.time import now


class Order(Base):
    """States: unpaid -> paid -> shipped -> delivered -> completed; unpaid, paid -> cancelled.

    A row is what its events have led to; `version` is how many there are.
    """

    __tablename__ = "orders"
    __table_args__ = (Index("ix_orders_customer_placed", "customer_id", "placed_at"), partitioned("id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    version: Mapped[int] = mapped_column(Integer, default=0)
    number: Mapped[str] = mapped_column(String(16), doc="unique by its row in order_numbers")
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
    location_id: Mapped[int] = mapped_column(Id, doc="which sends the order, or most of it")
    delivery: Mapped[str] = mapped_column(
        String(12), default="standard", doc="standard, next_day, instant, pickup"
    )
    pay_by: Mapped[datetime | None] = mapped_column(default=None, doc="until then its pieces are held")
    points: Mapped[int] = mapped_column(Integer, default=0, doc="spent on it")
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.id", lazy="raise")


class OrderNumber(Base):
    """Where a number leads. It is unique here: a partitioned table cannot see to that."""

    __tablename__ = "order_numbers"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    order_id: Mapped[int] = mapped_column(Id)


class OrderLine(Base):
    """What was bought, as it was called and priced then. Its id tells its order: see `domain.line_id`."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("cancelled >= 0 AND returned >= 0", name="counts_not_negative"),
        CheckConstraint("cancelled + returned <= quantity", name="returned_covered"),
        CheckConstraint("protected_fen >= 0 AND protected_fen <= paid_fen", name="protected_covered"),
        partitioned("order_id"),
    )

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(Id)
    sku_id: Mapped[int] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(120))
    colour: Mapped[str] = mapped_column(String(20))
    size: Mapped[str] = mapped_column(String(20))
    quantity: Mapped[int] = mapped_column(Integer)
    price_fen: Mapped[int] = mapped_column(Integer, doc="for one, before discounts")
    paid_fen: Mapped[int] = mapped_column(
        Integer, doc="for all its pieces but those cancelled, after the discount"
    )
    discounts: Mapped[list[dict[str, Any]]] = mapped_column(
        JSON, default=list, doc="each share of a discount: source, name, fen"
    )
    cancelled: Mapped[int] = mapped_column(Integer, default=0, doc="pieces taken off before shipment")
    returned: Mapped[int] = mapped_column(
        Integer, default=0, doc="pieces in returns and exchanges that were neither withdrawn nor rejected"
    )
    protected_fen: Mapped[int] = mapped_column(
        Integer, default=0, doc="given back because the price fell after the purchase"
    )


class OrderEvent(Base):
    """What happened to an order, and its columns as they were afterwards. Rows are added, never changed."""

    __tablename__ = "order_events"
    __table_args__ = (partitioned("order_id"),)

    order_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(30))
    payload: Mapped[dict[str, Any]] = mapped_column(
        JSON, doc="`order`: columns that changed, `lines`: the same by line id, `detail`: what else is told"
    )
    at: Mapped[datetime] = mapped_column(default=now)
    by: Mapped[str] = mapped_column(String(80), doc="customer:1, conversation:…, staff:…, service, system")


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    method: Mapped[str] = mapped_column(String(20), doc="wechat, alipay, card")
    reference: Mapped[str] = mapped_column(String(40), unique=True)
    transaction_id: Mapped[str | None] = mapped_column(
        String(64), default=None, doc="the provider's; none: it came by no gateway"
    )
    amount_fen: Mapped[int] = mapped_column(Integer)
    refunded_fen: Mapped[int] = mapped_column(
        Integer, default=0, doc="promised or paid back, never above the amount"
    )
    at: Mapped[datetime] = mapped_column()

    __table_args__ = (
        UniqueConstraint("method", "transaction_id"),
        CheckConstraint("refunded_fen >= 0 AND refunded_fen <= amount_fen", name="refund_covered"),
    )


class Refund(Base):
    """Money on its way back: requested -> processing -> settled, or failed, or withdrawn.

    Once it is `processing` the provider was asked, and it is not withdrawn any more.
    """

    __tablename__ = "refunds"
    __table_args__ = (Index("ix_refunds_due_at", "due_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"))
    return_number: Mapped[str | None] = mapped_column(String(16), default=None)
    amount_fen: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(
        String(60), doc="cancelled, returned, price_protection, goodwill, or why a payment was not taken"
    )
    requested_at: Mapped[datetime] = mapped_column(default=now)
    expected_by: Mapped[datetime] = mapped_column()
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="when the provider is asked, next; none: people pay it back, or it has ended"
    )
    tries: Mapped[int] = mapped_column(Integer, default=0, doc="how often the provider was asked")
    edition: Mapped[int] = mapped_column(
        Integer, default=1, doc="counts up when a failed one is sent again, under a number of its own"
    )
    failure: Mapped[str] = mapped_column(String(120), default="")


class Invoice(Base):
    """States: requested -> issued. One per order; asking again before it is issued changes it, red ones
    (`InvoiceCorrection`) correct it afterwards.
    """

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


class InvoiceCorrection(Base):
    """A red invoice: so much of an issued one counts no more, because it was paid back since."""

    __tablename__ = "invoice_corrections"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="some"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("invoices.order_id"), index=True)
    amount_fen: Mapped[int] = mapped_column(Integer)
    issued_at: Mapped[datetime] = mapped_column(default=now)


class OrderGrant(Base):
    """A visitor proved an order to be theirs, for one conversation."""

    __tablename__ = "order_grants"

    conversation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now)
