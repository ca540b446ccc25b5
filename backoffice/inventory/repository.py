"""All SQL of the inventory. Levels change by one conditional UPDATE each, with a movement beside it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, insert, select, update

from backoffice.inventory.models import Location, StockLevel, StockMovement
from backoffice.kit.database import ReadSession, WriteSession, upsert

free = StockLevel.on_hand - StockLevel.allocated - StockLevel.reserved - StockLevel.safety


async def sellable(session: ReadSession, sku_ids: Sequence[int], kind: str) -> list[tuple[int, int, int]]:
    """SKU, location and free pieces where there are any, at locations of one kind."""
    rows = await session.execute(
        select(StockLevel.sku_id, StockLevel.location_id, free)
        .join(Location)
        .where(StockLevel.sku_id.in_(sku_ids), Location.kind == kind, free > 0)
        .order_by(StockLevel.sku_id, StockLevel.location_id)
    )
    return [(sku_id, location_id, pieces) for sku_id, location_id, pieces in rows]


async def allocate(session: WriteSession, location_id: int, sku_id: int, quantity: int) -> bool:
    """Promise free pieces; False when there are too few."""
    return await changed(
        session, location_id, sku_id, free >= quantity, allocated=StockLevel.allocated + quantity
    )


async def release(session: WriteSession, location_id: int, sku_id: int, quantity: int) -> bool:
    """Take a promise back; False when less was promised."""
    return await changed(
        session,
        location_id,
        sku_id,
        StockLevel.allocated >= quantity,
        allocated=StockLevel.allocated - quantity,
    )


async def ship(session: WriteSession, location_id: int, sku_id: int, quantity: int) -> bool:
    """Let promised pieces leave; False when less was promised."""
    return await changed(
        session,
        location_id,
        sku_id,
        StockLevel.allocated >= quantity,
        allocated=StockLevel.allocated - quantity,
        on_hand=StockLevel.on_hand - quantity,
    )


async def changed(
    session: WriteSession, location_id: int, sku_id: int, guard: ColumnElement[bool], **values: object
) -> bool:
    statement = (
        update(StockLevel)
        .where(StockLevel.location_id == location_id, StockLevel.sku_id == sku_id, guard)
        .values(**values)
        .returning(StockLevel.sku_id)
    )
    return await session.scalar(statement) is not None


async def receive(session: WriteSession, location_id: int, sku_id: int, quantity: int) -> None:
    """Put pieces on the shelf, making the level when it is the first time."""
    await session.execute(
        upsert(session, StockLevel)
        .values(location_id=location_id, sku_id=sku_id, on_hand=quantity, allocated=0, reserved=0, safety=0)
        .on_conflict_do_update(
            index_elements=["location_id", "sku_id"], set_={"on_hand": StockLevel.on_hand + quantity}
        )
    )


async def note(
    session: WriteSession,
    kind: str,
    location_id: int,
    sku_id: int,
    quantity: int,
    order_id: int | None,
    reason: str,
) -> None:
    """Add one line to the ledger."""
    await session.execute(
        insert(StockMovement).values(
            kind=kind,
            location_id=location_id,
            sku_id=sku_id,
            quantity=quantity,
            order_id=order_id,
            reason=reason,
        )
    )


async def free_at(session: ReadSession, location_id: int, sku_ids: Sequence[int]) -> dict[int, int]:
    """Free pieces of each SKU at one location."""
    rows = await session.execute(
        select(StockLevel.sku_id, free).where(
            StockLevel.location_id == location_id, StockLevel.sku_id.in_(sku_ids)
        )
    )
    return {sku_id: max(pieces, 0) for sku_id, pieces in rows}


async def locations(session: ReadSession, kind: str | None = None) -> list[Location]:
    wanted = select(Location).order_by(Location.id)
    return list(await session.scalars(wanted.where(Location.kind == kind) if kind else wanted))


async def locations_with(session: ReadSession, needs: Mapping[int, int], kind: str) -> list[int]:
    """The locations of a kind that have every SKU of `needs` (SKU to quantity) free."""
    wanted = select(Location.id).where(Location.kind == kind).order_by(Location.id)
    for sku_id, quantity in sorted(needs.items()):
        enough = select(StockLevel.location_id).where(StockLevel.sku_id == sku_id, free >= quantity)
        wanted = wanted.where(Location.id.in_(enough))
    return list(await session.scalars(wanted))


async def locations_of(session: ReadSession, sku_ids: Sequence[int]) -> set[int]:
    """The locations that have any of the SKUs free."""
    wanted = select(StockLevel.location_id).where(StockLevel.sku_id.in_(sku_ids), free > 0)
    return set(await session.scalars(wanted.distinct()))
