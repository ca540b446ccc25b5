from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Return(Base):
    """A return or an exchange of one order line.

    States: approved -> picked_up -> received -> refunded | exchanged;
    approved -> withdrawn; received -> rejected.
    """

    __tablename__ = "returns"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[str] = mapped_column(String(10), doc="return, exchange")
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    line_id: Mapped[int] = mapped_column(Id, index=True)
    quantity: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(
        String(20), doc="unwanted, size, defective, wrong_item, missing, other"
    )
    detail: Mapped[str] = mapped_column(String(400), default="")
    wanted_sku_id: Mapped[int | None] = mapped_column(Id, default=None)
    amount_fen: Mapped[int] = mapped_column(Integer, doc="what will be refunded; 0 for an exchange")
    state: Mapped[str] = mapped_column(String(12))
    pickup_at: Mapped[datetime | None] = mapped_column(default=None)
    requested_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    steps: Mapped[list["ReturnStep"]] = relationship(order_by="ReturnStep.at", lazy="raise")


class ReturnStep(Base):
    """When a return reached a state."""

    __tablename__ = "return_steps"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("returns.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(default=now)
