from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Return(Base):
    """A case: goods that come back or are missed, of one order and for one reason.

    States: approved -> picked_up | dropped -> received -> refunded | exchanged | rejected; exchanged ->
    refunded when it cannot be sent;
    whatever was not inspected -> withdrawn. Without goods to come back: approved -> refunded | rejected.
    """

    __tablename__ = "returns"
    __table_args__ = (
        CheckConstraint(
            "amount_fen >= 0 AND postage_fen >= 0 AND shipping_fen >= 0",
            name="fen_not_negative",
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[str] = mapped_column(String(10), doc="return, exchange, claim")
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    order_id: Mapped[int] = mapped_column(Id, index=True)
    reason: Mapped[str] = mapped_column(
        String(20), doc="unwanted, size, defective, wrong_item, missing, other"
    )
    detail: Mapped[str] = mapped_column(String(400), default="")
    amount_fen: Mapped[int] = mapped_column(Integer, doc="what will be or was refunded; 0 for an exchange")
    postage: Mapped[str] = mapped_column(
        String(10), default="none", doc="who pays the courier: none, shop, level, deducted, carried"
    )
    postage_fen: Mapped[int] = mapped_column(Integer, default=0, doc="what the shopper pays for the courier")
    shipping_fen: Mapped[int] = mapped_column(
        Integer, default=0, doc="of the first shipping, refunded with it; part of the amount"
    )
    goods_back: Mapped[bool] = mapped_column(default=True, doc="whether goods must come back")
    state: Mapped[str] = mapped_column(String(12), index=True)
    store_id: Mapped[int | None] = mapped_column(Id, default=None, doc="where it is brought; none: picked up")
    pickup_at: Mapped[datetime | None] = mapped_column(default=None)
    location_id: Mapped[int | None] = mapped_column(Id, default=None, doc="where it was received")
    hand_over_by: Mapped[datetime | None] = mapped_column(default=None)
    reminded_at: Mapped[datetime | None] = mapped_column(default=None)
    inspect_by: Mapped[datetime | None] = mapped_column(default=None)
    overdue_at: Mapped[datetime | None] = mapped_column(default=None, doc="shown to supervisors since")
    requested_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by: Mapped[str] = mapped_column(String(80), default="")
    lines: Mapped[list["ReturnLine"]] = relationship(order_by="ReturnLine.line_id", lazy="raise")
    steps: Mapped[list["ReturnStep"]] = relationship(order_by="ReturnStep.at", lazy="raise")
    photos: Mapped[list["ReturnPhoto"]] = relationship(order_by="ReturnPhoto.at", lazy="raise")

    @property
    def standing(self) -> list["ReturnLine"]:
        """The lines that were not withdrawn from the case."""
        return [line for line in self.lines if line.withdrawn_at is None]

    @property
    def handed_over(self) -> bool:
        return any(step.state in ("picked_up", "dropped", "received") for step in self.steps)


class ReturnLine(Base):
    """Pieces of an order line in a case. What is neither restocked nor written off stays the shopper's."""

    __tablename__ = "return_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0 AND worth_fen >= 0", name="quantity_positive"),
        CheckConstraint("received >= 0 AND received <= quantity", name="received_covered"),
        CheckConstraint("restocked >= 0 AND written_off >= 0 AND refused >= 0", name="counts_not_negative"),
        CheckConstraint("restocked + written_off + refused <= quantity", name="inspected_covered"),
    )

    return_id: Mapped[int] = mapped_column(ForeignKey("returns.id"), primary_key=True, autoincrement=False)
    line_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False, index=True)
    quantity: Mapped[int] = mapped_column(Integer)
    worth_fen: Mapped[int] = mapped_column(
        Integer,
        doc="share of what was paid for the pieces, for an exchange too; after inspection of those accepted",
    )
    wanted_sku_id: Mapped[int | None] = mapped_column(Id, default=None)
    held_at: Mapped[int | None] = mapped_column(
        Id, default=None, doc="the location that keeps what is wanted for the exchange"
    )
    withdrawn_at: Mapped[datetime | None] = mapped_column(
        default=None, doc="taken out of a case whose other lines go on; worth nothing then"
    )
    received: Mapped[int] = mapped_column(Integer, default=0)
    restocked: Mapped[int] = mapped_column(Integer, default=0)
    written_off: Mapped[int] = mapped_column(Integer, default=0)
    refused: Mapped[int] = mapped_column(Integer, default=0)
    note: Mapped[str] = mapped_column(String(200), default="", doc="why pieces were written off or refused")


class ReturnPhoto(Base):
    """A photo; its bytes are in the state folder under its id. One that no case has yet was only stored."""

    __tablename__ = "return_photos"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80), doc="customer:1, conversation:…: who stored it")
    return_id: Mapped[int | None] = mapped_column(ForeignKey("returns.id"), default=None, index=True)
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int] = mapped_column(Integer, doc="bytes")
    width: Mapped[int] = mapped_column(Integer, doc="pixels")
    height: Mapped[int] = mapped_column(Integer, doc="pixels")
    name: Mapped[str] = mapped_column(String(120), doc="as its sender called it, made harmless")
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class ReturnStep(Base):
    """When a case reached a state."""

    __tablename__ = "return_steps"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("returns.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(default=now)
