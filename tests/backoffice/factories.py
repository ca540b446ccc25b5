"""A small shop to try orders on: two customers, three products, one warehouse."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import selectinload

from backoffice.catalog.models import PriceChange, Product, Sku
from backoffice.fulfillment.models import Shipment
from backoffice.inventory import holds
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel
from backoffice.kit.database import Base, Database
from backoffice.kit.fencing import open_fence
from backoffice.kit.ids import order_number
from backoffice.kit.time import now
from backoffice.trade import history_repository
from backoffice.trade.domain import line_id
from backoffice.trade.models import Order, OrderEvent, OrderLine, OrderNumber, Payment
from backoffice.users.identity import TurnCredential, conversation_fence
from backoffice.users.models import Customer

OWNER, STRANGER = 1, 2
COAT, COAT_WHITE, CUP, FOOD = 11, 12, 21, 31
PRICES = {COAT: 30000, COAT_WHITE: 30000, CUP: 9900, FOOD: 5000}
NAMES = {COAT: "云栖轻羽绒服", COAT_WHITE: "云栖轻羽绒服", CUP: "山屿保温杯", FOOD: "谷仓即食燕麦"}
COLOURS = {COAT: "黑色", COAT_WHITE: "白色", CUP: "绿色", FOOD: ""}
WAREHOUSE = 1
PHONES = {OWNER: "15400000001", STRANGER: "15400000002"}


class Shop:
    """Fills a database and looks into it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, table: type[Base], *rows: dict[str, Any]) -> None:
        async with self.database.write() as session:
            await session.execute(insert(table), list(rows))

    async def open(self, pieces: int = 50) -> None:
        products = {1: (COAT, COAT_WHITE), 2: (CUP,), 3: (FOOD,)}
        await self.add(Customer, *({"id": id, "phone": PHONES[id], "name": "林晓"} for id in PHONES))
        await self.add(
            Product,
            *(
                {
                    "id": id,
                    "name": NAMES[skus[0]],
                    "category": f"类目{id}",
                    "brand": "",
                    "description": "",
                    "facts": {},
                    "keywords": [],
                    "picture": {},
                    "size_table": None,
                    "returnable": id != 3,
                }
                for id, skus in products.items()
            ),
        )
        await self.add(
            Sku,
            *(
                {
                    "id": sku,
                    "product_id": product,
                    "code": str(sku),
                    "colour": COLOURS[sku],
                    "size": "L",
                    "price_fen": PRICES[sku],
                    "weight_g": 500,
                }
                for product, skus in products.items()
                for sku in skus
            ),
        )
        place = {"province": "浙江省", "city": "杭州市", "district": "余杭区", "address": "良渚路1号"}
        point = {"latitude": 30.3, "longitude": 120.0, "hours": "", "phone": ""}
        await self.add(Location, {"id": WAREHOUSE, "kind": "warehouse", "name": "杭州仓", **place, **point})
        async with self.database.write() as session:
            await inventory.receive(session, [(WAREHOUSE, sku, pieces) for sku in PRICES])

    async def order(
        self,
        state: str = "paid",
        skus: dict[int, int] | None = None,
        customer: int = OWNER,
        days_ago: float = 1,
        method: str = "wechat",
        **fields: Any,
    ) -> str:
        """An order with what its state needs: payment, allocated stock, parcel. Its number."""
        bought = skus or {COAT: 1}
        placed = now() - timedelta(days=days_ago)
        total = sum(PRICES[sku] * quantity for sku, quantity in bought.items())
        reached: dict[str, datetime] = {}
        way = ["unpaid", "paid", "shipped", "delivered", "completed"]
        for hours, step in enumerate(way[1 : way.index(state) + 1] if state in way else []):
            reached[f"{step}_at"] = placed + timedelta(minutes=hours + 1)
        if state == "cancelled":
            reached["cancelled_at"] = placed + timedelta(minutes=1)
        values = {
            "number": order_number(placed),
            "customer_id": customer,
            "channel": "web",
            "state": state,
            "items_fen": total,
            "total_fen": total,
            "placed_at": placed,
            "ship_by": placed + timedelta(days=2),
            "receiver": "林晓",
            "phone": PHONES[customer],
            "province": "浙江省",
            "city": "杭州市",
            "district": "西湖区",
            "street": "文三路90号",
            "location_id": WAREHOUSE,
            **reached,
            **fields,
        }
        async with self.database.write() as session:
            order_id = (
                await session.scalar(insert(Order).values(version=1, **values).returning(Order.id)) or 0
            )
            await session.execute(insert(OrderNumber).values(number=values["number"], order_id=order_id))
            await session.execute(
                insert(OrderLine),
                [
                    {
                        "id": line_id(order_id, place),
                        "order_id": order_id,
                        "product_id": sku // 10,
                        "sku_id": sku,
                        "name": NAMES[sku],
                        "colour": COLOURS[sku],
                        "size": "L",
                        "quantity": quantity,
                        "price_fen": PRICES[sku],
                        "paid_fen": PRICES[sku] * quantity,
                    }
                    for place, (sku, quantity) in enumerate(bought.items(), 1)
                ],
            )
            made = await session.scalar(
                select(Order).options(selectinload(Order.lines)).where(Order.id == order_id)
            )
            standing = history_repository.standing(made)
            payload = {"order": dict(standing.order), "lines": dict(standing.lines)}
            begun = {"kind": "taken_over", "payload": payload, "by": "system"}
            await session.execute(insert(OrderEvent).values(order_id=order_id, sequence=1, **begun))
            if "paid_at" in values:
                payment = {"method": method, "reference": f"P{values['number']}", "amount_fen": total}
                await session.execute(
                    insert(Payment).values(order_id=order_id, at=values["paid_at"], **payment)
                )
            if state == "paid":
                picks = [(WAREHOUSE, sku, quantity) for sku, quantity in bought.items()]
                await holds.allocate(session, holds.order_holder(order_id), picks)
            if "shipped_at" in values:
                parcel_state = "in_transit" if state == "shipped" else "delivered"
                parcel = {"tracking_number": f"SF{values['number']}", "carrier": "sf", "state": parcel_state}
                dates = {"shipped_at": values["shipped_at"], "delivered_at": values.get("delivered_at")}
                await session.execute(
                    insert(Shipment).values(
                        order_id=order_id,
                        location_id=WAREHOUSE,
                        due=(placed + timedelta(days=3)).date(),
                        **parcel,
                        **dates,
                    )
                )
        return str(values["number"])

    async def lower_price(self, sku_id: int, price_fen: int) -> None:
        async with self.database.write() as session:
            await session.execute(
                insert(PriceChange).values(
                    sku_id=sku_id, price_fen=price_fen, at=now() - timedelta(minutes=1)
                )
            )
            await session.execute(update(Sku).where(Sku.id == sku_id).values(price_fen=price_fen))

    async def turn(self, conversation: str, customer: int | None = None) -> TurnCredential:
        """A turn of a conversation that the bot owns."""
        async with self.database.write() as session:
            fence = await open_fence(session, conversation_fence(conversation, 1).name)
        return TurnCredential(conversation=conversation, turn="turn1", epoch=fence.epoch, customer=customer)

    async def rows(self, table: type[Base]) -> list[Any]:
        """All of them, in the order of their keys: PostgreSQL alone promises none."""
        async with self.database.read() as session:
            return list(await session.scalars(select(table).order_by(*table.__table__.primary_key)))

    async def value(self, column: Any, *where: Any) -> Any:
        async with self.database.read() as session:
            return await session.scalar(select(column).where(*where))

    async def held(self, sku_id: int = COAT) -> int:
        return int(await self.value(StockLevel.reserved, StockLevel.sku_id == sku_id))

    async def allocated(self, sku_id: int = COAT) -> int:
        return int(await self.value(StockLevel.allocated, StockLevel.sku_id == sku_id))
