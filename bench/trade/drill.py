"""Processes that work for a shop are killed at random moments, and started again; then the books are checked.

`python -m bench.trade.drill --kills 200`, on SQLite and PostgreSQL.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from time import monotonic
from uuid import uuid4

import sqlalchemy
from sqlalchemy import func, insert, select
from sqlalchemy.engine import make_url

from backoffice.catalog.models import Product, Sku
from backoffice.events.models import OutboxEvent
from backoffice.fulfillment import worklist
from backoffice.inventory import holds
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location
from backoffice.kit.database import Database
from backoffice.migrations import upgrade
from backoffice.settings import Settings
from backoffice.trade import repository, service
from backoffice.trade.history import differences, replay
from backoffice.trade.models import Order
from backoffice.users.models import Customer
from bench.limits import Figure, report
from bench.trade.drilled import PLACES, SKUS, begin
from bench.trade.orders import POSTGRES
from bench.trade.shop import on_server
from tests.processes import COPIES

KILLS = 200
PIECES = 3000
STUCK_AFTER = 150.0
"""Longer than the relay waits with an event that was not taken."""
GONE = ("returned", "lost")
ENDED = ("cancelled", "paid", "shipped", "delivered", "completed")
TOLD_EVERY = 20


@dataclass(frozen=True)
class Outcome:
    """What a drill has seen; `faults`: how many by kind."""

    kills: int
    orders: int
    states: Mapping[str, int]
    workflows: int
    recovered: int
    settled_seconds: float
    faults: Mapping[str, int]


async def stock(database: Database, pieces: int) -> None:
    """Three products in three warehouses."""
    point = {"latitude": 30.0, "longitude": 120.0, "hours": "", "phone": "", "address": ""}
    product = {"category": "服饰", "brand": "", "description": "", "facts": {}, "keywords": [], "picture": {}}
    sku = {"colour": "黑色", "size": "L", "price_fen": 30_000, "weight_g": 500}
    place = {"kind": "warehouse", "province": "浙江省", "city": "杭州市", "district": "余杭区", **point}
    async with database.write() as session:
        await session.execute(insert(Customer).values(id=1, phone="15400000001", name="林晓"))
        await session.execute(insert(Product), [{"id": id, "name": f"羽绒服{id}", **product} for id in SKUS])
        await session.execute(
            insert(Sku), [{"id": id, "product_id": id, "code": str(id), **sku} for id in SKUS]
        )
        await session.execute(insert(Location), [{"id": id, "name": f"仓{id}", **place} for id in PLACES])
        await inventory.receive(session, [(place, sku, pieces) for place in PLACES for sku in SKUS])


async def ended(process: BaseProcess) -> None:
    """Kill a process that was started, and wait until it is gone."""
    if process.pid is not None:
        process.kill()
        await asyncio.to_thread(process.join)


class Drill:
    """Two processes on one database; `kills` times one of them is killed, whatever it is at."""

    def __init__(self, settings: Settings, database: Database, seed: int = 1) -> None:
        self._settings, self._database, self._random = settings, database, Random(seed)
        self._env = {
            "XIAOER_STATE": str(settings.state),
            "XIAOER_SECRET": settings.secret,
            "XIAOER_DATABASE_URL": settings.database_url,
            "XIAOER_REDIS_URL": "",
            "XIAOER_WORKER": "apart",
        }

    def process(self, seed: int) -> BaseProcess:
        return COPIES.Process(
            target=begin, args=(seed, self._env, self._settings.state / "drilled.log"), daemon=True
        )

    async def run(self, kills: int, seconds: tuple[float, float] = (0.2, 3.0)) -> Outcome:
        """Kill at a moment between `seconds` after a process has placed an order."""
        working = [self.process(seed) for seed in range(kills + 1)]
        try:
            await self.begun(*working[1:3])
            for kill in range(1, kills + 1):
                await asyncio.sleep(self._random.uniform(*seconds))
                await ended(working[kill])
                await self.begun(*working[kill + 2 : kill + 3])
                if kill % TOLD_EVERY == 0:
                    print(f"{kill} of {kills} killed", file=sys.stderr)
            await self.begun(working[0])
            return await self.outcome(kills, await self.settled())
        finally:
            for each in working:
                await ended(each)

    async def begun(self, *processes: BaseProcess) -> None:
        """Start some, and wait until each has placed an order."""
        for each in processes:
            await asyncio.to_thread(each.start)
        async with asyncio.timeout(STUCK_AFTER):
            for each in processes:
                while not (self._settings.state / f"begun-{each.pid}").exists():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def settled(self) -> float:
        """Wait until nothing is under way any more; the seconds that took. Raises `TimeoutError` when what is
        has not become less for `STUCK_AFTER`.
        """
        began = since = monotonic()
        least = left = await self.under_way()
        while left:
            await asyncio.sleep(0.2)
            left = await self.under_way()
            if left.total() < least.total():
                least, since = left, monotonic()
            elif monotonic() > since + STUCK_AFTER:
                raise TimeoutError(f"does not end: {dict(left)}")
        return monotonic() - began

    async def under_way(self) -> Counter[str]:
        """Events by topic, orders and workflows by what they are waiting for."""
        async with self._database.read() as session:
            unsent = select(OutboxEvent.topic).where(OutboxEvent.sent_at.is_(None))
            found = Counter(await session.scalars(unsent))
            unpaid = select(func.count()).select_from(Order).where(Order.state == "unpaid")
            found["unpaid orders"] = await session.scalar(unpaid) or 0
        by_status = Counter(each[1] for each in await asyncio.to_thread(self.workflows))
        for status in ("PENDING", "ENQUEUED"):
            found[f"workflows {status}"] = by_status[status]
        return +found

    def workflows(self) -> list[tuple[str, str, int]]:
        """Id, status and number of beginnings of each."""
        engine = sqlalchemy.create_engine(self._settings.workflows_url)
        schema = "" if engine.dialect.name == "sqlite" else "dbos."
        try:
            with engine.connect() as connection:
                rows = connection.execute(
                    sqlalchemy.text(
                        f"SELECT workflow_uuid, status, recovery_attempts FROM {schema}workflow_status"
                    )
                )
                return [(row[0], row[1], row[2] or 0) for row in rows]
        finally:
            engine.dispose()

    async def outcome(self, kills: int, seconds: float) -> Outcome:
        faults = Counter[str]()
        found = await asyncio.to_thread(self.workflows)
        states = Counter[str]()
        async with self._database.snapshot() as session:
            _, wrong, _ = await inventory.imbalances(session, 1)
            faults["levels that differ from ledger or promises"] = wrong
            ids = list(await session.scalars(select(Order.id)))
            paid = await repository.payments(session, ids)
            back = await repository.refunds(session, ids)
            parts = await worklist.of_orders(session, ids)
            promised = defaultdict[int, Counter[tuple[int, int]]](Counter)
            for each in await holds.promised(session, [holds.order_holder(id) for id in ids]):
                promised[int(each.holder.partition(":")[2])][each.location_id, each.sku_id] += each.quantity
            for id in ids:
                order = await repository.order_by_id(session, id)
                assert order
                states[order.state] += 1
                kept = sum(each.amount_fen - each.refunded_fen for each in paid.get(id, []))
                refunded = sum(each.amount_fen for each in back.get(id, []) if each.state != "withdrawn")
                left = order.shipping_fen + sum(line.paid_fen for line in order.lines)
                owed = 0 if order.state == "cancelled" else left
                faults["orders that are not ended"] += order.state not in ENDED
                faults["payments with neither an order nor a refund"] += kept != owed
                faults["refunds that differ from their payments"] += refunded != sum(
                    each.refunded_fen for each in paid.get(id, [])
                )
                at_work, sent = Counter[tuple[int, int]](), Counter[int]()
                for part in parts[id]:
                    for line in part.lines:
                        sent[line.sku_id] += line.sent
                        if part.state in ("planned", "accepted", "packed", "ready_for_pickup"):
                            at_work[part.location_id, line.sku_id] += line.quantity - line.sent
                faults["orders whose parts are not what was promised"] += +at_work != promised[id]
                if order.state != "cancelled":
                    gone = (parcel for part in parts[id] for parcel in part.parcels if parcel.state in GONE)
                    not_arrived = sum(piece.quantity for parcel in gone for piece in parcel.pieces)
                    there = sum(at_work.values()) + sum(sent.values()) - not_arrived
                    faults["orders with too few or too many pieces"] += there != sum(
                        line.quantity - line.cancelled for line in order.lines
                    )
                told, stored = await service.past(session, order.number)
                faults["orders that their history does not lead to"] += bool(
                    differences(stored, replay(told))
                )
        faults["workflows that are not finished"] = sum(each[1] != "SUCCESS" for each in found)
        faults["orders without a workflow"] = len(ids) - len(found)
        return Outcome(
            kills,
            len(ids),
            states,
            len(found),
            sum(each[2] > 1 for each in found),
            seconds,
            {kind: number for kind, number in faults.items() if number},
        )


async def on(url: str, folder: Path, kills: int, seed: int) -> Outcome:
    """A drill on an empty database."""
    settings = Settings(state=folder, secret=uuid4().hex, database_url=url)
    database = Database(settings.database_url, pool_size=2)
    try:
        await upgrade(database)
        await stock(database, PIECES)
        return await Drill(settings, database, seed).run(kills)
    finally:
        await database.close()


def figures(engine: str, seen: Outcome) -> list[Figure]:
    states = ", ".join(f"{number} {state}" for state, number in sorted(seen.states.items()))
    return [
        Figure(f"{engine}: processes killed", seen.kills, ""),
        Figure(f"{engine}: orders ({states})", seen.orders, ""),
        Figure(f"{engine}: workflows that went on after a kill", seen.recovered, ""),
        Figure(f"{engine}: all was settled after the last kill", seen.settled_seconds, "s"),
        Figure(f"{engine}: faults {dict(seen.faults) or ''}", sum(seen.faults.values()), "", limit=0),
    ]


async def drill(kills: int, seed: int) -> list[Figure]:
    found: list[Figure] = []
    for server in (None, POSTGRES):
        with tempfile.TemporaryDirectory(prefix="xiaoer-drill-") as folder:
            name = f"xiaoer_drill_{uuid4().hex[:12]}"
            url = f"sqlite:///{folder}/drill.db"
            if server:
                url = make_url(server).set(database=name).render_as_string(hide_password=False)
                await on_server(server, f'CREATE DATABASE "{name}"')
            try:
                seen = await on(url, Path(folder), kills, seed)
            finally:
                if server:
                    await on_server(server, f'DROP DATABASE "{name}" WITH (FORCE)')
            found += figures("PostgreSQL" if server else "SQLite", seen)
    return found


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS", KILLS)))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    return report(asyncio.run(drill(asked.kills, asked.seed)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
