"""An order whose parts tests move on, and what was told of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from backoffice.events.models import OutboxEvent
from backoffice.fulfillment import fulfilments, worklist
from backoffice.fulfillment import fulfilments_repository as repository
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, Part, Piece, Receiver
from backoffice.kit.database import Database
from tests.backoffice.stock import COAT_L, COAT_M, SHOP_HANGZHOU, SOUTH

ORDER = 7
TO = Receiver(
    receiver="林晓",
    phone="15400000001",
    province="浙江省",
    city="杭州市",
    district="西湖区",
    street="文三路90号",
)
SENT = Part(
    key="1",
    location_id=SOUTH,
    kind="standard",
    pieces=[Piece(sku_id=COAT_M, quantity=2), Piece(sku_id=COAT_L, quantity=1)],
    to=TO,
)
FETCHED = Part(
    key="2", location_id=SHOP_HANGZHOU, kind="store_pickup", pieces=[Piece(sku_id=COAT_M, quantity=1)]
)


async def make(database: Database, part: Part) -> int:
    async with database.write() as session:
        await fulfilments.create(session, ORDER, [part])
        made = await repository.of_orders(session, [ORDER])
    return next(each.id for each in made if each.part == part.key)


async def shown(database: Database, fulfilment_id: int) -> FulfilmentView:
    async with database.read() as session:
        return await worklist.view(session, await worklist.known(session, fulfilment_id))


async def told(database: Database) -> Sequence[tuple[str, dict[str, Any]]]:
    """Topic and payload of everything published about the order, in order."""
    async with database.read() as session:
        found = select(OutboxEvent.topic, OutboxEvent.payload).where(OutboxEvent.key == f"order:{ORDER}")
        return [(topic, payload) for topic, payload in await session.execute(found.order_by(OutboxEvent.id))]


async def topics(database: Database) -> list[str]:
    return [topic for topic, _ in await told(database)]
