"""Models that are known, with files that could be anything, and an admin."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.training.models import service as models
from backoffice.training.serving import service
from backoffice.training.serving.domain import Serving

NAMES = [f"xiaoer-2026010{number}T000000Z-0000000{number}.tar.gz" for number in (1, 2, 3)]
ONE, TWO, THREE = NAMES
Verb = Callable[..., Awaitable[Serving]]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "models"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(name.encode())
    return settings.model_copy(update={"models": folder})


class Admin:
    """Does things as one of the staff, by default on what is served now."""

    def __init__(self, database: Database, staff_id: int) -> None:
        self.database, self.staff_id = database, staff_id

    async def state(self) -> Serving:
        async with self.database.read() as session:
            return await service.state(session)

    async def do(self, verb: Verb, *given: object, seen: int | None = None, **named: object) -> Serving:
        if seen is None:
            seen = (await self.state()).id
        deed = service.Deed(seen, self.staff_id, " 周会定的 ")
        async with self.database.write() as session:
            return await verb(session, deed, *given, **named)

    async def promote(self, model: str, override: str = "没空比较") -> Serving:
        return await self.do(service.promote, model, override=override)


@pytest.fixture
async def admin(database: Database, settings: Settings) -> Admin:
    """In a shop that serves the first of three models."""
    member = StaffMember(login="ann", name="Ann", role="admin", password_hash="")
    async with database.write() as session:
        session.add(member)
        for name in NAMES:
            await models.register(session, settings.models / name, dataset=0)
        await service.start(session, ONE)
    return Admin(database, member.id)
