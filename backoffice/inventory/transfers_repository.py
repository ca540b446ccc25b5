"""All SQL of transfers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, func, insert, or_, select, update

from backoffice.inventory.stock_models import StockTransfer, StockTransferLine
from backoffice.inventory.stock_schemas import TransferFilter
from backoffice.kit.database import ReadSession, WriteSession


async def add(session: WriteSession, lines: Mapping[int, int], **values: Any) -> StockTransfer:
    """A new transfer of SKU to pieces."""
    transfer = StockTransfer(**values)
    session.add(transfer)
    await session.flush()
    rows = [{"transfer_id": transfer.id, "sku_id": sku_id, "sent": sent} for sku_id, sent in lines.items()]
    await session.execute(insert(StockTransferLine), rows)
    return transfer


async def lock(session: WriteSession, transfer_id: int) -> StockTransfer | None:
    """A transfer that nobody else changes before this commits."""
    found = select(StockTransfer).where(StockTransfer.id == transfer_id).with_for_update()
    return await session.scalar(found.execution_options(populate_existing=True))


async def arrived(session: WriteSession, transfer_id: int, sku_id: int, quantity: int) -> bool:
    """Count pieces as received; False when fewer are on the way."""
    line = StockTransferLine
    counted = await session.execute(
        update(line)
        .where(
            line.transfer_id == transfer_id,
            line.sku_id == sku_id,
            line.received + line.lost + quantity <= line.sent,
        )
        .values(received=line.received + quantity)
    )
    return bool(cast(CursorResult[Any], counted).rowcount)


async def give_up(session: WriteSession, transfer_id: int) -> None:
    """What is on the way is lost."""
    line = StockTransferLine
    await session.execute(
        update(line).where(line.transfer_id == transfer_id).values(lost=line.sent - line.received)
    )


async def change(session: WriteSession, transfer_id: int, **values: Any) -> None:
    await session.execute(update(StockTransfer).where(StockTransfer.id == transfer_id).values(**values))


async def one(session: ReadSession, transfer_id: int) -> StockTransfer | None:
    return await session.get(StockTransfer, transfer_id, populate_existing=True)


async def lines(session: ReadSession, transfer_ids: Collection[int]) -> dict[int, list[StockTransferLine]]:
    """The lines of each transfer, by SKU."""
    found: dict[int, list[StockTransferLine]] = {id: [] for id in transfer_ids}
    rows = await session.scalars(
        select(StockTransferLine)
        .where(StockTransferLine.transfer_id.in_(transfer_ids))
        .order_by(StockTransferLine.transfer_id, StockTransferLine.sku_id)
        .execution_options(populate_existing=True)
    )
    for row in rows:
        found[row.transfer_id].append(row)
    return found


async def transfers(session: ReadSession, wanted: TransferFilter) -> tuple[Sequence[StockTransfer], int]:
    """The newest first; how many there are in all."""
    which = []
    if wanted.location_id is not None:
        which.append(
            or_(StockTransfer.from_id == wanted.location_id, StockTransfer.to_id == wanted.location_id)
        )
    if wanted.state is not None:
        which.append(StockTransfer.state == wanted.state)
    found = select(StockTransfer).where(*which).order_by(StockTransfer.id.desc())
    page = await session.scalars(found.limit(wanted.limit).offset(wanted.offset))
    total = await session.scalar(select(func.count()).select_from(StockTransfer).where(*which))
    return page.all(), total or 0
