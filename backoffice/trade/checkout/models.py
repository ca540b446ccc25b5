from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.kit.database import Base
from backoffice.kit.time import now


class CartLine(Base):
    """So many pieces of a SKU in a cart. Owners: `customer:<id>`, `visitor:<digest of the token>`."""

    __tablename__ = "cart_lines"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    owner: Mapped[str] = mapped_column(String(80), primary_key=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    added_at: Mapped[datetime] = mapped_column(default=now)


class ChannelOrder(Base):
    """An order that another channel took, by that channel's own number."""

    __tablename__ = "channel_orders"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True, doc="marketplace, pos")
    reference: Mapped[str] = mapped_column(String(60), primary_key=True)
    order_number: Mapped[str] = mapped_column(String(16), unique=True)
    at: Mapped[datetime] = mapped_column(default=now)


class StoredQuote(Base):
    """What an owner may order as it was quoted, once, until it expires."""

    __tablename__ = "quotes"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80))
    content: Mapped[dict[str, Any]] = mapped_column(JSON, doc="a `checkout_schemas.Frozen`")
    expires_at: Mapped[datetime] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column(default=None, doc="ordered by it")
    at: Mapped[datetime] = mapped_column(default=now)
