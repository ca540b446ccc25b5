"""Workers that are killed, and the others that go on with what they were at."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from dbos import DBOS, SetWorkflowID
from sqlalchemy import select

from backoffice import worker
from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.trade.lifecycle import workflows
from backoffice.trade.models import Order
from backoffice.worker import Engine
from bench.trade import drill
from tests.backoffice.factories import Shop


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(secret="for tests" * 4, state=tmp_path, database_url=database_url)


async def test_two_workers_are_killed_again_and_again_and_every_order_ends_once(
    database: Database, settings: Settings
) -> None:
    await drill.stock(database, 100)
    seen = await drill.Drill(settings, database).run(kills=6, seconds=(0.5, 2.0))
    assert seen.faults == {}
    assert seen.orders > 20
    assert seen.recovered > 0
    assert seen.workflows >= seen.orders


async def test_a_process_runs_workflows_of_one_shop(database: Database, settings: Settings) -> None:
    async with Engine(settings, database):
        with pytest.raises(RuntimeError, match="apart"):
            await Engine(settings, database).__aenter__()


async def test_an_engine_starts_while_a_transaction_is_open(shop: Shop, settings: Settings) -> None:
    read = asyncio.Event()

    async def reads() -> None:
        async with shop.database.read() as session:
            await session.scalar(select(Order.id))
            read.set()
            await asyncio.sleep(0.5)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(reads())
        await read.wait()
        async with asyncio.timeout(30), Engine(settings, shop.database):
            pass


async def test_workflows_that_ended_long_ago_are_forgotten(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, number = shop.database, await shop.order("completed")
    workflows.use(database, nothing)
    async with Engine(settings, database) as engine:
        with SetWorkflowID(number):
            ended = await DBOS.start_workflow_async(workflows.order, await shop.value(Order.id))
        assert await ended.get_result() == "completed"
        await engine.round()
        assert await DBOS.get_workflow_status_async(number)
        monkeypatch.setattr(worker, "KEPT", timedelta(seconds=-5))
        await engine.round()
        assert await DBOS.get_workflow_status_async(number) is None


async def nothing(order_id: int) -> None:
    """There is no lost money."""
