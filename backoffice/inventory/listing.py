"""What staff see of the stock: levels with the shares of channels, and the ledger."""

from collections.abc import Collection, Sequence

from backoffice.inventory import listing_repository as repository
from backoffice.inventory import shares_repository
from backoffice.inventory.models import StockLevel
from backoffice.inventory.schemas import Share
from backoffice.inventory.stock_schemas import (
    LevelFilter,
    Levels,
    LevelView,
    MovementFilter,
    Movements,
    MovementView,
)
from backoffice.kit.database import ReadSession
from backoffice.kit.time import now


async def levels(session: ReadSession, wanted: LevelFilter) -> Levels:
    """A page of levels, by location and SKU."""
    found, total = await repository.levels(session, wanted)
    return Levels(levels=await views(session, found), total=total)


async def levels_at(session: ReadSession, keys: Collection[tuple[int, int]]) -> Levels:
    """These levels, by location and SKU."""
    found = await views(session, await repository.levels_at(session, keys))
    return Levels(levels=found, total=len(found))


async def views(session: ReadSession, found: Sequence[tuple[StockLevel, int]]) -> list[LevelView]:
    keys = [(level.location_id, level.sku_id) for level, _ in found if level.shared]
    bounds = await shares_repository.shares(session, keys) if keys else []
    rooms = await shares_repository.all_rooms(session, keys, now()) if keys else {}
    shown = []
    for level, free in found:
        here = level.location_id, level.sku_id
        shares = [each for each in bounds if (each.location_id, each.sku_id) == here]
        left = max(free, 0)
        shown.append(
            LevelView(
                location_id=level.location_id,
                sku_id=level.sku_id,
                on_hand=level.on_hand,
                allocated=level.allocated,
                reserved=level.reserved,
                safety=level.safety,
                free=free,
                shares=[Share.model_validate(each, from_attributes=True) for each in shares],
                available={each.channel: min(left, rooms.get((*here, each.channel), 0)) for each in shares},
            )
        )
    return shown


async def movements(session: ReadSession, wanted: MovementFilter) -> Movements:
    """A page of the ledger, the newest first."""
    found, total = await repository.movements(session, wanted)
    views = [MovementView.model_validate(each, from_attributes=True) for each in found]
    return Movements(movements=views, total=total)
