"""Whatever is not as the ledger and the promises say is found, wherever the error is."""

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from backoffice.inventory import holds, service
from backoffice.inventory.models import StockLevel, StockMovement, StockPromise
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.backoffice.stock import COAT_L, COAT_M, SOUTH, fill

WRITERS = {"inventory/ledger_repository.py", "demo/world.py"}
"""The demo shop loads its rows in bulk; its audit is tested with it."""


async def audited(database: Database) -> list[tuple[int, int]]:
    async with database.snapshot() as session:
        found, wrong, _ = await service.imbalances(session, 10)
    assert wrong == len(found)
    return [(each.location_id, each.sku_id) for each in found]


@pytest.mark.parametrize(
    "error",
    [
        update(StockLevel).values(on_hand=StockLevel.on_hand + 1).where(StockLevel.sku_id == COAT_M),
        update(StockLevel).values(reserved=0).where(StockLevel.sku_id == COAT_M),
        update(StockMovement).values(reserved=2).where(StockMovement.holder == "order:2"),
        delete(StockMovement).where(StockMovement.holder == "order:1"),
        update(StockPromise).values(quantity=9).where(StockPromise.holder == "order:1"),
        delete(StockPromise).where(StockPromise.holder == "order:2"),
    ],
    ids=["on hand", "reserved", "movement", "no movement", "promise", "no promise"],
)
async def test_an_error_is_found_and_not_repaired(database: Database, error: Any) -> None:
    await fill(database)
    async with database.write() as session:
        await holds.allocate(session, "order:1", [(SOUTH, COAT_M, 2), (SOUTH, COAT_L, 1)])
        await holds.let_go(session, "order:1", [(SOUTH, COAT_L, 1)])
        await holds.hold(session, "order:2", [(SOUTH, COAT_M, 1)], now() + timedelta(minutes=5))
    assert await audited(database) == []
    async with database.write() as session:
        await session.execute(error)
    found = await audited(database)
    assert (SOUTH, COAT_M) in found
    assert await audited(database) == found


def test_nobody_else_writes_the_counters() -> None:
    backoffice = Path(service.__file__).parent.parent
    writers = set()
    for path in backoffice.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.Call) and writes(node):
                writers.add(str(path.relative_to(backoffice)))
    assert writers <= WRITERS


def writes(call: ast.Call) -> bool:
    """Whether a call changes or adds levels: `update(StockLevel)`, `insert(LEVELS)`, `StockLevel(...)` …"""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name == "StockLevel":
        return True
    named = {each.id for each in call.args if isinstance(each, ast.Name)}
    return name in ("update", "insert", "upsert", "delete", "insert_once", "insert_many") and bool(
        named & {"StockLevel", "LEVELS"}
    )
