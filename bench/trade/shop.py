"""The shop of the bench: many SKUs and customers, stock enough, and quotes that can be ordered.

Every id is a number that occurs nowhere else, so that a statement's data tell what they speak of.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
from sqlalchemy import column, func, insert, select, table, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from backoffice.catalog.models import Product, Sku
from backoffice.events.models import OutboxEvent
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel
from backoffice.kit import executors
from backoffice.kit.database import Database, insert_many
from backoffice.kit.time import now
from backoffice.migrations import upgrade
from backoffice.settings import Settings
from backoffice.trade.checkout import quotes
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.models import StoredQuote
from backoffice.trade.checkout.schemas import NewQuote
from backoffice.trade.models import Order, OrderEvent, OrderLine, OrderNumber
from backoffice.trade.payments import paying
from backoffice.trade.payments.ports import Paid
from backoffice.users.identity import Shopper
from backoffice.users.models import Customer

CUSTOMER, PRODUCT, SKU = 900_000_000, 800_000_000, 700_000_000
LOCATION, ORDER, QUOTE = 300_000_000, 500_000_000, 100_000_000
CUSTOMERS, SKUS, PIECES = 2000, 1000, 500_000
PLACES = (("浙江省", "杭州市"), ("广东省", "广州市"), ("四川省", "成都市"), ("湖北省", "武汉市"))
ADDRESS = {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}
TOUR = timedelta(hours=2)
BATCH = 5000
METHOD = "card"


@dataclass(frozen=True)
class Kind:
    """What the orders of a run buy: two SKUs out of all, or all of them the same one."""

    name: str
    hot: bool = False

    def skus(self, quote: int) -> tuple[int, ...]:
        if self.hot:
            return (SKU,)
        half = SKUS // 2
        return SKU + quote * 7919 % half, SKU + half + quote * 104_729 % half


SPREAD, HOT = Kind(f"{SKUS:,} SKUs"), Kind("one hot SKU", hot=True)


def customer_of(quote: int) -> int:
    return CUSTOMER + quote % CUSTOMERS


def quote_id(quote: int) -> str:
    return f"{quote:032d}"


async def on_server(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


class BenchShop:
    """A database of the bench's own with its settings."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self._next_quote = QUOTE

    @property
    def on_postgresql(self) -> bool:
        return self.settings.database_url.startswith("postgresql")

    async def open(self) -> None:
        """Seed what is sold, where it lies and who buys it."""
        point = {"latitude": 30.0, "longitude": 114.0, "hours": "00:00-24:00", "phone": "", "address": ""}
        async with self.database.connect() as connection:
            await insert_many(
                connection,
                Customer,
                [
                    {"id": CUSTOMER + each, "phone": f"154{each:08d}", "name": "林晓"}
                    for each in range(CUSTOMERS)
                ],
            )
            await insert_many(connection, Product, [product(each) for each in range(SKUS)])
            await insert_many(connection, Sku, [sku(each) for each in range(SKUS)])
            places = enumerate(PLACES, LOCATION)
            await insert_many(
                connection,
                Location,
                [
                    {"id": id, "kind": "warehouse", "name": f"{city}仓", "province": province}
                    | {"city": city, "district": "城区", **point}
                    for id, (province, city) in places
                ],
            )
        for start in range(0, SKUS, 200):
            async with self.database.write() as session:
                several = range(SKU + start, SKU + min(start + 200, SKUS))
                picks = [(LOCATION + place, id, PIECES) for place in range(len(PLACES)) for id in several]
                await inventory.receive(session, picks)
        await self._begin_at(ORDER)

    async def _begin_at(self, order_id: int) -> None:
        """Make the first order one of this id."""
        async with self.database.write() as session:
            if self.on_postgresql:
                await session.execute(text(f"ALTER SEQUENCE orders_id_seq RESTART WITH {order_id}"))
                return
            before = {"id": order_id - 1, "number": "0", "customer_id": CUSTOMER, "channel": "web"}
            place = dict.fromkeys(("receiver", "phone", "province", "city", "district", "street"), "")
            dates = {"placed_at": now(), "ship_by": now(), "items_fen": 0, "total_fen": 0}
            await session.execute(
                insert(Order).values(**before, **place, **dates, state="cancelled", location_id=LOCATION)
            )

    async def quote(self, kind: Kind, count: int) -> range:
        """Quotes to be ordered: one is made by the shop, the others are its copies for other SKUs."""
        made = range(self._next_quote, self._next_quote + count)
        self._next_quote = made.stop
        pattern = await self._pattern(kind, made.start)
        until = now() + TOUR
        async with self.database.connect() as connection:
            for start in range(made.start, made.stop, BATCH):
                several = range(start, min(start + BATCH, made.stop))
                rows = [row(pattern, kind, made.start, each) | {"expires_at": until} for each in several]
                await insert_many(connection, StoredQuote, rows)
        return made

    async def copy_quotes(self, kind: Kind, count: int) -> range:
        """The same made by PostgreSQL, all for the SKUs of the first: to be used up, not to be read."""
        made = range(self._next_quote, self._next_quote + count)
        self._next_quote = made.stop
        pattern = await self._pattern(kind, made.start)
        async with self.database.write() as session:
            await session.execute(
                text(
                    "INSERT INTO quotes (id, owner, content, expires_at, at)"
                    f" SELECT lpad(each::text, 32, '0'), 'customer:' || ({CUSTOMER} + each % {CUSTOMERS}),"
                    " CAST(:content AS json), now() + interval '2 hours', now()"
                    " FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS each"
                ),
                {"content": pattern, "first": made.start, "last": made.stop - 1},
            )
        return made

    async def _pattern(self, kind: Kind, quote: int) -> str:
        lines = [{"sku_id": id, "quantity": 1} for id in kind.skus(quote)]
        owner, customer_id = customers(customer_of(quote)), customer_of(quote)
        wanted = NewQuote.model_validate({"lines": lines, "address": ADDRESS})
        async with self.database.read() as session:
            frozen = await quotes.freeze(session, owner, customer_id, wanted)
        return frozen.model_dump_json()

    async def pay(self, quote: int, number: str) -> None:
        """The money for an order has come."""
        async with self.database.write() as session:
            who = Shopper(customer_of(quote))
            tried = await paying.open_attempt(session, who, number, METHOD, [METHOD])
            paid = Paid(tried.reference, f"T{tried.reference}", tried.amount_fen, now())
            await paying.captured(session, METHOD, paid)

    async def everything_sent(self) -> None:
        """Forget what waits in the outbox."""
        async with self.database.write() as session:
            await session.execute(text("UPDATE outbox SET sent_at = at WHERE sent_at IS NULL"))

    async def outbox(self) -> tuple[int, int]:
        """How many events were sent and how many wait."""
        async with self.database.read() as session:
            sent = func.count(OutboxEvent.sent_at)
            counted = await session.execute(select(sent, func.count() - sent).select_from(OutboxEvent))
            gone, waiting = counted.one()
        return gone, waiting

    async def has_worker(self) -> bool:
        """Whether somebody does the background work."""
        async with self.database.read() as session:
            return await executors.alive(session, now() - timedelta(seconds=20))

    async def workflows(self) -> tuple[int, int]:
        """How many are completed and how many go on; none before the worker has made their tables."""
        url = self.settings.workflows_url.replace("sqlite:", "sqlite+aiosqlite:")
        engine = create_async_engine(url)
        schema = "dbos" if self.on_postgresql else None
        status = table("workflow_status", column("status"), schema=schema)
        ended = func.count().filter(status.c.status == "SUCCESS")
        going_on = func.count().filter(status.c.status.in_(("PENDING", "ENQUEUED")))
        try:
            async with engine.connect() as connection:
                counted = (await connection.execute(select(ended, going_on).select_from(status))).one()
        except DBAPIError:
            return 0, 0
        finally:
            await engine.dispose()
        return counted[0], counted[1]

    async def audit(self, answered: Sequence[str]) -> dict[str, int]:
        """Faults by their kind: counters, ledger, promises, orders and answers must agree."""
        async with self.database.snapshot() as session:
            _, wrong, _ = await inventory.imbalances(session, 1)
            ordered = select(func.count()).select_from(Order).where(Order.id >= ORDER)
            orders = await session.scalar(ordered) or 0
            told = select(func.count()).select_from(OrderEvent).where(OrderEvent.kind == "placed")
            used = select(func.count()).select_from(StoredQuote).where(StoredQuote.used_at.is_not(None))
            events = await session.scalar(told) or 0
            quoted = await session.scalar(used) or 0
            bought = await session.scalar(select(func.sum(OrderLine.quantity))) or 0
            there = StockLevel.reserved + StockLevel.allocated
            held = await session.scalar(select(func.sum(there))) or 0
            numbers = set(await session.scalars(select(OrderNumber.number)))
        return {
            "levels that differ from ledger or promises": wrong,
            "orders without their event": abs(orders - events),
            "orders without their number": abs(orders - len(numbers)),
            "orders without their quote": abs(orders - quoted),
            "pieces ordered but not held": abs(bought - held),
            "orders answered but not stored": len(set(answered) - numbers),
            "orders answered twice": len(answered) - len(set(answered)),
        }


