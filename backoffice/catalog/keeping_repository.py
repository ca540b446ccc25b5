"""All SQL that changes the catalog."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import IntegrityError

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.catalog.repository import price_at
from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.time import now


async def add_product(session: WriteSession, values: dict[str, Any]) -> int | None:
    """Its id; None when the name is taken."""
    added = upsert(session, Product).values(**values, updated_at=now()).on_conflict_do_nothing()
    return await session.scalar(added.returning(Product.id))


async def change_product(session: WriteSession, product_id: int, values: dict[str, Any]) -> bool | None:
    """Whether there is such a product; None when the name is another's."""
    changed = update(Product).where(Product.id == product_id).values(**values, updated_at=now())
    try:
        async with session.begin_nested():
            return await session.scalar(changed.returning(Product.id)) is not None
    except IntegrityError:
        return None


async def touch_product(session: WriteSession, product_id: int) -> bool:
    """Whether there is such a product; its words are read anew."""
    changed = update(Product).where(Product.id == product_id).values(updated_at=now())
    return await session.scalar(changed.returning(Product.id)) is not None


async def add_sku(session: WriteSession, product_id: int, values: dict[str, Any]) -> int | None:
    """Its id; None when its code, or its colour and size, are there."""
    added = upsert(session, Sku).values(product_id=product_id, **values).on_conflict_do_nothing()
    return await session.scalar(added.returning(Sku.id))


async def change_sku(session: WriteSession, sku_id: int, values: dict[str, Any]) -> bool:
    """False when the code, or the colour and size, are another's."""
    try:
        async with session.begin_nested():
            await session.execute(update(Sku).where(Sku.id == sku_id).values(**values))
    except IntegrityError:
        return False
    return True


async def product_of(session: ReadSession, sku_id: int) -> int | None:
    return await session.scalar(select(Sku.product_id).where(Sku.id == sku_id))


async def product_named(session: ReadSession, name: str) -> Product | None:
    wanted = select(Product).where(Product.name == name)
    return await session.scalar(wanted.execution_options(populate_existing=True))


async def sku_coded(session: ReadSession, code: str, moment: datetime) -> tuple[Sku, int] | None:
    """With what it costs at a moment."""
    wanted = select(Sku, price_at(moment)).where(Sku.code == code)
    row = (await session.execute(wanted.execution_options(populate_existing=True))).one_or_none()
    return (row[0], row[1]) if row else None


async def skus_after(session: ReadSession, after: tuple[int, int], limit: int) -> list[tuple[Sku, Product]]:
    """By product and SKU, those behind a pair of ids."""
    key = tuple_(Sku.product_id, Sku.id)
    wanted = select(Sku, Product).join(Product).where(key > after).order_by(Sku.product_id, Sku.id)
    return [(sku, product) for sku, product in await session.execute(wanted.limit(limit))]


async def set_price(session: WriteSession, sku_id: int, price_fen: int, at: datetime, reason: str) -> bool:
    """False when a price is set from this moment on."""
    return await insert_once(session, PriceChange, sku_id=sku_id, price_fen=price_fen, at=at, reason=reason)


async def price_from(session: ReadSession, sku_id: int, at: datetime) -> int | None:
    return await session.scalar(
        select(PriceChange.price_fen).where(PriceChange.sku_id == sku_id, PriceChange.at == at)
    )
