import pytest

from backoffice.kit.database import Database
from backoffice.staff import service

AGENT, OTHER, SUPERVISOR, ADMIN = 1, 2, 3, 4


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        await service.add(session, "agent1", "小周", "agent", "xiaoer")
        await service.add(session, "agent2", "小吴", "agent", "xiaoer")
        await service.add(session, "supervisor", "老王", "supervisor", "xiaoer")
        await service.add(session, "admin", "老李", "admin", "xiaoer")
