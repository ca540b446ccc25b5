from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.kit.database import Base, Id
from backoffice.kit.time import now


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    category: Mapped[str] = mapped_column(String(40), index=True)
    brand: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, str]] = mapped_column(JSON, doc="label to text: 材质, 产地, 保质期, 使用方法 …")
    keywords: Mapped[list[str]] = mapped_column(JSON, doc="other words shoppers use for it")
    picture: Mapped[dict[str, Any]] = mapped_column(
        JSON, doc="how its picture is drawn: symbol (a key of catalog.pictures.SYMBOLS), tint (#rrggbb)"
    )
    size_table: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSON, doc="rows of {size, height_cm: [lo, hi], weight_kg: [lo, hi]} or {size, foot_mm: [lo, hi]}"
    )
    warranty_months: Mapped[int] = mapped_column(Integer, default=0)
    returnable: Mapped[bool] = mapped_column(Boolean, default=True, doc="seven days without a reason")
    installation: Mapped[bool] = mapped_column(Boolean, default=False, doc="a fitter comes")
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    skus: Mapped[list["Sku"]] = relationship(back_populates="product", order_by="Sku.id", lazy="raise")


class Sku(Base):
    """One variant that can be bought."""

    __tablename__ = "skus"
    __table_args__ = (UniqueConstraint("product_id", "colour", "size"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    colour: Mapped[str] = mapped_column(String(20))
    size: Mapped[str] = mapped_column(String(20))
    price_fen: Mapped[int] = mapped_column(Integer, doc="until its first price change")
    weight_g: Mapped[int] = mapped_column(Integer)
    product: Mapped[Product] = relationship(back_populates="skus", lazy="raise")


class PriceChange(Base):
    """From `at` on, a SKU costs `price_fen`."""

    __tablename__ = "price_changes"
    __table_args__ = (UniqueConstraint("sku_id", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    sku_id: Mapped[int] = mapped_column(ForeignKey("skus.id"), index=True)
    price_fen: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column()
    reason: Mapped[str] = mapped_column(String(120), default="")


class ChannelExclusion(Base):
    """What a channel does not sell: one SKU, or with `sku_id` 0 a product and whatever SKUs it gets."""

    __tablename__ = "channel_exclusions"

    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    sku_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
