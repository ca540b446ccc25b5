"""Fills an empty shop, all of it or nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backoffice.catalog.models import Product, Sku
from backoffice.demo.rows import HOUR, Row, data
from backoffice.demo.shop import Shop, Story
from backoffice.demo.situations import SIGN_INS, SITUATIONS, STORIES, SignIn
from backoffice.demo.talks import converse
from backoffice.inventory.models import Location
from backoffice.kit.database import Base, Database, insert_many
from backoffice.kit.errors import Conflict
from backoffice.kit.passwords import hash_password
from backoffice.kit.time import now
from backoffice.knowledge import service as knowledge
from backoffice.staff.models import CannedReply, StaffMember, StaffSkill
from backoffice.tables import metadata
from backoffice.trade.models import Order
from backoffice.users.domain import level_of
from backoffice.users.models import Customer
from backoffice.users.service import DEMO_PASSWORD

BATCH = 500
TALKS, FEWEST_TALKS = 16, 20
"""One conversation for so many orders, and so many at least."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Summary:
    """How much there is, and how long it took."""

    products: int
    skus: int
    locations: int
    customers: int
    orders: int
    rows: int
    seconds: float


async def seed(
    database: Database,
    number: int = 1,
    customers: int = 2000,
    orders: int = 10_000,
    progress: Progress | None = None,
    moment: datetime | None = None,
    sign_ins: Sequence[SignIn] = SIGN_INS,
) -> Summary:
    """Fill the shop with `customers` and `orders`, in one transaction.

    The same `number` makes the same shop; its times count back from `moment` (now). `progress` hears the
    stage, how much of it is done and how much there is. At least 30 customers and 100 orders, so that every
    state and every sign-in of `SIGN_INS` is there: fewer raise `ValueError`. A shop that is not empty raises
    `Conflict` (`shop_not_empty`).
    """
    if customers < 30 or orders < 100:
        raise ValueError("a demo shop has at least 30 customers and 100 orders")
    started = perf_counter()
    tell = progress or (lambda stage, done, total: None)
    shop = Shop(number, moment or now())
    async with database.write() as session:
        connection = await session.connection()
        await require_empty(connection)
        await load(connection, shop.take())
        tell("customers", 0, customers)
        people = invite(shop, customers, sign_ins)
        await load(connection, shop.take())
        tell("customers", customers, customers)
        stories = plot(shop, orders - shop.made[Order])
        for done, story in enumerate(stories, 1):
            buyer = people[shop.random.randrange(len(people))]
            shop.sale(buyer, story, extras=True)
            if done % BATCH == 0:
                await load(connection, shop.take())
                tell("orders", done, orders)
        tell("orders", orders, orders)
        reward(shop, people)
        shop.fill_shelves()
        converse(shop, people, max(orders // TALKS, FEWEST_TALKS))
        await load(connection, shop.take())
        await knowledge.load(session)
        await count_points(connection, shop)
        await advance_sequences(connection)
        tell("stock", 1, 1)
    return Summary(
        products=shop.made[Product],
        skus=shop.made[Sku],
        locations=shop.made[Location],
        customers=shop.made[Customer],
        orders=shop.made[Order],
        rows=shop.made.total(),
        seconds=perf_counter() - started,
    )


async def require_empty(connection: AsyncConnection) -> None:
    """Raises `Conflict` when there is something; on PostgreSQL a rival seed waits here."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE"))
    for table in (Product, Customer):
        if await connection.scalar(select(table.id).limit(1)) is not None:
            raise Conflict(
                "shop_not_empty", "the shop is already filled; a demo shop needs an empty database"
            )


async def load(connection: AsyncConnection, rows: Mapping[type[Base], list[Row]]) -> None:
    """Insert rows, those that others point to first."""
    depth = {table.name: place for place, table in enumerate(metadata.sorted_tables)}
    for table in sorted(rows, key=lambda table: depth[table.__tablename__]):
        await insert_many(connection, table, rows[table])


def invite(shop: Shop, customers: int, sign_ins: Sequence[SignIn]) -> list[Row]:
    """The staff, those of the sign-ins with their orders, and then the other customers, who are returned."""
    password_hash = hash_password(DEMO_PASSWORD)
    for told in data("people")["staff"]:
        skills = told["skills"]
        fields = {name: value for name, value in told.items() if name != "skills"}
        member = shop.new(StaffMember, **fields, password_hash=password_hash)
        for skill in skills:
            shop.add(StaffSkill, staff_id=member["id"], skill=skill)
    for reply in data("people")["replies"]:
        shop.new(CannedReply, **{"actions": [], **reply})
    for sign_in in sign_ins:
        customer = shop.customer(
            city=sign_in.city,
            name=sign_in.name,
            phone=sign_in.phone,
            password_hash=password_hash,
            demo=sign_in.situation,
            joined=2 if sign_in.key == "newcomer" else None,
        )
        SITUATIONS[sign_in.key](shop, customer)
    return [shop.customer() for _ in range(customers - len(sign_ins))]


def plot(shop: Shop, orders: int) -> list[Story]:
    """So many stories, each there is at least once."""
    more = shop.random.choices(list(STORIES), list(STORIES.values()), k=orders - len(STORIES))
    stories = [*STORIES, *more]
    shop.random.shuffle(stories)
    return stories


def reward(shop: Shop, people: list[Row]) -> None:
    """Points spent and earned without buying, and coupons not used yet."""
    running = [
        coupon
        for coupon in shop.coupons
        if coupon["starts_at"] < shop.day(2) and coupon["ends_at"] > shop.moment
    ]
    over = [coupon for coupon in shop.coupons if coupon["ends_at"] <= shop.midnight]
    shop.expire_points()
    for customer in people:
        shop.spend_points(customer)
        if shop.chance(0.4):
            shop.claim(customer, shop.random.choice(running), shop.day(1, shop.random.randint(8, 22)))
        if shop.chance(0.2):
            coupon = shop.random.choice(over)
            shop.claim(customer, coupon, coupon["starts_at"] + HOUR)


async def count_points(connection: AsyncConnection, shop: Shop) -> None:
    """Give customers the sum of their points and the level that goes with it."""
    statement = (
        update(Customer)
        .where(Customer.id == bindparam("customer"))
        .values(points=bindparam("sum"), growth=bindparam("earned"), level=bindparam("reached"))
    )
    sums = [
        {
            "customer": customer,
            "sum": points,
            "earned": shop.growth[customer],
            "reached": level_of(shop.growth[customer]),
        }
        for customer, points in shop.points.items()
    ]
    await connection.execute(statement, sums)


async def advance_sequences(connection: AsyncConnection) -> None:
    """PostgreSQL numbers go on behind the rows that came with their own."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        key = table.autoincrement_column
        if key is not None:
            name = f"pg_get_serial_sequence('{table.name}', '{key.name}')"
            await connection.execute(text(f"SELECT setval({name}, max({key.name})) FROM {table.name}"))
