"""Staff who handle cases, and a shopper who asks for them."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from backoffice.kit.database import Database
from backoffice.kit.passwords import hash_password
from backoffice.returns import charging, service
from backoffice.returns.rules import rules
from backoffice.staff.models import StaffMember
from backoffice.trade.domain import order_of
from backoffice.trade.models import OrderLine, OrderNumber
from tests.backoffice.factories import WAREHOUSE, Shop

Answer = dict[str, Any]


class Desk:
    """A supervisor, an agent and the owner of the orders, over HTTP."""

    def __init__(
        self, client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], staff: dict[str, dict[str, str]]
    ) -> None:
        self.client, self.shop, self.owner, self.staff = client, shop, owner, staff

    async def lines_of(self, number: str) -> list[int]:
        """The ids of an order's lines."""
        order_id = await self.shop.value(OrderNumber.order_id, OrderNumber.number == number)
        async with self.shop.database.read() as session:
            ids = select(OrderLine.id).where(OrderLine.order_id == order_id).order_by(OrderLine.id)
            found = list(await session.scalars(ids))
        assert all(order_of(line) == order_id for line in found)
        return found

    async def ask(self, number: str, pieces: list[int], **fields: Any) -> httpx.Response:
        """Ask for so many pieces of each line of an order."""
        lines = [
            {"line_id": line, "quantity": quantity}
            for line, quantity in zip(await self.lines_of(number), pieces, strict=False)
        ]
        body = {"kind": "return", "reason": "unwanted", "lines": lines} | fields
        return await self.client.post(f"/api/orders/{number}/returns", json=body, headers=self.owner)

    async def do(
        self, number: str, verb: str, body: Any = None, who: str = "supervisor", key: str = ""
    ) -> httpx.Response:
        headers = self.staff[who] | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(f"/api/staff/returns/{number}/{verb}", json=body, headers=headers)

    async def receive(self, made: Answer, pieces: list[int]) -> httpx.Response:
        lines = [
            {"line_id": line["line_id"], "quantity": quantity}
            for line, quantity in zip(made["lines"], pieces, strict=False)
        ]
        return await self.do(made["number"], "receive", {"location_id": WAREHOUSE, "lines": lines})

    async def inspect(self, made: Answer, *verdicts: Answer, key: str = "") -> httpx.Response:
        lines = [
            {"line_id": line["line_id"]} | verdict
            for line, verdict in zip(made["lines"], verdicts, strict=False)
        ]
        return await self.do(made["number"], "inspect", {"lines": lines}, key=key)


@pytest.fixture(autouse=True)
def shop_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every courier: what shoppers pay is for `test_charging`."""
    free = {reason: rule.model_copy(update={"postage": "shop"}) for reason, rule in rules().reasons.items()}
    changed = rules().model_copy(update={"reasons": free})
    for module in (service, charging):
        monkeypatch.setattr(module, "rules", lambda: changed)


@pytest.fixture
async def desk(client: httpx.AsyncClient, shop: Shop, owner: dict[str, str], database: Database) -> Desk:
    hashed = hash_password("xiaoer")
    async with database.write() as session:
        session.add_all(
            StaffMember(login=role, name=role, role=role, password_hash=hashed)
            for role in ("agent", "supervisor")
        )
    staff = {}
    for role in ("agent", "supervisor"):
        asked = {"login": role, "password": "xiaoer", "device": ""}
        token = (await client.post("/api/staff/session", json=asked)).json()["token"]
        staff[role] = {"Authorization": f"Bearer {token}"}
    return Desk(client, shop, owner, staff)
