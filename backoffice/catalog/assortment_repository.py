"""All SQL of what channels sell."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, delete, distinct, exists, func, select

from backoffice.catalog.models import ChannelExclusion, Product, Sku
from backoffice.kit.database import ReadSession, WriteSession, insert_once
from backoffice.kit.paging import Page

WHOLE = 0
"""Stands for all SKUs of a product."""


def sold_in(channel: str) -> ColumnElement[bool]:
    """Whether a channel sells anything of a product of the enclosing query."""
    mine = (ChannelExclusion.channel == channel) & (ChannelExclusion.product_id == Product.id)
    this_sku = exists().where(mine, ChannelExclusion.sku_id == Sku.id)
    left = exists(select(Sku.id).where(Sku.product_id == Product.id, ~this_sku).correlate(Product))
    return ~exists().where(mine) | (~exists().where(mine, ChannelExclusion.sku_id == WHOLE) & left)


async def unsold(session: ReadSession, channel: str, sku_ids: Collection[int]) -> set[int]:
    """Those of the SKUs that a channel does not sell."""
    out = (
        (ChannelExclusion.channel == channel)
        & (ChannelExclusion.product_id == Sku.product_id)
        & ChannelExclusion.sku_id.in_((WHOLE, Sku.id))
    )
    return set(await session.scalars(select(Sku.id).where(Sku.id.in_(sku_ids), exists().where(out))))


async def exclude(session: WriteSession, channel: str, product_id: int, sku_ids: Sequence[int]) -> bool:
    """Whether any of it was sold there."""
    key = {"channel": channel, "product_id": product_id}
    new = [await insert_once(session, ChannelExclusion, **key, sku_id=id) for id in sorted(sku_ids)]
    return any(new)


async def include(
    session: WriteSession, channel: str, product_id: int, sku_ids: Sequence[int] | None
) -> bool:
    """Whether any of it was not sold there; without SKUs the whole product."""
    gone = delete(ChannelExclusion).where(
        ChannelExclusion.channel == channel, ChannelExclusion.product_id == product_id
    )
    if sku_ids is not None:
        gone = gone.where(ChannelExclusion.sku_id.in_(sku_ids))
    return bool((await session.scalars(gone.returning(ChannelExclusion.sku_id))).all())


async def is_whole_out(session: ReadSession, channel: str, product_id: int) -> bool:
    key = (channel, product_id, WHOLE)
    return await session.get(ChannelExclusion, key, populate_existing=True) is not None


async def listed(session: ReadSession, channel: str, page: Page) -> tuple[dict[int, list[int]], int]:
    """A page of the products of which a channel leaves something out, with the SKUs; how many there are."""
    here = ChannelExclusion.channel == channel
    total = await session.scalar(select(func.count(distinct(ChannelExclusion.product_id))).where(here))
    products = select(ChannelExclusion.product_id).where(here).distinct()
    ids = products.order_by(ChannelExclusion.product_id).limit(page.limit).offset(page.offset)
    chosen = (await session.scalars(ids)).all()
    rows = await session.execute(
        select(ChannelExclusion.product_id, ChannelExclusion.sku_id)
        .where(here, ChannelExclusion.product_id.in_(chosen))
        .order_by(ChannelExclusion.product_id, ChannelExclusion.sku_id)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for product_id, sku_id in rows:
        found[product_id].append(sku_id)
    return found, total or 0
