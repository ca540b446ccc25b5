"""`xiaoer order replay`: a history beside what is stored."""

from pathlib import Path

from sqlalchemy import update

from backoffice import migrations
from backoffice.kit.database import Database
from backoffice.trade.models import Order
from tests.backoffice.factories import Shop
from tests.cli.test_errors import the_line
from tests.processes import xiaoer


async def test_an_order_is_rebuilt_and_a_difference_is_told(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    shop = Shop(database)
    await shop.open()
    number = await shop.order("paid")
    named = {"XIAOER_DATABASE_URL": database_url, "XIAOER_STATE": str(tmp_path)}
    same = xiaoer("order", "replay", number, **named)
    assert same.returncode == 0, same.stderr
    assert "taken_over" in same.stdout
    assert "Stored and rebuilt are the same." in same.stdout

    async with database.write() as session:
        await session.execute(update(Order).values(urges=3))
    other = xiaoer("order", "replay", number, **named)
    assert other.returncode == 1
    assert the_line(other) == "xiaoer: Stored and rebuilt differ in urges."
    unknown = xiaoer("order", "replay", "2611270000000000", **named)
    assert the_line(unknown) == "xiaoer: There is no order 2611270000000000."
    await database.close()
