import pytest

from backoffice.kit.database import Database
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember


async def member(database: Database, role: str) -> dict[str, str]:
    async with database.write() as session:
        found = StaffMember(login=role, name=role, role=role, password_hash="")
        session.add(found)
        await session.flush()
        return {"Authorization": f"Bearer {await sessions.open_session(session, found)}"}


@pytest.fixture
async def as_supervisor(database: Database) -> dict[str, str]:
    """Headers of a member of staff who may change stock."""
    return await member(database, "supervisor")


@pytest.fixture
async def as_agent(database: Database) -> dict[str, str]:
    """Headers of a member of staff who may look only."""
    return await member(database, "agent")
