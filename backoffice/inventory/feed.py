"""The feed of changes: each level that changed, with what every channel may sell of it now.

A level is in the feed once, at its last change, so a channel that was away reads what is different now and
not how it came about. Changes of a moment are told together.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from backoffice.events import service as events
from backoffice.events.bus import Bus
from backoffice.events.schemas import Event, Notice
from backoffice.inventory import feed_repository as repository
from backoffice.inventory import shares_repository
from backoffice.inventory.schemas import Channel
from backoffice.inventory.stock_schemas import FeedEntry, FeedPage, StockChange
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.repeating import again
from backoffice.kit.time import now

CHANGED = "stock.changed"
"""Published for each SKU (key `sku:11`) with the locations where it changed, and told to webhooks."""
FOLLOW_SECONDS = 0.2
BATCH = 1000
CHANNELS: tuple[Channel, ...] = get_args(Channel)
Key = tuple[int, int]


class Follower:
    """Brings what the ledger says to the feed. Any number of processes may run one; they take turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Several times a second, until cancelled."""
        await again(self.follow_all, FOLLOW_SECONDS, "stock_feed_failed")

    async def follow_all(self) -> None:
        while await self.follow() == BATCH:
            pass

    async def follow(self) -> int:
        """Pass on a batch of movements; how many."""
        async with self._database.read() as session:
            if not await repository.behind(session):
                return 0
        async with self._database.write() as session:
            count, keys = await repository.claim(session, BATCH)
            if keys:
                await repository.advance(session, keys, now())
                locations: dict[int, list[int]] = {}
                for location_id, sku_id in keys:
                    locations.setdefault(sku_id, []).append(location_id)
                for sku_id, changed in sorted(locations.items()):
                    payload = {"sku_id": sku_id, "location_ids": changed}
                    await events.publish(session, CHANGED, f"sku:{sku_id}", payload)
        return count


class Feed:
    """Wakes who waits for changes, also those that other processes tell."""

    def __init__(self, bus: Bus) -> None:
        self._waiting: set[asyncio.Event] = set()
        bus.listen(self._hear)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """An event that is set at each change."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            yield news
        finally:
            self._waiting.discard(news)

    def _hear(self, topic: str, _: str, __: dict[str, Any]) -> None:
        if topic == CHANGED:
            for news in self._waiting:
                news.set()


async def page(session: ReadSession, after: int, limit: int) -> FeedPage:
    """What changed after a position, in order, with the figures of now; `last`: where to go on."""
    rows = await repository.after(session, after, limit)
    found = await changes(session, [(row.location_id, row.sku_id) for row in rows])
    entries = [
        FeedEntry(**found[row.location_id, row.sku_id].model_dump(), position=row.position, at=row.at)
        for row in rows
    ]
    return FeedPage(changes=entries, last=rows[-1].position if rows else after)


async def changes(session: ReadSession, keys: Collection[Key]) -> dict[Key, StockChange]:
    """What every channel may sell at these levels now, and online of their SKUs."""
    if not keys:
        return {}
    levels = await repository.levels_of(session, sorted({sku_id for _, sku_id in keys}))
    shared = [(location_id, sku_id) for location_id, sku_id, _, _, shared in levels if shared]
    rooms = await shares_repository.all_rooms(session, shared, now()) if shared else {}
    here: dict[Key, dict[Channel, int]] = {}
    online: Counter[tuple[int, Channel]] = Counter()
    for location_id, sku_id, kind, free, _ in levels:
        left = max(free, 0)
        may = {name: min(left, rooms.get((location_id, sku_id, name), left)) for name in CHANNELS}
        here[location_id, sku_id] = may
        if kind == "warehouse":
            online.update({(sku_id, name): pieces for name, pieces in may.items()})
    return {
        (location_id, sku_id): StockChange(
            location_id=location_id,
            sku_id=sku_id,
            available=here.get((location_id, sku_id), dict.fromkeys(CHANNELS, 0)),
            online={name: online[sku_id, name] for name in CHANNELS},
        )
        for location_id, sku_id in keys
    }


async def notices(session: ReadSession, event: Event) -> Sequence[Notice]:
    """One for each location where the SKU changed, with the figures of now."""
    keys = [(location_id, event.payload["sku_id"]) for location_id in event.payload["location_ids"]]
    found = await changes(session, keys)
    return [Notice(CHANGED, found[key].model_dump(mode="json")) for key in keys]