@asynccontextmanager
async def opened(folder: Path, server: str | None) -> AsyncIterator[BenchShop]:
    """A seeded shop on a new database of a PostgreSQL `server`, else on SQLite; dropped afterwards."""
    name = f"xiaoer_bench_{uuid4().hex[:12]}"
    url = f"sqlite:///{folder / 'bench.db'}"
    if server:
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        await on_server(server, f'CREATE DATABASE "{name}"')
    settings = Settings(state=folder, secret=uuid4().hex, database_url=url)
    database = Database(settings.database_url, pool_size=20)
    try:
        await upgrade(database)
        shop = BenchShop(database, settings)
        await shop.open()
        yield shop
    finally:
        await database.close()
        if server:
            await on_server(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def product(number: int) -> dict[str, object]:
    told: dict[str, object] = {"id": PRODUCT + number, "name": f"云栖轻羽绒服{number}", "category": "服饰"}
    texts = {"brand": "云栖", "description": "轻薄保暖", "picture": {}}
    return {**told, **texts, "facts": {}, "keywords": [], "size_table": None}


def sku(number: int) -> dict[str, object]:
    shown = {"colour": "黑色", "size": "L", "price_fen": 30000, "weight_g": 500}
    return {"id": SKU + number, "product_id": PRODUCT + number, "code": f"S{number}", **shown}


def row(pattern: str, kind: Kind, first: int, quote: int) -> dict[str, object]:
    content = pattern.replace(str(customer_of(first)), str(customer_of(quote)))
    for before, after in zip(kind.skus(first), kind.skus(quote), strict=True):
        content = content.replace(str(before), str(after))
        content = content.replace(str(before - SKU + PRODUCT), str(after - SKU + PRODUCT))
    owner = customers(customer_of(quote))
    return {"id": quote_id(quote), "owner": owner, "content": json.loads(content), "at": now()}
