"""`xiaoer inventory audit`: the counters held against the ledger and the promises."""

from pathlib import Path

from sqlalchemy import update

from backoffice import migrations
from backoffice.inventory.models import StockLevel
from backoffice.kit.database import Database
from tests.backoffice.factories import COAT, Shop
from tests.cli.test_errors import the_line
from tests.processes import xiaoer


async def test_a_difference_ends_with_one(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    await Shop(database).open()
    named = {"XIAOER_DATABASE_URL": database_url, "XIAOER_STATE": str(tmp_path)}
    right = xiaoer("inventory", "audit", **named)
    assert (right.returncode, right.stdout) == (0, "4 levels are what their ledger and their promises say.\n")
    async with database.write() as session:
        await session.execute(
            update(StockLevel).where(StockLevel.sku_id == COAT).values(on_hand=StockLevel.on_hand - 1)
        )
    wrong = xiaoer("inventory", "audit", **named)
    assert wrong.returncode == 1
    assert "49 / 50" in wrong.stdout
    assert the_line(wrong) == "xiaoer: 1 of 4 levels differ from their ledger or their promises."
    await database.close()
