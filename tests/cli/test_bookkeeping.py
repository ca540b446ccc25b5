"""`xiaoer points audit` and `xiaoer payments audit`: the books held against each other."""

from pathlib import Path

from sqlalchemy import update

from backoffice import migrations
from backoffice.kit.database import Database
from backoffice.trade.models import Payment
from backoffice.users import points
from backoffice.users.models import Customer
from tests.backoffice.factories import OWNER, Shop
from tests.cli.test_errors import the_line
from tests.processes import xiaoer


async def test_a_difference_ends_with_one(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    await Shop(database).open()
    async with database.write() as session:
        await points.earn(session, OWNER, 50, "order:1")
    named = {"XIAOER_DATABASE_URL": database_url, "XIAOER_STATE": str(tmp_path)}
    right = xiaoer("points", "audit", **named)
    assert (right.returncode, right.stdout) == (0, "2 customers have the points that their ledger says.\n")
    async with database.write() as session:
        await session.execute(update(Customer).where(Customer.id == OWNER).values(points=49))
    wrong = xiaoer("points", "audit", **named)
    assert wrong.returncode == 1
    assert "49 / 50" in wrong.stdout
    assert the_line(wrong) == "xiaoer: 1 of 2 customers differ from their ledger."
    await database.close()


async def test_money_that_is_nobodys_ends_with_one(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    shop = Shop(database)
    await shop.open()
    await shop.order("delivered")
    named = {"XIAOER_DATABASE_URL": database_url, "XIAOER_STATE": str(tmp_path)}
    right = xiaoer("payments", "audit", **named)
    assert (right.returncode, right.stdout) == (0, "1 payments each pay their order or go back.\n")
    async with database.write() as session:
        await session.execute(update(Payment).values(refunded_fen=49))
    wrong = xiaoer("payments", "audit", **named)
    assert wrong.returncode == 1
    assert "49 / 0" in wrong.stdout
    assert the_line(wrong) == "xiaoer: 1 of 1 payments neither pay their order nor go back."
    await database.close()
