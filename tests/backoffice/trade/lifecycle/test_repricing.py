"""Supervisors change what an unpaid order costs, and nobody pays the old amount for it."""

import asyncio

import httpx
import pytest

from backoffice.events.audit import AuditEntry
from backoffice.kit.errors import Problem
from backoffice.trade.lifecycle import repricing
from backoffice.trade.models import Order
from backoffice.trade.schemas import PriceChange
from tests.backoffice.factories import COAT, CUP, Shop
from tests.backoffice.trade.following import standing
from tests.backoffice.trade.offers.test_offer_keeping import signed_in
from tests.backoffice.trade.till import Till

Headers = dict[str, str]


@pytest.fixture
async def supervisor(shop: Shop) -> Headers:
    return await signed_in(shop.database, 1, "supervisor")


async def line_id(shop: Shop, number: str) -> int:
    order_id = int(await shop.value(Order.id, Order.number == number))
    return (await standing(shop.database, order_id)).lines[0].id


async def test_price_and_postage_change_once_with_a_reason_on_record(
    client: httpx.AsyncClient, shop: Shop, supervisor: Headers
) -> None:
    number = await shop.order("unpaid", {COAT: 2, CUP: 1})
    coat = await line_id(shop, number)
    body = {"lines": [{"line_id": coat, "price_fen": 25000}], "shipping_fen": 500, "reason": "老顾客议价"}
    path = f"/api/staff/orders/{number}/price"
    for _ in range(2):
        order = (await client.put(path, json=body, headers=supervisor)).json()
        assert (order["items_fen"], order["shipping_fen"], order["total_fen"]) == (59900, 500, 60400)
        assert [line["paid_fen"] for line in order["lines"]] == [50000, 9900]
    (told,) = await shop.rows(AuditEntry)
    assert (told.action, told.reason) == ("price_changed", "老顾客议价")
    assert told.detail == {"before_fen": 69900, "after_fen": 60400}
    stored = await standing(shop.database, int(await shop.value(Order.id, Order.number == number)))
    assert stored.version == 2
    higher = await client.put(
        path, json={"lines": [{"line_id": coat, "price_fen": 40000}], "reason": "标错"}, headers=supervisor
    )
    assert higher.json()["total_fen"] == 90400


async def test_what_was_taken_off_stays_taken_off(
    client: httpx.AsyncClient, shop: Shop, supervisor: Headers
) -> None:
    number = await shop.order("unpaid", {COAT: 1})
    path, coat = f"/api/staff/orders/{number}/price", await line_id(shop, number)
    for wanted, status, code in (
        ({"lines": [{"line_id": coat + 9, "price_fen": 1}]}, 404, "line_not_found"),
        ({"lines": [{"line_id": coat, "price_fen": 10**8}], "shipping_fen": 10**8}, 200, None),
        ({"lines": [{"line_id": coat, "price_fen": 10**8 + 1}]}, 422, "invalid_request"),
    ):
        answer = await client.put(path, json=wanted | {"reason": "x"}, headers=supervisor)
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    paid = await shop.order("paid")
    answer = await client.put(
        f"/api/staff/orders/{paid}/price", json={"shipping_fen": 1, "reason": "x"}, headers=supervisor
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (
        409,
        "order_not_unpaid",
        "paid",
    )
    agent = await signed_in(shop.database, 2, "agent")
    assert (await client.put(path, json={"reason": "x"}, headers=agent)).status_code == 403


async def test_the_old_amount_pays_nothing(till: Till, supervisor: Headers) -> None:
    number = await till.order()
    reference = await till.begin(number)
    asked = PriceChange.model_validate({"shipping_fen": 800, "reason": "偏远地区"})
    async with till.database.write() as session:
        await repricing.change_price(session, 1, number, asked)
    assert await till.collecting.round() == 1
    assert till.simulators["wechat"].books.trades[reference].state == "closed"
    assert await till.attempt(number) != reference
    assert await till.captured(reference, 30000) == "returned"
    assert await till.refunds() == [(30000, "requested", "wrong_amount")]
    await till.pay(number)
    assert await till.check(number) == "paid"


async def test_a_price_changes_while_it_is_paid(till: Till, supervisor: Headers) -> None:
    numbers = [await till.order() for _ in range(8)]
    references = [await till.attempt(number) for number in numbers]
    asked = PriceChange.model_validate({"shipping_fen": 800, "reason": "偏远地区"})

    async def change(number: str) -> str:
        try:
            async with till.database.write() as session:
                await repricing.change_price(session, 1, number, asked)
        except Problem as refused:
            return refused.code
        return "changed"

    paid = asyncio.gather(*(till.captured(each) for each in references))
    changed = await asyncio.gather(*(change(number) for number in numbers))
    for outcome, became, number in zip(changed, await paid, numbers, strict=True):
        assert (outcome, became) in (("changed", "returned"), ("order_not_unpaid", "paid"))
        assert await till.check(number) == ("unpaid" if outcome == "changed" else "paid")
