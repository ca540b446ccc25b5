"""Switches of a running shop, and how long its replicas take to follow."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backoffice.kit.database import Database
from backoffice.training.models import service as models
from backoffice.training.serving import service as serving
from tests.live import LiveShop

LOOK_SECONDS = 0.05
WITHIN_SECONDS = 120
WHY = "measuring"


@asynccontextmanager
async def database_of(shop: LiveShop) -> AsyncIterator[Database]:
    """The shop's, in which every model of its folder is known."""
    database = Database(shop.settings.database_url)
    try:
        async with database.write() as session:
            for path in shop.settings.models.glob("*.tar.gz"):
                await models.register(session, path, dataset=0)
        yield database
    finally:
        await database.close()


async def promote(database: Database, model: str) -> None:
    async with database.write() as session:
        served = await serving.state(session)
        await serving.promote(session, serving.Deed(served.id, None, WHY), model, override=WHY)


async def roll_back(database: Database) -> None:
    async with database.write() as session:
        served = await serving.state(session)
        await serving.roll_back(session, serving.Deed(served.id, None, WHY))


async def followed(database: Database, replicas: int) -> float:
    """Seconds until so many replicas say that they hold what is served."""
    began = time.perf_counter()
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            async with database.read() as session:
                served = await serving.state(session)
                if serving.reached(await serving.replicas(session), served) >= replicas:
                    return time.perf_counter() - began
            await asyncio.sleep(LOOK_SECONDS)
