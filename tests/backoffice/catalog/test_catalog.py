from datetime import timedelta
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import update

from backoffice.catalog import service
from backoffice.catalog.models import Product
from backoffice.inventory.models import StockLevel
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.backoffice.stock import COAT, COAT_L, COAT_M, KETTLE, SHOE, SHOE_42, fill


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def test_a_price_holds_from_its_change_on(database: Database) -> None:
    async with database.read() as session:
        assert await service.prices(session, [COAT_M, COAT_L, 999]) == {COAT_M: 35900, COAT_L: 39900}
        before = await service.prices(session, [COAT_M], at=now() - timedelta(days=2))
    assert before == {COAT_M: 39900}


async def test_skus_say_what_they_are(database: Database) -> None:
    async with database.read() as session:
        found = (await service.skus(session, [COAT_M]))[COAT_M]
    assert (found.name, found.variant, found.price_fen) == ("轻暖短款羽绒服", "黑色 / M", 35900)
    assert found.image == f"/api/products/{COAT}/picture.svg"


async def test_a_product_with_its_variants(client: httpx.AsyncClient) -> None:
    product = (await client.get(f"/api/products/{COAT}")).json()
    assert (product["price_from_fen"], product["price_to_fen"]) == (35900, 39900)
    assert product["colours"] == ["黑色", "米白"]
    assert [sku["price_fen"] for sku in product["skus"]] == [35900, 39900, 39900]
    missing = await client.get("/api/products/999")
    assert (missing.status_code, missing.json()["code"]) == (404, "product_not_found")


async def test_search_is_paged(client: httpx.AsyncClient) -> None:
    page = (await client.get("/api/products", params={"limit": 2, "offset": 1})).json()
    assert ([each["id"] for each in page["products"]], page["total"]) == ([SHOE, KETTLE], 3)
    assert (await client.get("/api/products", params={"q": "100%"})).json()["total"] == 0
    assert (await client.get("/api/products", params={"category": "鞋包"})).json()["total"] == 1
    assert (await client.get("/api/products", params={"limit": 1000})).status_code == 422


async def test_a_sentence_finds_product_colour_and_size(client: httpx.AsyncClient) -> None:
    found = (await client.post("/api/products/find", json={"text": "那个黑色的羽绒服l码还有吗"})).json()
    assert [each["id"] for each in found["products"]] == [COAT]
    assert (found["colour"], found["size"]) == ("黑色", "L")
    assert found["products"][0]["sku_ids"] == [COAT_L]
    assert 0 < found["products"][0]["score"] <= 100


async def test_nonsense_finds_nothing(client: httpx.AsyncClient) -> None:
    for text in ("今天天气怎么样", "我的快递到哪了", "？？", "退款什么时候到账"):
        assert (await client.post("/api/products/find", json={"text": text})).json()["products"] == []


async def test_a_renamed_product_is_found_by_its_new_name(
    client: httpx.AsyncClient, database: Database
) -> None:
    ask = {"text": "登山杖有吗"}
    assert (await client.post("/api/products/find", json=ask)).json()["products"] == []
    async with database.write() as session:
        await session.execute(update(Product).where(Product.id == SHOE).values(name="碳纤维登山杖"))
    found = (await client.post("/api/products/find", json=ask)).json()["products"]
    assert [each["sku_ids"] for each in found] == [[SHOE_42]]


async def test_size_advice_names_what_is_missing(client: httpx.AsyncClient) -> None:
    where = f"/api/products/{COAT}/size-advice"
    assert (await client.get(where, params={"height_cm": 170})).json()["missing"] == ["weight_kg"]
    fits = (await client.get(where, params={"height_cm": 175, "weight_kg": 70})).json()
    assert (fits["size"], fits["note"]) == ("L", "fits")
    assert (await client.get(f"/api/products/{SHOE}/size-advice")).json()["note"] == "no_table"
    assert (await client.get(where, params={"height_cm": 17})).status_code == 422


async def test_a_question_is_answered_from_the_page(client: httpx.AsyncClient) -> None:
    where = f"/api/products/{COAT}/ask"
    answers = (await client.post(where, json={"text": "哪里产的，防水吗"})).json()["answers"]
    assert [(each["label"], each["facts"]) for each in answers] == [
        ("产地", [{"name": "产地", "value": "浙江"}])
    ]
    assert (await client.post("/api/products/999/ask", json={"text": "重吗"})).status_code == 404
    assert (await client.post(where, json={"text": "重" * 2001})).status_code == 422


async def test_nothing_out_of_stock_is_suggested(client: httpx.AsyncClient, database: Database) -> None:
    ask = {"text": "随便推荐几个"}
    found = (await client.post("/api/products/suggest", json=ask)).json()
    assert ([each["id"] for each in found["products"]], found["understood"]) == ([COAT, SHOE], False)
    async with database.write() as session:
        await session.execute(update(StockLevel).where(StockLevel.sku_id == SHOE_42).values(on_hand=0))
    found = (await client.post("/api/products/suggest", json={"text": "推荐一双跑鞋"})).json()
    assert (found["products"], found["understood"]) == ([], True)


async def test_what_costs_less_is_suggested_whatever_sum_was_said(client: httpx.AsyncClient) -> None:
    async def cheaper(**asked: int | str) -> list[int]:
        found = (
            await client.post("/api/products/suggest", json={"text": "随便看看 两万左右"} | asked)
        ).json()
        return [each["id"] for each in found["products"]]

    prices = {id: (await client.get(f"/api/products/{id}")).json()["price_from_fen"] for id in (COAT, SHOE)}
    assert await cheaper() == []
    assert await cheaper(below_fen=max(prices.values())) == [min(prices, key=lambda id: prices[id])]
    assert await cheaper(below_fen=min(prices.values())) == []


async def test_the_picture_is_well_formed(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/products/{COAT}/picture.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert ElementTree.fromstring(answer.text).tag.endswith("svg")
