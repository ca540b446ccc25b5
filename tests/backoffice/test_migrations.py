import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.orm import selectinload

from backoffice import migrations
from backoffice.conversations.models import Conversation, Message
from backoffice.demo.seed import seed
from backoffice.inventory import service as inventory
from backoffice.kit.database import Database, UtcDateTime
from backoffice.kit.partitions import without_parts
from backoffice.kit.time import now
from backoffice.tables import metadata
from backoffice.trade import history_repository
from backoffice.trade.history import replay
from backoffice.trade.models import Order, OrderNumber
from backoffice.trade.offers import repository as offer_repository
from backoffice.trade.offers.service import offer_of
from backoffice.trade.offers.words import in_words
from backoffice.users import points
from tests.processes import rivals


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts=without_parts(metadata))
    return list(compare_metadata(context, metadata))


async def test_migrations_lead_to_the_tables_of_the_models(database_url: str) -> None:
    database = Database(database_url)
    reached = await migrations.upgrade(database)
    assert reached
    assert await migrations.upgrade(database) == reached
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


def upgrade(database_url: str) -> str | None:
    return asyncio.run(migrations.upgrade(Database(database_url)))


def test_rival_processes_upgrade_once(database_url: str) -> None:
    reached = rivals(upgrade, [(database_url,)] * 3)
    assert reached[0]
    assert reached == [reached[0]] * 3


async def test_a_filled_shop_is_migrated(database_url: str) -> None:
    database = Database(database_url)
    async with database.connect() as connection:
        await connection.run_sync(lambda c: command.upgrade(migrations.configuration(c), "0002"))
        await connection.execute(
            text(
                "INSERT INTO conversations (id, channel, sender, owner, status, last_event, failed_turns,"
                " handoff_reason, opened_at, updated_at) VALUES"
                " (:id, :channel, :id, 'bot', 'open', 1, 0, '', :at, :at)"
            ).bindparams(bindparam("at", now(), UtcDateTime()), id="c1", channel="web")
        )
        await connection.execute(
            text(
                "INSERT INTO messages (conversation_id, event, author, channel, sender, text, buttons, at)"
                " VALUES ('c1', 1, 'shopper', 'web', 'c1', '在吗', '[]', :at)"
            ).bindparams(bindparam("at", now(), UtcDateTime()))
        )
    await migrations.upgrade(database)
    async with database.read() as session:
        assert (await session.scalars(select(Message.text))).all() == ["在吗"]
        conversation = (await session.scalars(select(Conversation))).one()
    assert (conversation.answer_channel, conversation.answer_sender) == ("web", "c1")
    async with database.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert await connection.scalar(text("PRAGMA foreign_keys")) == 1
    await database.close()


OLD_ORDER = (
    "INSERT INTO orders (id, number, customer_id, channel, state, currency, items_fen, discount_fen,"
    " shipping_fen, total_fen, placed_at, ship_by, cancel_reason, urges, receiver, phone, province, city,"
    " district, street, note, location_id) VALUES ({id}, '{number}', 1, 'web', 'paid', 'CNY', 1, 0, 0, 1,"
    " :at, :at, '', 0, '林晓', '15400000001', '', '', '', '', '', 1)"
)
OLD_LINE = (
    "INSERT INTO order_lines (id, order_id, product_id, sku_id, name, colour, size, quantity, price_fen,"
    " paid_fen, returned, protected_fen) VALUES ({id}, {order_id}, 1, 1, '', '', '', 1, 1, 1, 0, 0)"
)
OLD_ORDERS = (
    "INSERT INTO customers (id, phone, name, level, points, joined_at)"
    " VALUES (1, '15400000001', '林晓', '', 0, :at)",
    OLD_ORDER.format(id=1, number="2611270000000011"),
    OLD_ORDER.format(id=2, number="2611270000000029"),
    OLD_LINE.format(id=11, order_id=1),
    OLD_LINE.format(id=12, order_id=2),
    OLD_LINE.format(id=13, order_id=1),
    "INSERT INTO payments (id, order_id, method, reference, amount_fen, refunded_fen, at)"
    " VALUES (1, 1, 'card', 'P1', 1, 0, :at)",
    "INSERT INTO returns (id, number, kind, customer_id, order_id, line_id, quantity, reason, detail,"
    " amount_fen, state, requested_at) VALUES (1, 'R1', 'return', 1, 2, 12, 1, '', '', 1, 'approved', :at)",
)


