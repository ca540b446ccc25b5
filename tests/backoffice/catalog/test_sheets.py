"""Products, SKUs and prices as tables."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from backoffice.app import create_app
from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.events.audit import AuditEntry
from backoffice.kit import sheets
from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.settings import LARGEST_MESSAGE, Settings
from backoffice.staff.models import StaffMember

HEADER = "商品名称,类目,品牌,SKU 编码,颜色,尺码,重量（克）,价格（元）"
COATS = f"""{HEADER}
云栖软壳衣,外套,云栖,YQ-M,黑色,M,500,299
云栖软壳衣,外套,云栖,YQ-L,黑色,L,520,299.00
山屿保温杯,家居,山屿,SY-1,绿色,,300,99.9
"""


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        for id, role in ((1, "admin"), (2, "agent")):
            hashed = hash_password("right horse")
            session.add(StaffMember(id=id, login=role, name=role, role=role, password_hash=hashed))


async def signed_in(client: httpx.AsyncClient, login: str = "admin") -> dict[str, str]:
    asked = {"login": login, "password": "right horse"}
    token = (await client.post("/api/staff/session", json=asked)).json()["token"]
    return {"Authorization": f"Bearer {token}"}


async def take_in(client: httpx.AsyncClient, table: str | bytes, kind: str = "products", **how: bool) -> Any:
    content = table.encode() if isinstance(table, str) else table
    path, admin = f"/api/staff/sheets/{kind}", await signed_in(client)
    answer = await client.post(path, content=content, params=how, headers=admin)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def count(database: Database, column: Any) -> int:
    async with database.read() as session:
        return int(await session.scalar(select(func.count(column))) or 0)


async def test_a_table_is_taken_in_once(client: httpx.AsyncClient, database: Database) -> None:
    report = await take_in(client, COATS)
    assert (report["taken"], report["unchanged"], report["bad"]) == (3, 0, 0)
    report = await take_in(client, COATS)
    assert (report["taken"], report["unchanged"], report["bad"]) == (0, 3, 0)
    assert [await count(database, each) for each in (Product.id, Sku.id, PriceChange.id)] == [2, 3, 0]
    found = (await client.get("/api/products", params={"q": "软壳"})).json()["products"][0]
    assert (found["sizes"], found["price_to_fen"]) == (["M", "L"], 29900)


async def test_a_line_changes_what_its_columns_say(client: httpx.AsyncClient, database: Database) -> None:
    await take_in(client, COATS)
    details = (
        "商品名称,类目,SKU 编码,重量（克）,价格（元）,参数（JSON）,其他叫法（用|隔开）,七天无理由,调价原因\n"
    )
    line = '云栖软壳衣,外套,YQ-M,510,259,"{""材质"": ""尼龙""}",冲锋衣|外衣,否,换季\n'
    assert (await take_in(client, details + line))["taken"] == 1
    async with database.read() as session:
        product = (await session.scalars(select(Product).where(Product.name == "云栖软壳衣"))).one()
        sku = (await session.scalars(select(Sku).where(Sku.code == "YQ-M"))).one()
        change = (await session.scalars(select(PriceChange))).one()
        actions = set(await session.scalars(select(AuditEntry.action)))
    assert (product.brand, product.facts, product.keywords) == ("云栖", {"材质": "尼龙"}, ["冲锋衣", "外衣"])
    assert (product.returnable, sku.colour, sku.weight_g) == (False, "黑色", 510)
    assert (change.price_fen, change.reason) == (25900, "换季")
    assert actions == {"product_added", "product_changed", "sku_added", "sku_changed", "price_changed"}


async def test_what_is_written_is_taken_in_unchanged(client: httpx.AsyncClient) -> None:
    await take_in(client, COATS)
    table = (
        "商品名称,类目,SKU 编码,重量（克）,价格（元）,描述,尺码表（JSON）,图案（JSON）\n"
        '\'=1+1,外套,\'-X,1,0.05,"两行\n\'=","[{""size"": ""M"", ""height_cm"": [160, 170]}]",'
        '"{""symbol"": ""coat"", ""tint"": ""#b4713d""}"\n'
    )
    assert (await take_in(client, table))["taken"] == 1
    written = await client.get("/api/staff/sheets/products", headers=await signed_in(client))
    assert written.status_code == 200
    assert "'=1+1" in written.text
    assert "products.csv" in written.headers["content-disposition"]
    report = await take_in(client, written.content)
    assert (report["unchanged"], report["taken"], report["bad_lines"]) == (4, 0, [])


async def test_bad_lines_are_told_and_leave_nothing(client: httpx.AsyncClient, database: Database) -> None:
    await take_in(client, COATS)
    table = f"""{HEADER}
