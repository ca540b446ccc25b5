"""Holds the counters of every level against the ledger and against what was promised."""

from typing import Any

from sqlalchemy import Select, case, func, literal, select, union_all

from backoffice.inventory.models import StockLevel, StockMovement, StockPromise
from backoffice.inventory.schemas import Imbalance
from backoffice.kit.database import ReadSession

FIGURES = Imbalance._fields[2:]


async def imbalances(session: ReadSession, limit: int) -> tuple[list[Imbalance], int, int]:
    """Levels whose figures differ, by location and SKU, `limit` at most; how many there are, of how many."""
    allocated, held = (
        case((StockPromise.state == state, StockPromise.quantity), else_=0) for state in ("allocated", "held")
    )
    told = union_all(
        part(
            StockLevel,
            on_hand=StockLevel.on_hand,
            allocated=StockLevel.allocated,
            reserved=StockLevel.reserved,
        ),
        part(
            StockMovement,
            ledger_on_hand=StockMovement.on_hand,
            ledger_allocated=StockMovement.allocated,
            ledger_reserved=StockMovement.reserved,
        ),
        part(StockPromise, promised=allocated, held=held),
    ).subquery()
    keys = (told.c.location_id, told.c.sku_id)
    sums = select(*keys, *(func.sum(told.c[name]).label(name) for name in FIGURES)).group_by(*keys).subquery()
    differ = (
        (sums.c.on_hand != sums.c.ledger_on_hand)
        | (sums.c.allocated != sums.c.ledger_allocated)
        | (sums.c.allocated != sums.c.promised)
        | (sums.c.reserved != sums.c.ledger_reserved)
        | (sums.c.reserved != sums.c.held)
    )
    found = select(sums).where(differ).order_by(sums.c.location_id, sums.c.sku_id).limit(limit)
    rows = [Imbalance(*row) for row in await session.execute(found)]
    counted = select(func.count(), func.count().filter(differ)).select_from(sums)
    levels, wrong = (await session.execute(counted)).one()
    return rows, wrong, levels


def part(
    model: type[StockLevel] | type[StockMovement] | type[StockPromise], **figures: Any
) -> Select[*tuple[Any, ...]]:
    """One source of figures, with nothing for those it does not tell."""
    columns = [figures.get(name, literal(0)).label(name) for name in FIGURES]
    return select(model.location_id, model.sku_id, *columns)
