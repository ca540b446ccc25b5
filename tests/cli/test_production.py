"""Production starts without anything that a demo shop makes easy."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from backoffice.kit.database import Database
from backoffice.settings import Settings
from backoffice.staff.models import StaffMember
from backoffice.supervisor import Supervisor
from backoffice.up import seeding
from tests.cli.test_errors import the_line
from tests.processes import xiaoer

SECRET = "s" * 32


async def test_production_has_no_well_known_sign_ins(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"ENV": "production", "SECRET": SECRET, "DATABASE_URL": database_url, "STATE": str(tmp_path)}
    named = {f"XIAOER_{name}": value for name, value in given.items()}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    async with Supervisor(Path.cwd()) as supervisor:
        await supervisor.run(seeding(Settings()), lambda detail: None)
    assert the_line(xiaoer("seed", "--if-empty", **named)).endswith("everybody knows its passwords.")
    database = Database(database_url)
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(StaffMember)) == 0
    await database.close()
