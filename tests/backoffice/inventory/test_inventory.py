import asyncio

import httpx
import pytest

from backoffice.inventory import holds, service
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.geo import Point
from tests.backoffice.stock import (
    COAT,
    COAT_L,
    COAT_M,
    COAT_WHITE_L,
    NORTH,
    SHOE_42,
    SHOP_HANGZHOU,
    SOUTH,
    fill,
    ledger_level,
    level,
)


@pytest.fixture(autouse=True)
async def shop(database: Database) -> None:
    await fill(database)


async def allocate(database: Database, order_id: int, picks: list[tuple[int, int, int]]) -> bool:
    try:
        async with database.write() as session:
            await holds.allocate(session, holds.order_holder(order_id), picks)
    except Conflict:
        return False
    return True


async def test_twenty_rivals_share_the_last_five_pieces(database: Database) -> None:
    won = await asyncio.gather(*(allocate(database, order, [(NORTH, COAT_M, 1)]) for order in range(20)))
    assert sum(won) == 5
    assert await level(database, NORTH, COAT_M) == (5, 5)
    assert await ledger_level(database, NORTH, COAT_M) == (5, 5)


async def test_rivals_in_opposite_order_do_not_block_each_other(database: Database) -> None:
    there, back = [(NORTH, COAT_M, 1), (SOUTH, COAT_M, 1)], [(SOUTH, COAT_M, 1), (NORTH, COAT_M, 1)]
    won = await asyncio.gather(*(allocate(database, n, back if n % 2 else there) for n in range(10)))
    assert sum(won) == 5
    assert await level(database, SOUTH, COAT_M) == (100, 5)


async def test_all_of_an_order_or_nothing(database: Database) -> None:
    with pytest.raises(Conflict) as refused:
        async with database.write() as session:
            await holds.allocate(session, "order:1", [(SOUTH, COAT_M, 1), (SOUTH, COAT_L, 4)])
    assert refused.value.code == "out_of_stock"
    short = {"sku_id": COAT_L, "location_id": SOUTH, "wanted": 4, "available": 3}
    assert refused.value.extra["lines"] == [short]
    assert await level(database, SOUTH, COAT_M) == (100, 0)
    assert await ledger_level(database, SOUTH, COAT_M) == (100, 0)


async def test_pieces_of_one_sku_are_summed(database: Database) -> None:
    assert not await allocate(database, 1, [(SOUTH, COAT_L, 2), (SOUTH, COAT_L, 2)])
    assert await allocate(database, 1, [(SOUTH, COAT_L, 2), (SOUTH, COAT_L, 1)])


async def test_letting_go_and_shipping_undo_and_end_a_promise(database: Database) -> None:
    assert await allocate(database, 1, [(NORTH, COAT_M, 4)])
    async with database.write() as session:
        await holds.let_go(session, "order:1", [(NORTH, COAT_M, 1)])
        await holds.ship(session, "order:1", [(NORTH, COAT_M, 3)])
    assert await level(database, NORTH, COAT_M) == (2, 0) == await ledger_level(database, NORTH, COAT_M)
    for verb in (holds.let_go, holds.ship):
        with pytest.raises(Conflict, match="not_promised"):
            async with database.write() as session:
                await verb(session, "order:1", [(NORTH, COAT_M, 1)])
    with pytest.raises(Invalid):
        async with database.write() as session:
            await holds.allocate(session, "order:1", [(NORTH, COAT_M, 0)])


async def test_sellable_counts_warehouses_only(database: Database) -> None:
    async with database.read() as session:
        assert await service.sellable(session, [COAT_M, COAT_WHITE_L]) == {COAT_M: 105, COAT_WHITE_L: 0}
        assert await service.warehouses_with(session, {COAT_M: 1, COAT_L: 3}) == [SOUTH]
        assert await service.warehouses_with(session, {COAT_M: 1, SHOE_42: 9}) == []


async def test_stock_by_colour_size_and_place(client: httpx.AsyncClient) -> None:
    ask = {"product_id": COAT, "colour": "黑色", "size": "m", "place": "我在杭州西湖边"}
    stock = (await client.get("/api/stock", params=ask)).json()
    (item,) = stock["items"]
    assert (item["sku_id"], item["online"], item["online_label"]) == (COAT_M, 99, "in_stock")
    assert item["price_fen"] == 35900
    assert [(each["location_id"], each["available"]) for each in item["stores"]] == [(SHOP_HANGZHOU, 2)]
    assert stock["understood_place"] == "西湖"
    every = (await client.get("/api/stock", params={"product_id": COAT})).json()["items"]
    assert [each["online_label"] for each in every] == ["in_stock", "few", "none"]
    assert every[0]["stores"] == []
    assert (await client.get("/api/stock", params={"product_id": 99})).status_code == 404


async def test_stores_by_place_and_by_point(client: httpx.AsyncClient) -> None:
    async def names(**ask: object) -> tuple[list[str], str | None]:
        answer = (await client.get("/api/stores", params=ask)).json()
        return [each["name"] for each in answer["stores"]], answer["understood_place"]

    assert await names(place="上海南京东路") == (["店小二·南京东路店"], "南京东路")
    assert await names(latitude=30.25, longitude=120.16) == (["店小二·湖滨店"], None)
    assert await names(place="桃花源") == ([], None)
    assert await names(place="乌鲁木齐") == ([], "乌鲁木齐")
    assert len((await names())[0]) == 2
    assert (await client.get("/api/stores", params={"latitude": 91})).status_code == 422


async def test_a_point_as_maps_show_it_is_as_far_from_a_store(client: httpx.AsyncClient) -> None:
    here = Point(30.25, 120.16)
    distances = []
    for system in ("wgs84", "gcj02", "bd09"):
        point = here.to(system)._asdict()
        (store,) = (await client.get("/api/stores", params=point)).json()["stores"]
        distances.append(store["distance_km"])
    assert len(set(distances)) == 1
