"""Stock as tables: what arrived by documents, and what was counted."""

from collections.abc import AsyncIterator, Sequence

from backoffice.catalog import service as catalog
from backoffice.events import audit
from backoffice.inventory import ledger_repository, listing_repository, moving, repository
from backoffice.inventory.stock_schemas import (
    AdjustedLine,
    CountLine,
    Line,
    NewAdjustment,
    NewReceipt,
    ReceiptLine,
)
from backoffice.kit import idempotency
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.messages import message
from backoffice.kit.sheets import Sheet, written

BATCH = 500
RECEIPTS = "sheet:receipts"
"""The scope of the keys of documents: what they say is booked once, for ever."""
BLAMES = {
    "location_not_found": "location",
    "sku_not_found": "code",
    "not_free": "on_hand",
    "idempotency_key_reused": "pieces",
}


def receipts(staff_id: int) -> Sheet[ReceiptLine]:
    """Pieces that arrived, once for each document, location and SKU."""

    async def put(session: WriteSession, line: ReceiptLine, columns: frozenset[str]) -> bool:
        location_id, sku_id = await meant(session, line.location, line.code)
        booked = False

        async def book() -> int:
            nonlocal booked
            booked = True
            goods = [Line(sku_id=sku_id, quantity=line.pieces)]
            arrived = NewReceipt(location_id=location_id, lines=goods, reason=line.document)
            await moving.receive(session, arrived)
            subject = f"stock:{location_id}:{sku_id}"
            await audit.record(session, staff_id, "stock_received", subject, line.document)
            return line.pieces

        key = f"{line.document}:{location_id}:{sku_id}"
        await idempotency.once(session, RECEIPTS, key, str(line.pieces), book)
        return booked

    return Sheet(
        "inventory", ReceiptLine, lambda line: (line.document, line.location, line.code), put, BLAMES
    )


def counts(staff_id: int) -> Sheet[CountLine]:
    """Pieces that were counted: what differs from the counter is adjusted."""

    async def put(session: WriteSession, line: CountLine, columns: frozenset[str]) -> bool:
        location_id, sku_id = await meant(session, line.location, line.code)
        await ledger_repository.open_levels(session, [(location_id, sku_id)])
        on_hand, _ = await ledger_repository.lock_level(session, (location_id, sku_id))
        more = line.on_hand - on_hand
        if not more:
            return False
        differs = [AdjustedLine(sku_id=sku_id, pieces=more)]
        await moving.adjust(
            session, NewAdjustment(location_id=location_id, lines=differs, reason=line.reason)
        )
        subject = f"stock:{location_id}:{sku_id}"
        await audit.record(session, staff_id, "stock_adjusted", subject, line.reason)
        return True

    return Sheet("inventory", CountLine, lambda line: (line.location, line.code), put, BLAMES)


async def meant(session: ReadSession, location: str, code: str) -> tuple[int, int]:
    """The ids of a location by its name and of a SKU by its code.

    Raises `NotFound` (`location_not_found`, `sku_not_found`).
    """
    location_id = await repository.location_named(session, location)
    if location_id is None:
        raise NotFound("location_not_found")
    sku_id = await catalog.sku_coded(session, code)
    if sku_id is None:
        raise NotFound("sku_not_found")
    return location_id, sku_id


def exported(database: Database) -> AsyncIterator[bytes]:
    """Every level, as `counts` takes it in."""
    columns = [name for name in CountLine.model_fields if name != "reason"]
    return written([message("inventory", f"sheets.columns.{name}") for name in columns], lines(database))


async def lines(database: Database) -> AsyncIterator[Sequence[object]]:
    after = (0, 0)
    while True:
        async with database.read() as session:
            places = {each.id: each.name for each in await repository.locations(session)}
            found = await listing_repository.levels_after(session, after, BATCH)
            skus = await catalog.skus(session, [level.sku_id for level, _ in found])
        for level, free in found:
            sku = skus[level.sku_id]
            promised = level.allocated + level.reserved
            goods = (places[level.location_id], sku.code, sku.name, sku.variant)
            yield *goods, level.on_hand, promised, free
        if len(found) < BATCH:
            return
        after = (found[-1][0].location_id, found[-1][0].sku_id)
