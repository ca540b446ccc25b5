"""All SQL of the feed of changes.

Movements are followed by a mark on each, not by their numbers: one that commits late is not passed over. Who
follows does so alone, so positions are given in the order in which they are committed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from backoffice.inventory.models import Location, StockFeed, StockLevel, StockMovement
from backoffice.inventory.repository import free
from backoffice.kit.database import ReadSession, WriteSession, upsert

FOLLOWING = 8157
"""The advisory lock of PostgreSQL under which movements are followed; 8156 is the outbox's."""
Key = tuple[int, int]


async def behind(session: ReadSession) -> bool:
    """Whether there are movements that nobody was told of."""
    untold = select(StockMovement.id).where(StockMovement.told.is_(False)).limit(1)
    return await session.scalar(untold) is not None


async def claim(session: WriteSession, limit: int) -> tuple[int, list[Key]]:
    """Mark the oldest movements as told; how many, and which levels they changed."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(FOLLOWING)))
    oldest = (
        select(StockMovement.id)
        .where(StockMovement.told.is_(False))
        .order_by(StockMovement.id)
        .limit(limit)
        .scalar_subquery()
    )
    claimed = await session.execute(
        update(StockMovement)
        .where(StockMovement.told.is_(False), StockMovement.id.in_(oldest))
        .values(told=True)
        .returning(StockMovement.location_id, StockMovement.sku_id)
        .execution_options(synchronize_session=False)
    )
    rows = [(location_id, sku_id) for location_id, sku_id in claimed]
    return len(rows), sorted(set(rows))


async def advance(session: WriteSession, keys: Sequence[Key], moment: datetime) -> None:
    """Put these levels at the end of the feed."""
    last = await session.scalar(select(func.max(StockFeed.position))) or 0
    rows = [
        {"location_id": location_id, "sku_id": sku_id, "position": position, "at": moment}
        for position, (location_id, sku_id) in enumerate(keys, last + 1)
    ]
    adding = upsert(session, StockFeed)
    newer = {"position": adding.excluded.position, "at": adding.excluded.at}
    await session.execute(
        adding.on_conflict_do_update(index_elements=["location_id", "sku_id"], set_=newer), rows
    )


async def after(session: ReadSession, position: int, limit: int) -> list[StockFeed]:
    """What is after a position of the feed, in order."""
    found = select(StockFeed).where(StockFeed.position > position).order_by(StockFeed.position).limit(limit)
    return list(await session.scalars(found))


async def levels_of(session: ReadSession, sku_ids: Collection[int]) -> list[tuple[int, int, str, int, bool]]:
    """Location, SKU, kind of the location, free pieces and whether channels have shares."""
    rows = await session.execute(
        select(StockLevel.location_id, StockLevel.sku_id, Location.kind, free, StockLevel.shared)
        .join(Location)
        .where(StockLevel.sku_id.in_(sku_ids))
    )
    return [(location, sku, kind, pieces, shared) for location, sku, kind, pieces, shared in rows]
