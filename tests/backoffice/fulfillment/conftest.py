"""An order of two SKUs, promised at the warehouse, and one piece promised in a store."""

import pytest

from backoffice.fulfillment import fulfilments
from backoffice.inventory import holds
from backoffice.kit.database import Database
from tests.backoffice.fulfillment.order import FETCHED, ORDER, SENT, make
from tests.backoffice.stock import COAT_L, COAT_M, SHOP_HANGZHOU, SOUTH, fill


@pytest.fixture
async def stock(database: Database) -> None:
    await fill(database)
    async with database.write() as session:
        await holds.allocate(
            session,
            holds.order_holder(ORDER),
            [(SOUTH, COAT_M, 2), (SOUTH, COAT_L, 1), (SHOP_HANGZHOU, COAT_M, 1)],
        )


@pytest.fixture
async def planned(database: Database, stock: None) -> int:
    """The part that the warehouse sends."""
    return await make(database, SENT)


@pytest.fixture
async def packed(database: Database, planned: int) -> int:
    async with database.write() as session:
        await fulfilments.accept(session, planned)
        await fulfilments.pack(session, planned)
    return planned


@pytest.fixture
async def pickup(database: Database, stock: None) -> int:
    """The part that is fetched from the store, accepted."""
    fulfilment_id = await make(database, FETCHED)
    async with database.write() as session:
        await fulfilments.accept(session, fulfilment_id)
    return fulfilment_id
