"""Articles as they come with the shop, and admins who write others."""

from typing import Any

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.knowledge import service
from backoffice.staff import service as staff
from backoffice.staff.schemas import StaffView

ARTICLES = "/api/knowledge/articles"
PETS: dict[str, Any] = {
    "title": "宠物能进店吗",
    "intents": ["store_locator"],
    "questions": ["可以带狗吗"],
    "answer": "可以，请牵好。",
}


class Admins:
    """Write articles over the API."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client, self.headers = client, headers

    async def save(self, slug: str = "pets", base: int = 0, **changed: Any) -> httpx.Response:
        edit = PETS | {"base": base} | changed
        return await self._client.put(f"{ARTICLES}/{slug}", json=edit, headers=self.headers)

    async def publish(self, slug: str, number: int, over: int, why: str = "") -> httpx.Response:
        wanted = {"number": number, "over": over, "why": why}
        return await self._client.put(f"{ARTICLES}/{slug}/live", json=wanted, headers=self.headers)

    async def listed(self, **params: Any) -> dict[str, dict[str, Any]]:
        answer = await self._client.get(ARTICLES, params={"limit": 100} | params, headers=self.headers)
        return {each["slug"]: each for each in answer.raise_for_status().json()["articles"]}

    async def history(self, slug: str) -> dict[str, Any]:
        answer = await self._client.get(f"{ARTICLES}/{slug}/versions", headers=self.headers)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


async def as_staff(client: httpx.AsyncClient, database: Database, role: staff.Role) -> dict[str, str]:
    async with database.write() as session:
        await staff.add(session, role, "某人", role, "xiaoer")
    answer = await client.post("/api/staff/session", json={"login": role, "password": "xiaoer"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture(autouse=True)
async def articles(database: Database) -> None:
    async with database.write() as session:
        assert await service.load(session) >= 50


@pytest.fixture
async def admins(client: httpx.AsyncClient, database: Database) -> Admins:
    return Admins(client, await as_staff(client, database, "admin"))


@pytest.fixture
async def editor(admins: Admins, database: Database) -> StaffView:
    """The admin who asks over the API, for verbs that are called at once."""
    async with database.read() as session:
        return (await staff.members(session, [await staff.id_of(session, "admin")])).popitem()[1]


async def ask(client: httpx.AsyncClient, **params: object) -> list[str]:
    found = (await client.get("/api/knowledge", params=params)).json()
    assert all(0 <= each["score"] <= 100 for each in found["articles"] + found["near"])
    return [each["slug"] for each in found["articles"]]
