"""What tests of orders under way do to them: placed, paid, sent."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from backoffice.events.models import OutboxEvent
from backoffice.events.relay import Relay
from backoffice.fulfillment import fulfilments, parcels, worklist
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, NewParcel
from backoffice.fulfillment.planning.schemas import Promise
from backoffice.fulfillment.ports import Tracked
from backoffice.inventory import holds
from backoffice.inventory import service as inventory
from backoffice.inventory.models import Location, StockLevel
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.trade import service
from backoffice.trade.checkout import placing, quotes
from backoffice.trade.checkout.carts import customers
from backoffice.trade.checkout.schemas import NewQuote, WantedLine
from backoffice.trade.history import differences, replay
from backoffice.trade.history_repository import change
from backoffice.trade.lifecycle import sourcing
from backoffice.trade.models import Order, Payment
from backoffice.trade.schemas import NewAddress
from backoffice.users.identity import Shopper
from tests.backoffice.factories import OWNER, Shop

TO = NewAddress(text="浙江省杭州市西湖区文三路90号 林晓 15400000001")
SHOPPER = Shopper(customer_id=OWNER)
SECOND, STORE = 2, 3


async def add_place(shop: Shop, id: int, pieces: dict[int, int], kind: str = "warehouse") -> None:
    """Another location that has these."""
    place = {
        "province": "浙江省",
        "city": "杭州市",
        "district": "滨江区",
        "address": "",
        "hours": "",
        "phone": "",
    }
    point = {"latitude": 30.2, "longitude": 120.2}
    await shop.add(Location, {"id": id, "kind": kind, "name": f"点{id}", **place, **point})
    async with shop.database.write() as session:
        await inventory.receive(session, [(id, sku, n) for sku, n in pieces.items()])


async def place(
    database: Database,
    lines: dict[int, int],
    delivery: Promise = "standard",
    store_id: int | None = None,
    pay_within: timedelta = timedelta(minutes=15),
) -> int:
    """The id of a new order."""
    wanted = [WantedLine(sku_id=sku, quantity=n) for sku, n in lines.items()]
    asked = NewQuote(lines=wanted, address=TO, delivery=delivery, store_id=store_id)
    async with database.write() as session:
        quoted = await quotes.make(session, customers(OWNER), OWNER, asked)
    async with database.write() as session:
        placed = await placing.place(session, SHOPPER, quoted.id, pay_within)
        order_id = await service.order_id(session, SHOPPER, placed.number)
    return order_id


async def pay(database: Database, order_id: int) -> None:
    """The money has come."""
    async with database.write() as session:
        order = await session.get_one(Order, order_id)
        moment = now()
        if await change(session, order_id, "paid", "system", paid_at=moment):
            payment = {"method": "wechat", "reference": f"P{order.number}", "amount_fen": order.total_fen}
            await session.execute(insert(Payment).values(order_id=order_id, at=moment, **payment))
            holder = holds.order_holder(order_id)
            if not await holds.confirm(session, holder):
                await holds.let_go(session, holder)
                again = await service.repository.order_by_id(session, order_id)
                assert again is not None
                picks = [(again.location_id, line.sku_id, line.quantity) for line in again.lines]
                await holds.allocate(session, holder, picks)
            await service.told(session, "order.paid", order)


async def source(database: Database, order_id: int) -> str:
    async with database.write() as session:
        return await sourcing.source(session, order_id)


async def bought(database: Database, lines: dict[int, int], **how: Any) -> int:
    """The id of a paid order whose parts are made."""
    order_id = await place(database, lines, **how)
    await pay(database, order_id)
    await source(database, order_id)
    return order_id


async def parts(database: Database, order_id: int) -> list[FulfilmentView]:
    async with database.read() as session:
        return (await worklist.of_orders(session, [order_id]))[order_id]


async def send(database: Database, part: FulfilmentView) -> str:
    """Accepted, packed, gone; the number of its parcel."""
    number = f"SF{part.id:010d}"
    async with database.write() as session:
        await fulfilments.accept(session, part.id)
        await fulfilments.pack(session, part.id)
        await parcels.ship(session, part.id, NewParcel(key="1", carrier="sf"), number)
    return number


async def track(database: Database, number: str, state: Any) -> None:
    """Its carrier tells this."""
    step = Tracked(
        number=number, event_id=f"{number}{state}", at=now(), state=state, place="杭州", text=state
    )
    async with database.write() as session:
        assert await parcels.take(session, "sf", number, [step])


async def relayed(database: Database, *consumers: Any) -> None:
    """Let consumers take all that was published."""
    relay = Relay(database)
    for consumer in consumers:
        consumer.subscribe(relay)
    while await relay.pass_on():
        pass


async def standing(database: Database, order_id: int) -> Order:
    """The order as it is; its history leads there."""
    async with database.snapshot() as session:
        order = await service.repository.order_by_id(session, order_id)
        assert order is not None
        told, stored = await service.past(session, order.number)
        assert differences(stored, replay(told)) == []
        return order


async def topics(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(OutboxEvent.topic).order_by(OutboxEvent.id)))


async def level(database: Database, location_id: int, sku_id: int) -> tuple[int, int]:
    """On hand and allocated."""
    async with database.read() as session:
        found = await session.get_one(StockLevel, (location_id, sku_id))
        return found.on_hand, found.allocated


async def balanced(database: Database) -> None:
    """Counters, ledger and promises say the same."""
    async with database.snapshot() as session:
        found, wrong, _ = await inventory.imbalances(session, 10)
    assert (found, wrong) == ([], 0)
