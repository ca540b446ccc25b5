"""`xiaoer staff`: the first account of a shop, and what is done when somebody leaves or forgets."""

import re
from pathlib import Path

import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import Unauthenticated
from backoffice.settings import Settings
from backoffice.staff import sessions
from backoffice.staff.sessions import Devices
from tests.cli.test_errors import the_line
from tests.processes import xiaoer

PASSWORD = re.compile(r"shown this once: (\S{16})$", re.MULTILINE)


async def test_the_accounts_of_a_production_shop(database_url: str, tmp_path: Path) -> None:
    given = {"ENV": "production", "SECRET": "s" * 32, "DATABASE_URL": database_url, "STATE": str(tmp_path)}
    named = {f"XIAOER_{name}": value for name, value in given.items()}
    database = Database(database_url)
    devices = Devices(Settings(env="production", secret="s" * 32, state=tmp_path, database_url=database_url))

    def staff(*arguments: str) -> str:
        done = xiaoer("staff", *arguments, **named)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def role_of(login: str, password: str) -> str:
        return (await sessions.sign_in(database, devices, login, password, "127.0.0.1")).member.role

    made = PASSWORD.search(staff("add", "boss", "--name", "店长", "--role", "admin", "--generate"))
    assert made
    assert await role_of("boss", made[1]) == "admin"
    added = xiaoer("staff", "add", "boss", "--name", "别人", "--generate", **named)
    assert the_line(added) == "xiaoer: boss has an account already."
    assert not PASSWORD.search(added.stdout)
    changed = PASSWORD.search(staff("password", "boss", "--generate"))
    assert changed
    with pytest.raises(Unauthenticated):
        await role_of("boss", made[1])
    assert await role_of("boss", changed[1]) == "admin"
    assert the_line(xiaoer("staff", "disable", "boss", **named)) == "xiaoer: a shop needs an admin."
    assert the_line(xiaoer("staff", "disable", "nobody", **named)) == "xiaoer: nobody has the login nobody."

    left = PASSWORD.search(staff("add", "ning", "--name", "宁晓雨", "--generate"))
    assert left
    staff("disable", "ning")
    with pytest.raises(Unauthenticated):
        await role_of("ning", left[1])
    listed = staff("list")
    assert all(word in listed for word in ("boss", "宁晓雨", "disabled", "never"))
    staff("enable", "ning")
    assert await role_of("ning", left[1]) == "agent"
    await database.close()


@pytest.mark.parametrize(("login", "name"), [("A b", "某人"), ("new", ""), ("new", "某" * 41)])
def test_what_no_account_can_be_called(tmp_path: Path, login: str, name: str) -> None:
    refused = xiaoer("staff", "add", login, "--name", name, "--generate", XIAOER_STATE=str(tmp_path))
    assert the_line(refused).startswith(f"xiaoer: {'login' if name == '某人' else 'name'}: ")
    assert not (tmp_path / "xiaoer.db").exists()
