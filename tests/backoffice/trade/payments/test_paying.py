"""Money that arrives pays its order or goes back: once, and whatever else happens meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from backoffice.inventory import holds
from backoffice.inventory.models import Location, StockLevel
from backoffice.kit.errors import Conflict, NotFound
from backoffice.trade import service
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.models import Order, Payment
from backoffice.trade.payments import paying, refunding
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.users import points
from backoffice.users.models import Customer
from tests.backoffice.factories import COAT, OWNER, WAREHOUSE
from tests.backoffice.trade.till import WHO, Till, paid

Headers = dict[str, str]


@pytest.fixture
def paying_api(api: FastAPI, till: Till) -> FastAPI:
    api.state.collecting = till.collecting
    return api


async def test_money_pays_its_order(till: Till) -> None:
    number = await till.order()
    assert await till.captured(await till.attempt(number)) == "paid"
    assert await till.check(number) == "paid"
    assert await till.topics() == ["order.paid"]
    assert (await till.shop.held(), await till.shop.allocated()) == (0, 1)
    assert await till.shop.value(PaymentAttempt.state) == "captured"


async def test_what_twenty_tell_at_once_is_one_payment(till: Till) -> None:
    number = await till.order()
    reference = await till.attempt(number)
    outcomes = await asyncio.gather(*(till.captured(reference) for _ in range(20)))
    assert sorted(outcomes) == ["paid"] + ["repeated"] * 19
    assert len(await till.shop.rows(Payment)) == 1
    assert await till.topics() == ["order.paid"]
    assert await till.check(number) == "paid"


async def test_money_for_a_dead_order_goes_back_by_itself(till: Till) -> None:
    number = await till.order()
    reference = await till.attempt(number)
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    assert await till.captured(reference) == "returned"
    assert await till.check(number) == "cancelled"
    assert await till.refunds() == [(30000, "requested", "order_dead")]
    assert await till.topics() == ["order.cancelled", "payment.returned"]


async def test_money_given_back_is_not_kept_by_undoing_the_cancellation(till: Till) -> None:
    number = await till.order()
    reference = await till.attempt(number)
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    await till.captured(reference)
    async with till.database.write() as session:
        await service.undo_cancel(session, WHO, number)
    assert await till.check(number) == "unpaid"
    assert await till.refunds() == [(30000, "requested", "order_dead")]
    assert await till.captured(await till.attempt(number)) == "paid"
    assert await till.check(number) == "paid"


async def test_of_two_that_pay_at_once_one_goes_back(till: Till) -> None:
    number = await till.order()
    references = [(await till.attempt(number, method), method) for method in ("wechat", "alipay")]
    outcomes = await asyncio.gather(*(till.captured(each, 30000, method) for each, method in references))
    assert sorted(outcomes) == ["paid", "returned"]
    assert await till.check(number) == "paid"
    assert await till.refunds() == [(30000, "requested", "paid_twice")]


@pytest.mark.parametrize("amount", [29999, 30001, 1])
async def test_another_amount_goes_back(till: Till, amount: int) -> None:
    number = await till.order()
    assert await till.captured(await till.attempt(number), amount) == "returned"
    assert await till.check(number) == "unpaid"
    assert await till.refunds() == [(amount, "requested", "wrong_amount")]


async def test_what_is_not_ours_is_not_taken(till: Till) -> None:
    reference = await till.attempt(await till.order())
    for method, told in (("wechat", "unknown"), ("alipay", reference)):
        with pytest.raises(NotFound):
            await till.captured(told, method=method)
    assert await till.shop.rows(Payment) == []


async def test_late_money_gets_the_pieces_that_are_still_there(till: Till) -> None:
    number = await till.order(pieces=2)
    reference = await till.attempt(number)
    await till.end_holds()
    assert await till.captured(reference, 60000) == "paid"
    assert await till.check(number) == "paid"
    assert await till.shop.allocated() == 2


async def test_late_money_gets_pieces_from_elsewhere(till: Till) -> None:
    number = await till.order()
    reference = await till.attempt(number)
    await till.end_holds()
    await sell_out(till)
    await another_warehouse(till)
    assert await till.captured(reference) == "paid"
    assert await till.check(number) == "paid"
    assert await till.shop.value(Order.location_id, Order.number == number) == 2


async def test_late_money_for_what_is_sold_goes_back_with_the_points(till: Till) -> None:
    number = await till.order(points=60)
    async with till.database.write() as session:
        await points.earn(session, OWNER, 100, "gift")
        await points.spend(session, OWNER, 60, f"order:{await till.id(number)}")
    reference = await till.attempt(number)
    await till.end_holds()
    await sell_out(till)
    assert await till.captured(reference) == "returned"
    assert await till.check(number) == "cancelled"
    assert await till.refunds() == [(30000, "requested", "no_stock")]
    assert await till.topics() == ["stock.hold_expired", "order.cancelled", "payment.returned"]
    assert await till.shop.value(Customer.points, Customer.id == OWNER) == 100
    with pytest.raises(Conflict, match="out_of_stock"):
        async with till.database.write() as session:
            await service.undo_cancel(session, WHO, number)


async def test_money_and_the_end_of_the_hold_at_once(till: Till) -> None:
    """Half of the stock is sold to others meanwhile: each order is paid with its pieces or cancelled."""
    numbers = [await till.order() for _ in range(10)]
    references = [await till.attempt(number) for number in numbers]
    await till.end_holds()
    sweeper = holds.Sweeper(till.database)

    async def lapse(number: str) -> None:
        async with till.database.write() as session:
            await cancelling.lapse(session, await till.id(number))

    async def rival() -> None:
        with suppress(Conflict):
            async with till.database.write() as session:
                await holds.allocate(session, "order:999", [(WAREHOUSE, COAT, 45)])

    await asyncio.gather(
        rival(),
        sweeper.sweep_all(),
        *(till.captured(each) for each in references),
        *(lapse(number) for number in numbers),
    )
    states = [await till.check(number) for number in numbers]
    assert set(states) <= {"paid", "cancelled"}
    assert await till.shop.allocated() - states.count("paid") in (0, 45)
    assert await till.shop.held() == 0


@pytest.mark.parametrize("point", ["hold", "confirm"])
async def test_a_rival_at_the_dangerous_point(
    till: Till, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """The order lapses after the money is written down, before the order is looked at; or the hold ends after
    the order is paid, before it is confirmed. Where writers wait for each other, the rival comes afterwards.
    """
    number = await till.order()
    reference = await till.attempt(number)
    await till.end_holds()
    order_id = await till.id(number)

    async def lapse() -> None:
        async with till.database.write() as session:
            await cancelling.lapse(session, order_id)

    rivals: dict[str, tuple[Any, Callable[[], Awaitable[object]]]] = {
        "hold": (paying, lapse),
        "confirm": (holds, holds.Sweeper(till.database).sweep),
    }
    module, rival = rivals[point]
    unhurried, running = getattr(module, point), list[asyncio.Future[object]]()

    async def overtaken(*arguments: Any) -> Any:
        if not running:
            running.append(asyncio.ensure_future(rival()))
            await asyncio.wait(running, timeout=0.3)
        return await unhurried(*arguments)

    monkeypatch.setattr(module, point, overtaken)
    outcome = await till.captured(reference)
    await running[0]
    lapsed = point == "hold" and "postgresql" in till.database.url
    assert outcome == ("returned" if lapsed else "paid")
    assert await till.check(number) == ("cancelled" if lapsed else "paid")


async def test_an_order_that_costs_nothing_is_paid_at_once(till: Till) -> None:
    number = await till.order(total_fen=0)
    await till.attempt(number)
    assert await till.state(number) == "paid"
    assert await till.topics() == ["order.paid"]
    assert await till.shop.rows(Payment) == []


async def test_fifty_at_once_get_back_no_more_than_was_paid(till: Till) -> None:
    """Goodwill is given whole or not at all; of what comes back as much is paid as is left."""
    number = await till.shop.order("delivered")
    order_id = await till.id(number)

    async def ask(place: int) -> int:
        async with till.database.write() as session:
            if place % 2:
                return await refunding.pay_back(session, order_id, 1700, f"R{place}")
            with suppress(Conflict):
                return (await refunding.compensate(session, WHO, number, 1000, 1_000_000)).amount_fen
        return 0

    back = await asyncio.gather(*(ask(place) for place in range(50)))
    assert sum(back) == sum(fen for fen, _, _ in await till.refunds()) == 30000
    assert len(await till.refunds()) == len([fen for fen in back if fen])
    assert await till.shop.value(Payment.refunded_fen) == 30000


async def test_the_audit_finds_money_that_is_nobodys(till: Till) -> None:
    numbers = [await till.order() for _ in range(4)]
    references = [await till.attempt(number) for number in numbers]
    for reference in references:
        await till.captured(reference)
    again = await till.attempt(await till.order(), "alipay")
    async with till.database.write() as session:
        first = await till.id(numbers[0])
        await session.execute(update(Order).where(Order.id == first).values(state="cancelled"))
        away = Payment.reference == references[1]
        await session.execute(update(Payment).where(away).values(refunded_fen=1))
        await paying.repository.add_payment(session, await till.id(numbers[2]), "alipay", paid(again))
        found = await paying.payments_audit(session)
    assert [(each.order_number, each.refunded_fen) for each in found] == [
        (numbers[0], 0),
        (numbers[1], 1),
        (numbers[2], 0),
        (numbers[2], 0),
    ]


async def test_a_payment_is_begun_once(
    client: httpx.AsyncClient, paying_api: FastAPI, till: Till, owner: Headers, stranger: Headers
) -> None:
    number = await till.order()
    path, wechat = f"/api/orders/{number}/payments", {"method": "wechat"}
    shown = (await client.get(path, headers=owner)).json()
    assert shown == {"offered": ["alipay", "wechat"], "attempts": [], "payments": []}
    keyed = [owner | ({"Idempotency-Key": f"k{n % 3}"} if n % 2 else {}) for n in range(20)]
    answers = await asyncio.gather(*(client.post(path, json=wechat, headers=each) for each in keyed))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    attempt = answers[0].json()
    assert attempt["client"] == {"code_url": f"http://pay/wechat/pay/{attempt['reference']}"}
    assert (attempt["amount_fen"], attempt["state"], attempt["method_label"]) == (
        30000,
        "started",
        "微信支付",
    )
    assert len(await till.shop.rows(PaymentAttempt)) == 1
    till.simulators["wechat"].pay(attempt["reference"])
    await till.tell(attempt["reference"])
    shown = (await client.get(path, headers=owner)).json()
    assert (shown["offered"], shown["attempts"][0]["state"]) == ([], "captured")
    assert (shown["payments"][0]["amount_fen"], shown["payments"][0]["refunded_fen"]) == (30000, 0)
    assert (await client.get(path, headers=stranger)).status_code == 404
    assert (await client.post(path, json=wechat, headers=stranger)).status_code == 404


async def test_what_cannot_be_paid_is_not_begun(
    client: httpx.AsyncClient, paying_api: FastAPI, till: Till, owner: Headers
) -> None:
    over, paid = await till.order(), await till.shop.order("paid")
    await till.end_holds()
    fresh = await till.order()
    for number, method, code in (
        (over, "wechat", "payment_over"),
        (paid, "wechat", "order_not_unpaid"),
        (fresh, "card", "method_not_offered"),
    ):
        answer = await client.post(f"/api/orders/{number}/payments", json={"method": method}, headers=owner)
        assert answer.json()["code"] == code
    assert await till.shop.rows(PaymentAttempt) == []


async def sell_out(till: Till) -> None:
    await holds.Sweeper(till.database).sweep_all()
    async with till.database.write() as session:
        await holds.allocate(session, "order:999", [(WAREHOUSE, COAT, 50)])


async def another_warehouse(till: Till) -> None:
    place = {"province": "江苏省", "city": "南京市", "district": "江宁区", "address": ""}
    point = {"latitude": 31.9, "longitude": 118.8, "hours": "", "phone": ""}
    await till.shop.add(Location, {"id": 2, "kind": "warehouse", "name": "南京仓", **place, **point})
    await till.shop.add(StockLevel, {"location_id": 2, "sku_id": COAT, "on_hand": 5})
