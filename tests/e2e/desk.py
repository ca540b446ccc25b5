"""A shop whose bot is away unless one is named, so that whoever writes is handed to people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from backoffice.kit.database import Database
from backoffice.staff import presence
from backoffice.staff import service as staff
from backoffice.staff.models import CannedReply, StaffMember
from backoffice.staff.schemas import Role
from backoffice.tables import metadata
from backoffice.users.models import Customer
from tests.backoffice.factories import OWNER, PHONES, Shop
from tests.processes import app_running

PASSWORD = "correct horse"
SECRET = "for tests of the desk, long enough"
PEOPLE: tuple[tuple[str, str, Role], ...] = (
    ("ning", "小宁", "agent"),
    ("chen", "小陈", "agent"),
    ("gu", "老顾", "supervisor"),
)


class Shopper:
    """Writes and looks as the app does."""

    def __init__(self, client: httpx.AsyncClient, opened: dict[str, str]) -> None:
        self._client, self.conversation = client, opened["conversation"]
        self._headers = {"Authorization": f"Bearer {opened['token']}"}
        self._count = 0

    async def say(self, text: str) -> None:
        self._count += 1
        path = f"/chat/conversations/{self.conversation}/messages"
        said = {"id": f"m{self._count}", "text": text}
        (await self._client.post(path, json=said, headers=self._headers)).raise_for_status()

    async def events(self) -> list[dict[str, Any]]:
        path = f"/chat/conversations/{self.conversation}/events"
        answer = await self._client.get(path, params={"after": 0}, headers=self._headers)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["events"]
        return found

    async def hears(self, text: str) -> dict[str, Any]:
        """The line with this text, once it is there."""
        async with asyncio.timeout(15):
            while True:
                for event in await self.events():
                    if text in event["text"]:
                        return event
                await asyncio.sleep(0.1)


class DeskShop:
    def __init__(self, database: Database, client: httpx.AsyncClient) -> None:
        self.database, self.client = database, client
        self.goods = Shop(database)
        self.url = str(client.base_url).rstrip("/")

    async def owner(self) -> dict[str, str]:
        """Headers of the customer whose orders `goods` makes."""
        asked = {"phone": PHONES[OWNER], "password": PASSWORD}
        signed_in = (await self.client.post("/api/session", json=asked)).raise_for_status().json()
        return {"Authorization": f"Bearer {signed_in['token']}"}

    async def shopper(self, customer: bool = False) -> Shopper:
        headers = await self.owner() if customer else {}
        opened = await self.client.post("/chat/conversations", json={"channel": "web"}, headers=headers)
        return Shopper(self.client, opened.raise_for_status().json())


async def fill(database: Database) -> None:
    """Agents who are away, so that nothing is assigned to them by itself."""
    goods = Shop(database)
    await goods.open()
    async with database.write() as session:
        for login, name, role in PEOPLE:
            staff_id = await staff.add(session, login, name, role, PASSWORD)
            await presence.set_state(session, staff_id, "away")
        member = await session.get(StaffMember, 1)
        assert member is not None
        customer = await session.get_one(Customer, OWNER)
        customer.password_hash = member.password_hash
        session.add(CannedReply(shortcut="hi", title="问候", text="{name}您好，我来帮您。", actions=[]))
        macro = ["tag:已办结", "resolve"]
        session.add(CannedReply(shortcut="bye", title="结束", text="祝您生活愉快。", actions=macro))


@asynccontextmanager
async def desk_shop(folder: Path, bot_url: str = "http://127.0.0.1:9") -> AsyncIterator[DeskShop]:
    """The app as a process of its own, on a free port."""
    database = Database(f"sqlite+aiosqlite:///{folder / 'desk.db'}")
    async with database.connect() as connection:
        await connection.run_sync(metadata.create_all)
    await fill(database)
    told = {"XIAOER_SECRET": SECRET, "XIAOER_BOT_URL": bot_url, "XIAOER_SERVICE_HOURS": "00:00-23:59"}
    try:
        async with (
            app_running(folder, database.url, **told) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
        ):
            yield DeskShop(database, client)
    finally:
        await database.close()
