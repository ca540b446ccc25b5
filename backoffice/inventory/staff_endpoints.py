"""Stock over HTTP for staff: whoever works here sees it, supervisors and admins change it, on record."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.events import audit
from backoffice.inventory import alerts, listing, moving, shares, work_endpoints
from backoffice.inventory.keyed import ByStaff, Keyed, Supervisor
from backoffice.inventory.schemas import LevelKey, NewSafety, NewShares
from backoffice.inventory.stock_schemas import (
    AlertFilter,
    Alerts,
    LevelFilter,
    Levels,
    MovementFilter,
    Movements,
    NewAdjustment,
    NewReceipt,
    NewWriteOff,
)
from backoffice.kit.database import Reading, WriteSession, Writing
from backoffice.kit.fields import RowId
from backoffice.staff.identity import Staff

router = APIRouter(prefix="/staff/inventory", tags=["inventory"])
router.include_router(work_endpoints.router)


@router.get("/levels")
async def levels(session: Reading, _: Staff, wanted: Annotated[LevelFilter, Query()]) -> Levels:
    """What is where, what of it is promised, and what channels with bounds may sell."""
    return await listing.levels(session, wanted)


@router.get("/movements")
async def movements(session: Reading, _: Staff, wanted: Annotated[MovementFilter, Query()]) -> Movements:
    """The ledger, the newest first."""
    return await listing.movements(session, wanted)


@router.get("/alerts")
async def low_stock(session: Reading, _: Staff, wanted: Annotated[AlertFilter, Query()]) -> Alerts:
    """What sells out soon, the newest first."""
    return await alerts.listed(session, wanted)


@router.post("/receipts", status_code=201)
async def receive(arrived: NewReceipt, asked: ByStaff) -> Levels:
    """A delivery arrived; the levels of now."""
    return await book(asked, "stock_received", arrived.reason, lambda s: moving.receive(s, arrived))


@router.post("/adjustments", status_code=201)
async def adjust(wanted: NewAdjustment, asked: ByStaff) -> Levels:
    """Correct what the counters say; raises 409 `not_free` for pieces that are promised."""
    return await book(asked, "stock_adjusted", wanted.reason, lambda s: moving.adjust(s, wanted))


@router.post("/write-offs", status_code=201)
async def write_off(lost: NewWriteOff, asked: ByStaff) -> Levels:
    """Take spoilt or lost pieces out of the stock; raises 409 `not_free` for pieces that are promised."""
    return await book(asked, "stock_written_off", lost.reason, lambda s: moving.write_off(s, lost))


async def book(
    asked: Keyed,
    action: str,
    reason: str,
    verb: Callable[[WriteSession], Awaitable[Sequence[tuple[int, int]]]],
) -> Levels:
    """Move stock once for each key, on record; the levels of now."""

    async def recorded(session: WriteSession) -> Levels:
        keys = await verb(session)
        for location_id, sku_id in keys:
            key = LevelKey(location_id=location_id, sku_id=sku_id)
            await audit.record(session, asked.staff_id, action, subject(key), reason)
        return await listing.levels_at(session, keys)

    return await asked.once(Levels, recorded)


@router.put("/shares", status_code=204)
async def set_shares(wanted: NewShares, member: Supervisor, session: Writing) -> None:
    """What each channel may be promised at these levels; what was promised beyond it stays promised."""
    await shares.set_shares(session, wanted)
    told = [share.model_dump() for share in wanted.shares]
    for key in wanted.levels:
        await audit.record(session, member.id, "shares_set", subject(key), shares=told)


@router.put("/levels/{location_id}/{sku_id}/safety", status_code=204)
async def set_safety(
    location_id: RowId, sku_id: RowId, wanted: NewSafety, member: Supervisor, session: Writing
) -> None:
    """How many pieces are kept back: nobody but the till sells them."""
    key = LevelKey(location_id=location_id, sku_id=sku_id)
    await shares.set_safety(session, key, wanted.pieces)
    await audit.record(session, member.id, "safety_set", subject(key), pieces=wanted.pieces)


def subject(key: LevelKey) -> str:
    return f"stock:{key.location_id}:{key.sku_id}"
