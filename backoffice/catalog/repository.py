"""All SQL of the catalog."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from backoffice.catalog.assortment_repository import sold_in
from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.kit.database import ReadSession
from backoffice.kit.paging import Page


def price_at(moment: datetime) -> ColumnElement[int]:
    """What a SKU of the enclosing query costs at a moment."""
    changed = (
        select(PriceChange.price_fen)
        .where(PriceChange.sku_id == Sku.id, PriceChange.at <= moment)
        .order_by(PriceChange.at.desc(), PriceChange.id.desc())
        .limit(1)
        .correlate(Sku)
        .scalar_subquery()
    )
    return func.coalesce(changed, Sku.price_fen)


async def prices(session: ReadSession, sku_ids: Sequence[int], moment: datetime) -> dict[int, int]:
    rows = await session.execute(select(Sku.id, price_at(moment)).where(Sku.id.in_(sku_ids)))
    return {sku_id: price for sku_id, price in rows}


async def products(session: ReadSession, ids: Sequence[int]) -> dict[int, Product]:
    found = await session.scalars(
        select(Product).where(Product.id.in_(ids)).options(selectinload(Product.skus))
    )
    return {product.id: product for product in found}


async def sold(session: ReadSession, ids: Sequence[int], channel: str) -> set[int]:
    """Those of the products of which a channel sells anything."""
    return set(await session.scalars(select(Product.id).where(Product.id.in_(ids), sold_in(channel))))


async def skus(session: ReadSession, ids: Sequence[int]) -> dict[int, tuple[Sku, Product]]:
    rows = await session.execute(select(Sku, Product).join(Product).where(Sku.id.in_(ids)).order_by(Sku.id))
    return {sku.id: (sku, product) for sku, product in rows}


async def skus_coded(session: ReadSession, codes: Collection[str]) -> dict[str, int]:
    rows = await session.execute(select(Sku.code, Sku.id).where(Sku.code.in_(codes)))
    return {code: id for code, id in rows}


async def sku_coded(session: ReadSession, code: str) -> int | None:
    return await session.scalar(select(Sku.id).where(Sku.code == code))


async def sku_ids(session: ReadSession, product_id: int) -> list[int]:
    return list(await session.scalars(select(Sku.id).where(Sku.product_id == product_id).order_by(Sku.id)))


async def search(
    session: ReadSession, q: str, category: str, page: Page, channel: str | None = None
) -> tuple[list[int], int]:
    """The ids of one page of products and how many there are in all, or of those that a channel sells."""
    wanted = select(Product.id)
    if q:
        wanted = wanted.where(
            Product.name.icontains(q, autoescape=True)
            | Product.brand.icontains(q, autoescape=True)
            | Product.category.icontains(q, autoescape=True)
        )
    if category:
        wanted = wanted.where(Product.category == category)
    if channel:
        wanted = wanted.where(sold_in(channel))
    total = await session.scalar(select(func.count()).select_from(wanted.subquery()))
    ids = await session.scalars(wanted.order_by(Product.id).limit(page.limit).offset(page.offset))
    return list(ids), total or 0


async def fingerprint(session: ReadSession) -> tuple[object, ...]:
    """Differs whenever a product or a SKU came, went or changed its words."""
    row = await session.execute(
        select(
            func.count(Product.id),
            func.max(Product.updated_at),
            select(func.count(Sku.id)).scalar_subquery(),
            select(func.max(Sku.id)).scalar_subquery(),
        )
    )
    return tuple(row.one())


async def all_names(session: ReadSession) -> list[tuple[int, str, str, list[str]]]:
    """Each product's id, name, category and keywords."""
    rows = await session.execute(
        select(Product.id, Product.name, Product.category, Product.keywords).order_by(Product.id)
    )
    return [(row.id, row.name, row.category, row.keywords) for row in rows.all()]


async def all_facts(session: ReadSession) -> list[tuple[int, str, dict[str, str]]]:
    """Each product's id, category and facts."""
    rows = await session.execute(select(Product.id, Product.category, Product.facts).order_by(Product.id))
    return [(row.id, row.category, row.facts) for row in rows.all()]


async def all_variants(session: ReadSession) -> list[tuple[str, str]]:
    """Each pair of colour and size there is."""
    return [(colour, size) for colour, size in await session.execute(select(Sku.colour, Sku.size).distinct())]


async def all_brands(session: ReadSession) -> list[str]:
    return list(await session.scalars(select(Product.brand).distinct().order_by(Product.brand)))
