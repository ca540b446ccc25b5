"""Invoices: issued over what is left, corrected by red ones when money is back."""

import asyncio

import httpx
import pytest

from backoffice.trade import invoicing
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.models import InvoiceCorrection, Order
from backoffice.trade.payments import refunding, repaying
from backoffice.trade.schemas import InvoiceRequest
from tests.backoffice.factories import COAT, Shop
from tests.backoffice.trade.following import standing, topics
from tests.backoffice.trade.offers.test_offer_keeping import signed_in
from tests.backoffice.trade.till import WHO

Headers = dict[str, str]


@pytest.fixture
async def supervisor(shop: Shop) -> Headers:
    return await signed_in(shop.database, 1, "supervisor")


async def asked(shop: Shop, number: str) -> None:
    async with shop.database.write() as session:
        request = InvoiceRequest(kind="personal", title="个人")
        await invoicing.put_invoice(session, WHO, number, request)


async def goodwill(shop: Shop, number: str, amount_fen: int) -> str:
    async with shop.database.write() as session:
        return (await refunding.compensate(session, WHO, number, amount_fen, 1_000_000)).number


async def settle(shop: Shop, number: str) -> None:
    async with shop.database.write() as session:
        await repaying.settle_by_hand(session, number, "staff:1")


async def test_an_issued_invoice_is_corrected_when_money_is_back(
    client: httpx.AsyncClient, shop: Shop, owner: Headers, supervisor: Headers
) -> None:
    number = await shop.order("paid", {COAT: 1})
    path = f"/api/staff/orders/{number}/invoice/issue"
    assert (await client.post(path, headers=supervisor)).json()["code"] == "invoice_not_requested"
    await asked(shop, number)
    before = await goodwill(shop, number, 1000)
    for _ in range(2):
        issued = (await client.post(path, headers=supervisor)).json()
        assert (issued["state"], issued["amount_fen"], issued["corrections"]) == ("issued", 29000, [])
    await settle(shop, before)
    after = [await goodwill(shop, number, fen) for fen in (2000, 300)]
    assert await shop.rows(InvoiceCorrection) == []
    await asyncio.gather(*(settle(shop, each) for each in after))
    invoice = (await client.get(f"/api/orders/{number}", headers=owner)).json()["invoice"]
    assert sorted(each["amount_fen"] for each in invoice["corrections"]) == [300, 2000]
    assert (await topics(shop.database)).count("order.invoice_corrected") == 2
    order = await standing(shop.database, int(await shop.value(Order.id, Order.number == number)))
    assert order.state == "paid"


async def test_nothing_is_invoiced_when_all_goes_back(
    client: httpx.AsyncClient, shop: Shop, supervisor: Headers
) -> None:
    number = await shop.order("paid", {COAT: 1})
    await asked(shop, number)
    order_id = int(await shop.value(Order.id, Order.number == number))
    async with shop.database.write() as session:
        order = await cancelling.held(session, order_id)
        assert order is not None
        await cancelling.call_off(session, order, "不想要了")
    answer = await client.post(f"/api/staff/orders/{number}/invoice/issue", headers=supervisor)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_invoice")
