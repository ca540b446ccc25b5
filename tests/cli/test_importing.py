"""`xiaoer import` and `xiaoer export`: tables of the shop."""

from pathlib import Path

from backoffice import migrations
from backoffice.kit.database import Database
from backoffice.staff.models import StaffMember
from tests.backoffice.factories import Shop
from tests.cli.test_errors import the_line
from tests.processes import xiaoer


async def test_what_is_written_is_read_again(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    await migrations.upgrade(database)
    await Shop(database).open()
    boss = {"login": "boss", "name": "店长", "role": "admin", "password_hash": ""}
    await Shop(database).add(StaffMember, {"id": 1, **boss})
    await database.close()
    named = {"XIAOER_DATABASE_URL": database_url, "XIAOER_STATE": str(tmp_path), "COLUMNS": "100"}
    table = tmp_path / "goods.csv"
    written = xiaoer("export", "products", str(table), **named)
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert xiaoer("export", "products", **named).stdout == table.read_text()
    table.write_text(table.read_text() + "坏,外套\n")
    read = xiaoer("import", "products", str(table), "--by", "boss", **named)
    assert "4 as they were" in read.stdout
    assert "SKU 编码" in read.stdout
    assert "必填" in read.stdout
    assert the_line(read) == "xiaoer: 1 of 5 lines are bad."
    stock = tmp_path / "stock.csv"
    assert xiaoer("export", "stock", str(stock), **named).returncode == 0
    counted = xiaoer("import", "stock", str(stock), "--by", "boss", "--dry-run", **named)
    assert counted.stdout.endswith("4 lines: 0 taken in, 4 as they were; nothing was kept.\n")
    nobody = xiaoer("import", "products", str(table), "--by", "nobody", **named)
    assert the_line(nobody) == "xiaoer: nobody has the login nobody."
