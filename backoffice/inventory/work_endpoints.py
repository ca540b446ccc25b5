"""Counts and transfers over HTTP, for staff: supervisors and admins, on record."""

from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.events import audit
from backoffice.inventory import counting, transferring
from backoffice.inventory.keyed import ByStaff, Supervisor
from backoffice.inventory.stock_schemas import (
    Arrived,
    CountDetail,
    Counted,
    CountFilter,
    CountLineView,
    Counts,
    CountView,
    NewCount,
    NewTransfer,
    TransferFilter,
    Transfers,
    TransferView,
    Undelivered,
)
from backoffice.kit.database import Reading, WriteSession, Writing
from backoffice.kit.fields import RowId
from backoffice.kit.paging import Paging
from backoffice.staff.identity import Staff

router = APIRouter(tags=["inventory"])


@router.get("/counts")
async def counts(session: Reading, _: Staff, wanted: Annotated[CountFilter, Query()]) -> Counts:
    """Counts, the newest first."""
    return await counting.listed(session, wanted)


@router.post("/counts", status_code=201)
async def open_count(wanted: NewCount, asked: ByStaff) -> CountView:
    """Begin to count at a location; what is sold meanwhile is respected."""

    async def opened(session: WriteSession) -> CountView:
        made = await counting.open_count(session, wanted, asked.staff_id)
        await audit.record(session, asked.staff_id, "count_opened", f"count:{made.id}", wanted.note)
        return made

    return await asked.once(CountView, opened)


@router.get("/counts/{count_id}")
async def count(session: Reading, _: Staff, count_id: RowId, page: Paging) -> CountDetail:
    """A count with a page of its lines, by SKU."""
    return await counting.shown(session, count_id, page)


@router.put("/counts/{count_id}/lines/{sku_id}")
async def enter(
    count_id: RowId, sku_id: RowId, seen: Counted, member: Supervisor, session: Writing
) -> CountLineView:
    """What was counted of a SKU just now; the difference to what is on hand is booked at once.

    `round` is 1 for the first figure, one more for each time it is counted again; the same again changes
    nothing. 409 `already_counted` says the last one.
    """
    line = await counting.enter(session, count_id, sku_id, seen, member.id)
    await audit.record(
        session, member.id, "stock_counted", f"count:{count_id}", sku_id=sku_id, difference=line.difference
    )
    return line


@router.post("/counts/{count_id}/close")
async def close_count(count_id: RowId, member: Supervisor, session: Writing) -> CountView:
    """No more figures; what was not counted stays as it was."""
    await audit.record(session, member.id, "count_closed", f"count:{count_id}")
    return await counting.close(session, count_id)


@router.get("/transfers")
async def transfers(session: Reading, _: Staff, wanted: Annotated[TransferFilter, Query()]) -> Transfers:
    """Transfers from and to a location, the newest first."""
    return await transferring.listed(session, wanted)


@router.post("/transfers", status_code=201)
async def send(wanted: NewTransfer, asked: ByStaff) -> TransferView:
    """Pieces leave for another location. Raises 409 `not_free` for pieces that are promised."""

    async def sent(session: WriteSession) -> TransferView:
        made = await transferring.send(session, wanted, asked.staff_id)
        await audit.record(session, asked.staff_id, "transfer_sent", f"transfer:{made.id}", wanted.note)
        return made

    return await asked.once(TransferView, sent)


@router.get("/transfers/{transfer_id}")
async def transfer(session: Reading, _: Staff, transfer_id: RowId) -> TransferView:
    return await transferring.shown(session, transfer_id)


@router.post("/transfers/{transfer_id}/arrivals")
async def arrive(transfer_id: RowId, arrived: Arrived, asked: ByStaff) -> TransferView:
    """Pieces of it arrived; the rest may follow. Raises 409 `more_than_sent`: book the surplus apart."""

    async def taken(session: WriteSession) -> TransferView:
        await audit.record(session, asked.staff_id, "transfer_received", f"transfer:{transfer_id}")
        return await transferring.arrive(session, transfer_id, arrived.lines)

    return await asked.once(TransferView, taken)


@router.post("/transfers/{transfer_id}/close")
async def close_transfer(
    transfer_id: RowId, lost: Undelivered, member: Supervisor, session: Writing
) -> TransferView:
    """Nothing more will arrive: the rest is written off with a reason."""
    await audit.record(session, member.id, "transfer_closed", f"transfer:{transfer_id}", lost.reason)
    return await transferring.close(session, transfer_id, lost.reason)
