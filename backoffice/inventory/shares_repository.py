"""All SQL of the shares that channels have of levels."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, tuple_

from backoffice.inventory.domain import may_take
from backoffice.inventory.models import StockLevel, StockPromise, StockShare
from backoffice.kit.database import Base, ReadSession, WriteSession

SHARES = Base.metadata.tables[StockShare.__tablename__]
Key = tuple[int, int]


async def rooms(
    session: ReadSession, channel: str, keys: Collection[Key], moment: datetime | None = None
) -> dict[Key, int]:
    """What a channel may still be promised, by location and SKU, where it has a share; see `all_rooms`."""
    found = await all_rooms(session, keys, moment, channel)
    return {(location_id, sku_id): room for (location_id, sku_id, _), room in found.items()}


async def all_rooms(
    session: ReadSession, keys: Collection[Key], moment: datetime | None = None, channel: str | None = None
) -> dict[tuple[int, int, str], int]:
    """What channels may still be promised, by location, SKU and channel, where they have a share.

    A hold that is over at `moment` counts no more; without it all count that nobody has ended.
    """
    counts = StockPromise.channel == StockShare.channel
    if moment:
        counts &= or_(StockPromise.until.is_(None), StockPromise.until > moment)
    promised = (
        select(func.coalesce(func.sum(StockPromise.quantity), 0))
        .where(
            StockPromise.location_id == StockShare.location_id,
            StockPromise.sku_id == StockShare.sku_id,
            counts,
        )
        .scalar_subquery()
    )
    found = (
        select(StockShare, StockLevel.on_hand, StockLevel.safety, promised)
        .join(StockLevel)
        .where(tuple_(StockShare.location_id, StockShare.sku_id).in_(keys))
    )
    if channel is not None:
        found = found.where(StockShare.channel == channel)
    return {
        (share.location_id, share.sku_id, share.channel): may_take(
            on_hand, safety, share.percent, share.pieces, taken
        )
        for share, on_hand, safety, taken in await session.execute(found)
    }


async def shares(session: ReadSession, keys: Collection[Key]) -> list[StockShare]:
    """By location, SKU and channel."""
    which = tuple_(StockShare.location_id, StockShare.sku_id).in_(keys)
    return list(await session.scalars(select(StockShare).where(which).order_by(*SHARES.primary_key)))


async def replace(session: WriteSession, keys: Collection[Key], shares: Iterable[Mapping[str, Any]]) -> None:
    """Give locked levels these shares (channel, percent, pieces) instead of what they had."""
    await session.execute(delete(SHARES).where(tuple_(SHARES.c.location_id, SHARES.c.sku_id).in_(keys)))
    rows = [
        {"location_id": location_id, "sku_id": sku_id, **share}
        for share in shares
        for location_id, sku_id in keys
    ]
    if rows:
        await session.execute(insert(SHARES), rows)
