"""Orders that marketplaces and tills took: their prices, their numbers, our stock."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, text

from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade.checkout.models import ChannelOrder
from backoffice.trade.models import Order, Payment, Refund
from backoffice.users.models import Customer
from tests.backoffice.factories import COAT, OWNER, WAREHOUSE, Shop
from tests.backoffice.trade.following import balanced, level, source, standing
from tests.backoffice.trade.offers.test_offer_keeping import signed_in

AT = "/api/channel-orders"
Headers = dict[str, str]


def body(reference: str = "TB-1", quantity: int = 2, paid: bool = True, **more: Any) -> dict[str, Any]:
    line = {"sku_code": str(COAT), "quantity": quantity, "price_fen": 28000, "discount_fen": 1000}
    told: dict[str, Any] = {"channel": "marketplace", "reference": reference, "lines": [line]}
    told |= {"address": {"text": "浙江省杭州市西湖区文三路90号 林晓 15400000001"}, "shipping_fen": 500}
    return told | ({"paid_at": now().isoformat()} if paid else {}) | more


class Market:
    """Speaks to the shop as a marketplace does."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client, self.token, self.sent = client, token, 0

    async def post(self, told: dict[str, Any], path: str = "", key: str = "") -> httpx.Response:
        self.sent += 1
        shown = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(self.sent)}
        return await self.client.post(AT + path, json=told, headers=shown)


@pytest.fixture
async def market(client: httpx.AsyncClient, settings: Settings, shop: Shop) -> Market:
    """Customers made from now on get numbers above those that the shop's have."""
    if settings.database_url.startswith("postgresql"):
        async with shop.database.write() as session:
            await session.execute(text("SELECT setval('customers_id_seq', 100)"))
    return Market(client, settings.scoped_token("marketplace"))


async def test_a_paid_order_is_sent_like_any_other_and_refunded_there(
    market: Market, shop: Shop, client: httpx.AsyncClient
) -> None:
    taken = await market.post(body(phone="15400000001"), key="a")
    assert taken.status_code == 201, taken.text
    order = taken.json()
    assert (order["state"], order["channel"], order["total_fen"]) == ("paid", "marketplace", 55500)
    assert (order["items_fen"], order["discount_fen"]) == (56000, 1000)
    assert (await market.post(body(phone="15400000001"), key="b")).json()["number"] == order["number"]
    order_id = int(await shop.value(Order.id, Order.number == order["number"]))
    stored = await standing(shop.database, order_id)
    assert stored.customer_id == OWNER
    assert await source(shop.database, order_id) == "paid"
    assert await level(shop.database, WAREHOUSE, COAT) == (50, 2)
    (payment,) = await shop.rows(Payment)
    assert (payment.method, payment.transaction_id) == ("marketplace", None)
    for _ in range(2):
        cancelled = await market.post({"reason": "买家取消"}, "/marketplace/TB-1/cancel")
        assert cancelled.json()["state"] == "cancelled"
    (refund,) = await shop.rows(Refund)
    assert (refund.amount_fen, refund.due_at) == (55500, None)
    supervisor = await signed_in(shop.database, 1, "supervisor")
    listed = await client.get("/api/staff/refunds", params={"state": "requested"}, headers=supervisor)
    assert [each["by_hand"] for each in listed.json()["refunds"]] == [True]
    await balanced(shop.database)


async def test_an_order_is_taken_once_by_its_number(market: Market, shop: Shop) -> None:
    answers = await asyncio.gather(*(market.post(body(quantity=1)) for _ in range(12)))
    assert sorted(each.status_code for each in answers) == [201] + [409] * 11
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"reference_used"}
    assert len(await shop.rows(ChannelOrder)) == len(await shop.rows(Order)) == 1
    assert await shop.allocated() == 1
    await balanced(shop.database)


async def test_what_is_paid_later_and_what_comes_too_late(market: Market, shop: Shop) -> None:
    waiting = (await market.post(body(paid=False))).json()
    assert (waiting["state"], await shop.held()) == ("unpaid", 2)
    told = {"paid_at": now().isoformat()}
    for _ in range(2):
        assert (await market.post(told, "/marketplace/TB-1/paid")).json()["state"] == "paid"
    assert await shop.value(func.count(Payment.id)) == 1
    await market.post(body("TB-2", paid=False))
    await market.post({}, "/marketplace/TB-2/cancel")
    assert (await market.post(told, "/marketplace/TB-2/paid")).json()["state"] == "cancelled"
    (refund,) = await shop.rows(Refund)
    assert (refund.reason, refund.due_at) == ("order_dead", None)
    await balanced(shop.database)


async def test_what_cannot_be_taken_leaves_nothing(market: Market, shop: Shop, settings: Settings) -> None:
    unknown = [{"sku_code": "nothing", "quantity": 1, "price_fen": 1}]
    for told, status, code in (
        (body(lines=unknown), 404, "sku_not_found"),
        (body(quantity=51), 409, "out_of_stock"),
        (body(address={"text": "文三路"}), 422, "address_unclear"),
        (body(channel="pos"), 403, "scope_required"),
        (body(delivery="store_pickup"), 422, "invalid_request"),
    ):
        answer = await market.post(told)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await market.post({}, "/marketplace/TB-9/cancel")).json()["code"] == "order_not_found"
    assert await shop.rows(Order) == await shop.rows(ChannelOrder) == []
    till = Market(market.client, settings.scoped_token("till"))
    taken = await till.post(body(channel="pos"))
    order = await shop.value(Order.customer_id, Order.number == taken.json()["number"])
    assert await shop.value(Customer.phone, Customer.id == order) == "@pos"
