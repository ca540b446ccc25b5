"""What each channel may sell: shares of levels, and what is free within them."""

from collections.abc import Collection

from backoffice.inventory import ledger_repository, repository, shares_repository
from backoffice.inventory.models import Location
from backoffice.inventory.schemas import LevelKey, NewShares
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Invalid, NotFound
from backoffice.kit.time import now


async def free_for(
    session: ReadSession, channel: str, sku_ids: Collection[int]
) -> list[tuple[Location, int, int]]:
    """Location, SKU and pieces that a channel may sell, by location and SKU, where there are any.

    Without a channel: what the shop itself may use.
    """
    found = await repository.shelves(session, sku_ids)
    keys = [(each.location.id, each.sku_id) for each in found if each.shared] if channel else []
    rooms = await shares_repository.rooms(session, channel, keys, now()) if keys else {}
    bound = [
        (location, sku_id, min(free, rooms.get((location.id, sku_id), free)))
        for location, sku_id, free, _ in found
    ]
    return [each for each in bound if each[2] > 0]


async def set_shares(session: WriteSession, wanted: NewShares) -> None:
    """Bound channels at these levels as told, and no others.

    What was promised beyond a bound stays promised. Raises `NotFound` (`level_not_found`), `Invalid`
    (`channel_twice`).
    """
    if len({share.channel for share in wanted.shares}) < len(wanted.shares):
        raise Invalid("channel_twice", "one share for each channel")
    keys = keys_of(wanted.levels)
    if await ledger_repository.set_terms(session, keys, "shares", shared=bool(wanted.shares)) < len(keys):
        raise NotFound("level_not_found", "some SKU was never at that location")
    await shares_repository.replace(session, keys, [share.model_dump() for share in wanted.shares])


async def set_safety(session: WriteSession, key: LevelKey, pieces: int) -> None:
    """Keep so many pieces of a level back. Raises `NotFound` (`level_not_found`)."""
    if not await ledger_repository.set_terms(session, keys_of([key]), f"safety {pieces}", safety=pieces):
        raise NotFound("level_not_found", "the SKU was never at that location")


def keys_of(levels: Collection[LevelKey]) -> list[tuple[int, int]]:
    return sorted({(each.location_id, each.sku_id) for each in levels})
