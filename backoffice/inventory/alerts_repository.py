"""All SQL of low-stock alerts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, func, select, update

from backoffice.inventory.models import StockLevel, StockMovement
from backoffice.inventory.repository import free
from backoffice.inventory.stock_models import StockAlert
from backoffice.inventory.stock_schemas import AlertFilter
from backoffice.kit.database import ReadSession, WriteSession, insert_once

SALES = ("sold", "shipped")
Key = tuple[int, int]


class Seller(NamedTuple):
    """What is free at a level and how many pieces left it for shoppers; `low`: an alert is open."""

    location_id: int
    sku_id: int
    free: int
    sold: int
    low: bool


async def skus_after(session: ReadSession, sku_id: int, limit: int) -> list[int]:
    """The next SKUs that have levels."""
    found = select(StockLevel.sku_id).where(StockLevel.sku_id > sku_id).distinct()
    return list(await session.scalars(found.order_by(StockLevel.sku_id).limit(limit)))


async def sellers(session: ReadSession, sku_ids: Collection[int], since: datetime) -> list[Seller]:
    """Every level of these SKUs."""
    sold = (
        select(
            StockMovement.location_id,
            StockMovement.sku_id,
            (-func.sum(StockMovement.on_hand)).label("pieces"),
        )
        .where(StockMovement.sku_id.in_(sku_ids), StockMovement.at >= since, StockMovement.kind.in_(SALES))
        .group_by(StockMovement.location_id, StockMovement.sku_id)
        .subquery()
    )
    here = (sold.c.location_id == StockLevel.location_id) & (sold.c.sku_id == StockLevel.sku_id)
    alert = (
        (StockAlert.location_id == StockLevel.location_id)
        & (StockAlert.sku_id == StockLevel.sku_id)
        & StockAlert.recovered_at.is_(None)
    )
    rows = await session.execute(
        select(
            StockLevel.location_id,
            StockLevel.sku_id,
            free,
            func.coalesce(sold.c.pieces, 0),
            StockAlert.id.is_not(None),
        )
        .outerjoin(sold, here)
        .outerjoin(StockAlert, alert)
        .where(StockLevel.sku_id.in_(sku_ids))
        .order_by(StockLevel.location_id, StockLevel.sku_id)
    )
    return [Seller(*row) for row in rows]


async def open_alert(session: WriteSession, seller: Seller, days: float, moment: datetime) -> bool:
    """False when there is one."""
    return await insert_once(
        session,
        StockAlert,
        location_id=seller.location_id,
        sku_id=seller.sku_id,
        free=seller.free,
        sold=seller.sold,
        days=days,
        raised_at=moment,
    )


async def recover(session: WriteSession, seller: Seller, moment: datetime) -> bool:
    """False when there is none."""
    ended = await session.execute(
        update(StockAlert)
        .where(
            StockAlert.location_id == seller.location_id,
            StockAlert.sku_id == seller.sku_id,
            StockAlert.recovered_at.is_(None),
        )
        .values(recovered_at=moment)
    )
    return bool(cast(CursorResult[Any], ended).rowcount)


async def alerts(session: ReadSession, wanted: AlertFilter) -> tuple[Sequence[StockAlert], int]:
    """The newest first; how many there are in all."""
    which = []
    if wanted.location_id is not None:
        which.append(StockAlert.location_id == wanted.location_id)
    if wanted.sku_id is not None:
        which.append(StockAlert.sku_id == wanted.sku_id)
    if not wanted.recovered_too:
        which.append(StockAlert.recovered_at.is_(None))
    found = select(StockAlert).where(*which).order_by(StockAlert.id.desc())
    page = await session.scalars(found.limit(wanted.limit).offset(wanted.offset))
    total = await session.scalar(select(func.count()).select_from(StockAlert).where(*which))
    return page.all(), total or 0
