import pytest

from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.staff.models import StaffMember

AGENT, OTHER, SUPERVISOR, ADMIN = 1, 2, 3, 4
PEOPLE = [
    ("agent1", "小周", "agent"),
    ("agent2", "小吴", "agent"),
    ("supervisor", "老王", "supervisor"),
    ("admin", "老李", "admin"),
]
HASH = hash_password("xiaoer")


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            StaffMember(login=login, name=name, role=role, password_hash=HASH) for login, name, role in PEOPLE
        )
