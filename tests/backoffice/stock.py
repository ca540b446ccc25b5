"""A small shop for tests of the rooms that sell and send: products, SKUs, places and what lies there."""

from datetime import timedelta

from sqlalchemy import func, insert, select

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel, StockMovement
from backoffice.kit.database import Database
from backoffice.kit.time import now

COAT, SHOE, KETTLE = 1, 2, 3
COAT_M, COAT_L, COAT_WHITE_L, SHOE_42, KETTLE_STEEL = 11, 12, 13, 21, 31
NORTH, SOUTH, SHOP_HANGZHOU, SHOP_SHANGHAI = 1, 2, 3, 4


async def fill(database: Database) -> None:
    """Three products, two warehouses, two stores; the coat became cheaper a day ago."""
    async with database.write() as session:
        for id, name, category, keywords in (
            (COAT, "轻暖短款羽绒服", "服饰", ["羽绒服", "棉服"]),
            (SHOE, "云感缓震跑鞋", "鞋包", ["跑鞋", "运动鞋"]),
            (KETTLE, "316不锈钢保温杯", "家居日用", ["保温杯", "水杯"]),
        ):
            session.add(
                Product(
                    id=id,
                    name=name,
                    category=category,
                    brand="岭行",
                    description=name,
                    facts={"产地": "浙江"},
                    keywords=keywords,
                    picture={"symbol": "coat", "tint": "#b4713d"},
                    size_table=[
                        {"size": "M", "height_cm": [158, 170], "weight_kg": [52, 62]},
                        {"size": "L", "height_cm": [166, 177], "weight_kg": [62, 73]},
                    ]
                    if id == COAT
                    else None,
                )
            )
        await session.flush()
        for id, product_id, colour, size, price in (
            (COAT_M, COAT, "黑色", "M", 39900),
            (COAT_L, COAT, "黑色", "L", 39900),
            (COAT_WHITE_L, COAT, "米白", "L", 39900),
            (SHOE_42, SHOE, "黑白", "42", 29900),
            (KETTLE_STEEL, KETTLE, "烟灰", "500 毫升", 9900),
        ):
            session.add(
                Sku(
                    id=id,
                    product_id=product_id,
                    code=f"S{id}",
                    colour=colour,
                    size=size,
                    price_fen=price,
                    weight_g=500,
                )
            )
        for id, kind, name, city, district, latitude, longitude in (
            (NORTH, "warehouse", "华北仓", "天津", "武清区", 39.389, 117.060),
            (SOUTH, "warehouse", "华东仓", "苏州", "昆山市", 31.299, 121.078),
            (SHOP_HANGZHOU, "store", "店小二·湖滨店", "杭州", "上城区", 30.254, 120.159),
            (SHOP_SHANGHAI, "store", "店小二·南京东路店", "上海", "黄浦区", 31.2373, 121.4805),
        ):
            session.add(
                Location(
                    id=id,
                    kind=kind,
                    name=name,
                    province="某省",
                    city=city,
                    district=district,
                    address="一号",
                    latitude=latitude,
                    longitude=longitude,
                    hours="10:00-22:00",
                    phone="400-154-0001",
                )
            )
        await session.flush()
        await session.execute(
            insert(PriceChange).values(sku_id=COAT_M, price_fen=35900, at=now() - timedelta(days=1))
        )
        await inventory.receive(
            session,
            [
                (NORTH, COAT_M, 5),
                (SOUTH, COAT_M, 100),
                (SOUTH, COAT_L, 3),
                (SHOP_HANGZHOU, COAT_M, 2),
                (SHOP_SHANGHAI, COAT_L, 1),
                (NORTH, SHOE_42, 8),
            ],
        )


async def level(database: Database, location_id: int, sku_id: int) -> tuple[int, int]:
    """Pieces on hand and allocated."""
    async with database.read() as session:
        kept = await session.get_one(StockLevel, (location_id, sku_id))
        return kept.on_hand, kept.allocated


async def ledger_level(database: Database, location_id: int, sku_id: int) -> tuple[int, int]:
    """The same two counters worked out from the movements alone."""
    async with database.read() as session:
        sums = await session.execute(
            select(func.sum(StockMovement.on_hand), func.sum(StockMovement.allocated)).where(
                StockMovement.location_id == location_id, StockMovement.sku_id == sku_id
            )
        )
        on_hand, allocated = sums.one()
        return int(on_hand or 0), int(allocated or 0)
