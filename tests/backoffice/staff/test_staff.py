import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from backoffice.staff import service
from backoffice.users.identity import Credentials


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    async with database.write() as session:
        await service.add(session, "agent1", "小周", "agent", "xiaoer")
        await service.add(session, "admin", "老李", "admin", "xiaoer")


async def sign_in(client: httpx.AsyncClient, login: str, password: str = "xiaoer") -> httpx.Response:
    return await client.post("/api/staff/session", json={"login": login, "password": password})


async def test_sign_in_tells_name_and_role(client: httpx.AsyncClient) -> None:
    signed = (await sign_in(client, "agent1")).json()
    assert (signed["name"], signed["role"]) == ("小周", "agent")


async def test_wrong_passwords_run_out(client: httpx.AsyncClient) -> None:
    for _ in range(10):
        assert (await sign_in(client, "admin", "wrong")).json()["code"] == "bad_sign_in"
    assert (await sign_in(client, "admin")).json()["code"] == "too_many_tries"
    assert (await sign_in(client, "agent1")).status_code == 200


async def test_a_login_is_taken_once(database: Database) -> None:
    with pytest.raises(Conflict, match="login_taken"):
        async with database.write() as session:
            await service.add(session, "admin", "别人", "admin", "x")


async def test_a_shoppers_session_is_no_staff_session(client: httpx.AsyncClient, issued: Credentials) -> None:
    forged = {"Authorization": f"Bearer {issued.sign_session(1)}"}
    assert (await client.get("/api/knowledge/articles", headers=forged)).status_code == 401
    token = (await sign_in(client, "admin")).json()["token"]
    assert (await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})).status_code == 401