async def test_orders_are_taken_over_and_given_back(database_url: str) -> None:
    database = Database(database_url)
    moment = bindparam("at", now(), UtcDateTime())
    async with database.connect() as connection:
        await connection.run_sync(lambda c: command.upgrade(migrations.configuration(c), "0009"))
        for statement in OLD_ORDERS:
            await connection.execute(text(statement).bindparams(*([moment] if ":at" in statement else [])))
    await migrations.upgrade(database)
    async with database.read() as session:
        orders = (await session.scalars(select(Order).options(selectinload(Order.lines)))).all()
        assert [order.number for order in orders] == ["2611270000000011", "2611270000000029"]
        assert [[line.id for line in order.lines] for order in orders] == [[1001, 1002], [2001]]
        assert [(each.number, each.order_id) for each in await session.scalars(select(OrderNumber))] == [
            ("2611270000000011", 1),
            ("2611270000000029", 2),
        ]
        sent_back = text("SELECT return_id, line_id, quantity, worth_fen FROM return_lines")
        assert (await session.execute(sent_back)).all() == [(1, 2001, 1, 1)]
        assert await session.scalar(text("SELECT hand_over_by FROM returns"))
        for order in orders:
            told = await history_repository.events(session, order.id)
            assert replay(told) == history_repository.standing(order)
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.downgrade(migrations.configuration(c), "0009"))
        assert (await connection.scalars(text("SELECT id FROM order_lines ORDER BY id"))).all() == [
            1001,
            1002,
            2001,
        ]
        kept = text("SELECT line_id, quantity, amount_fen, state FROM returns")
        assert (await connection.execute(kept)).all() == [(2001, 1, 1, "approved")]
    await migrations.upgrade(database)
    async with database.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM payments")) == 1
        assert await connection.run_sync(differences) == []
    await database.close()


OLD_COUPONS = (
    *OLD_ORDERS[:3],
    "UPDATE orders SET state = 'cancelled', cancelled_at = :at WHERE id = 2",
    "INSERT INTO coupons (id, name, category, threshold_fen, off_fen, starts_at, ends_at)"
    " VALUES (1, '满减', '', 300, 30, :at, :at), (2, '冬装', '服饰', 0, 20, :at, :at)",
    "INSERT INTO coupon_claims (coupon_id, customer_id, order_id, claimed_at)"
    " VALUES (1, 1, 1, :at), (2, 1, 2, :at)",
)


async def test_coupons_become_offers_and_again_coupons(database_url: str) -> None:
    database = Database(database_url)
    moment = bindparam("at", now(), UtcDateTime())
    async with database.connect() as connection:
        await connection.run_sync(lambda c: command.upgrade(migrations.configuration(c), "0009"))
        for statement in OLD_COUPONS:
            await connection.execute(text(statement).bindparams(moment))
    await migrations.upgrade(database)
    async with database.read() as session:
        pocket = await offer_repository.pocket(session, 1)
        assert [(version.name, unused) for version, unused in pocket] == [("满减", False), ("冬装", True)]
        rules = [offer_of(version, "coupon").terms for version, _ in pocket]
        assert [in_words(terms) for terms in rules] == ["满3减0.30", "立减0.20"]
        assert [terms.only.categories for terms in rules] == [(), ("服饰",)]
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.downgrade(migrations.configuration(c), "0020"))
        told = "SELECT id, name, category, threshold_fen, off_fen FROM coupons ORDER BY id"
        assert (await connection.execute(text(told))).all() == [
            (1, "满减", "", 300, 30),
            (2, "冬装", "服饰", 0, 20),
        ]
        used = "SELECT coupon_id, order_id FROM coupon_claims ORDER BY coupon_id"
        assert (await connection.execute(text(used))).all() == [(1, 1), (2, None)]
    await migrations.upgrade(database)
    await database.close()


async def rows(database: Database) -> dict[str, int]:
    async with database.connect() as connection:
        counts = {name: text(f"SELECT count(*) FROM {name}") for name in KEPT}
        return {name: await connection.scalar(count) or 0 for name, count in counts.items()}


KEPT = ("customers", "orders", "order_lines", "payments", "refunds", "returns", "shipments", "stock_levels")


async def test_a_demo_shop_goes_back_and_comes_again(database_url: str) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    await seed(database, customers=30, orders=100)
    before = await rows(database)
    async with database.migrating() as connection:
        await connection.run_sync(lambda c: command.downgrade(migrations.configuration(c), "0009"))
    await migrations.upgrade(database)
    assert await rows(database) == before
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
    async with database.read() as session:
        for order in await session.scalars(select(Order).options(selectinload(Order.lines))):
            told = await history_repository.events(session, order.id)
            assert replay(told) == history_repository.standing(order)
    async with database.snapshot() as session:
        assert (await inventory.imbalances(session, 10))[:2] == ([], 0)
        assert await points.points_audit(session) == []
    await database.close()