云栖软壳衣,外套,云栖,YQ-XL,黑色,L,520,299
全新的杯子,家居,,SY-1,红色,,300,99
另一个杯子,家居,,SY-2,红色,,重,99
好杯子,家居,,SY-3,红色,,300,99
"""
    report = await take_in(client, table)
    assert (report["taken"], report["bad"]) == (1, 3)
    assert [(each["line"], each["column"], each["code"]) for each in report["bad_lines"]] == [
        (2, "SKU 编码", "sku_exists"),
        (3, "SKU 编码", "sku_of_another_product"),
        (4, "重量（克）", "int_parsing"),
    ]
    async with database.read() as session:
        assert "全新的杯子" not in (await session.scalars(select(Product.name))).all()


@pytest.mark.parametrize("how", ["dry_run", "all_or_nothing"])
async def test_nothing_is_kept(client: httpx.AsyncClient, database: Database, how: str) -> None:
    bad = COATS + "没有编码,外套,,,,,1,1\n"
    report = await take_in(client, bad, **{how: True})
    assert (report["taken"], report["bad"], report["kept"]) == (3, 1, False)
    assert await count(database, Sku.id) == 0
    if how == "all_or_nothing":
        assert (await take_in(client, COATS, all_or_nothing=True))["kept"]
        assert await count(database, Sku.id) == 3


async def test_prices_change_by_code(client: httpx.AsyncClient) -> None:
    await take_in(client, COATS)
    table = "code,price,reason\nYQ-M,199,双十二\nYQ-L,299,双十二\nNONE,1,双十二\n"
    report = await take_in(client, table, "prices")
    assert (report["taken"], report["unchanged"], report["bad"]) == (1, 1, 1)
    assert report["bad_lines"][0]["says"] == "没有这个 SKU 编码"
    assert (await take_in(client, table, "prices"))["unchanged"] == 2


async def test_only_admins_and_only_tables(client: httpx.AsyncClient) -> None:
    path, agent = "/api/staff/sheets/products", await signed_in(client, "agent")
    assert (await client.get(path)).status_code == 401
    for method in ("GET", "POST"):
        assert (await client.request(method, path, headers=agent)).status_code == 403
    refused = await client.post(path, content=b"\x00\xff", headers=await signed_in(client))
    assert (refused.status_code, refused.json()["code"]) == (422, "encoding_unknown")


async def test_tables_may_be_larger_than_messages(
    client: httpx.AsyncClient, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through all that stands before the endpoints of the real app."""
    admin = await signed_in(client)
    app = create_app(settings, consoles=False)
    app.state.database = database
    table = COATS.encode() + b",,,,,,,\n" * 40_000
    assert len(table) > LARGEST_MESSAGE
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as whole:
        answer = await whole.post("/api/staff/sheets/products", content=table, headers=admin)
        assert (answer.status_code, answer.json()["taken"]) == (200, 3)
        product = {"name": "衣", "category": "外套", "description": "长" * LARGEST_MESSAGE}
        assert (await whole.post("/api/staff/products", json=product, headers=admin)).status_code == 413
        monkeypatch.setattr(sheets, "LARGEST", len(table) - 1)
        refused = await whole.post("/api/staff/sheets/products", content=table, headers=admin)
        assert (refused.status_code, refused.json()["code"]) == (422, "sheet_too_large")


@pytest.mark.parametrize("cell", ["[" * 50_000, "9" * 5_000, '{"材质": 1', "NaN", '"\\u0000"', "\x00"])
async def test_no_cell_is_too_bad_to_tell(client: httpx.AsyncClient, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    table = f"商品名称,类目,SKU 编码,重量（克）,价格（元）,参数（JSON）\n杯子,家居,C-1,1,1,{quoted}\n"
    report = await take_in(client, table)
    assert (report["bad"], report["bad_lines"][0]["column"]) == (1, "参数（JSON）")
