"""The bench of orders drives the shop's own statements, and its audit finds what it is there to find."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from backoffice.inventory.models import StockLevel
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.trade.checkout.models import StoredQuote
from backoffice.trade.models import Order, OrderEvent, OrderNumber
from bench.limits import Figure
from bench.trade import replay, shop
from bench.trade.clients import by_service, rush
from bench.trade.shop import HOT, SPREAD, BenchShop, Kind


@pytest.fixture
async def small(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BenchShop:
    for module in (shop, replay):
        monkeypatch.setattr(module, "SKUS", 6)
        monkeypatch.setattr(module, "CUSTOMERS", 3)
    made = BenchShop(database, Settings(secret="for tests", state=tmp_path, database_url=database_url))
    await made.open()
    return made


@pytest.mark.parametrize("kind", [SPREAD, HOT])
async def test_the_shops_statements_make_the_same_orders_without_the_shop(
    small: BenchShop, tmp_path: Path, kind: Kind
) -> None:
    first, quote = await small.quote(kind, 2)
    order = by_service(small.database)
    answered = [await order(first)]
    with replay.captured(small.database._writer.sync_engine) as statements:
        answered.append(await order(quote))
    async with small.database.read() as session:
        last = await session.scalar(select(func.max(Order.id))) or 0
    example = replay.Example(quote, last, answered[1])
    if small.on_postgresql:
        program = replay.pgbench_program()
        if program is None:
            pytest.skip("pgbench is not installed")
        quotes = await small.copy_quotes(kind, 4000)
        transaction = replay.script(statements, example, kind, quotes.start, 2000)
        url = small.settings.database_url
        made = await asyncio.to_thread(replay.pgbench, program, url, transaction, 2, 1, tmp_path)
    else:
        quotes = await small.quote(kind, 5)
        replay.replayed(tmp_path / "test.db", statements, example, kind, quotes, last + 1)
        made = len(quotes)
    found = await small.audit(answered)
    assert found == dict.fromkeys(found, 0)
    async with small.database.read() as session:
        assert await session.scalar(select(func.count()).where(Order.id > last)) == made > 0


async def test_the_audit_finds_faults(small: BenchShop) -> None:
    outcome = await rush(by_service(small.database), await small.quote(SPREAD, 6), 3, 5)
    assert (len(outcome.answered), outcome.wrong) == (6, [])
    faults = await small.audit([*outcome.answered, outcome.answered[0], "0" * 16])
    assert {name: count for name, count in faults.items() if count} == {
        "orders answered but not stored": 1,
        "orders answered twice": 1,
    }
    async with small.database.write() as session:
        one = select(func.min(StoredQuote.id)).where(StoredQuote.used_at.is_not(None)).scalar_subquery()
        level = select(func.max(StockLevel.sku_id)).where(StockLevel.reserved > 0).scalar_subquery()
        await session.execute(delete(OrderEvent).where(OrderEvent.order_id == shop.ORDER))
        await session.execute(delete(OrderNumber).where(OrderNumber.order_id == shop.ORDER))
        await session.execute(update(StoredQuote).where(StoredQuote.id == one).values(used_at=None))
        await session.execute(
            update(StockLevel)
            .where(StockLevel.sku_id == level, StockLevel.reserved > 0)
            .values(reserved=StockLevel.reserved - 1)
        )
    faults = await small.audit(outcome.answered)
    assert {name: count for name, count in faults.items() if count} == {
        "levels that differ from ledger or promises": 1,
        "orders without their event": 1,
        "orders without their number": 1,
        "orders without their quote": 1,
        "pieces ordered but not held": 1,
        "orders answered but not stored": 1,
    }


@pytest.mark.parametrize(
    ("figure", "kept"),
    [
        (Figure("share", 15, "%", least=15), True),
        (Figure("share", 14.9, "%", least=15), False),
        (Figure("wait", 3, "ms", 2, 1), False),
        (Figure("told", 3, "ms"), True),
    ],
)
def test_a_figure_may_have_bounds_on_both_sides(figure: Figure, kept: bool) -> None:
    assert figure.kept is kept
