"""What a provider knows and we do not, yet: found by asking, before an order is given up and afterwards."""

import asyncio
from contextlib import suppress

import pytest

from backoffice.inventory import holds
from backoffice.trade import service
from backoffice.trade.models import Order, Payment
from backoffice.trade.payments.collecting import Collecting
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import PaymentAway, PaymentRefused
from integrations.payments.simulator.provider import Refused
from tests.backoffice.trade.till import WHO, Till


async def state_of(till: Till, reference: str) -> str:
    return str(await till.shop.value(PaymentAttempt.state, PaymentAttempt.reference == reference))


@pytest.mark.parametrize("method", ["wechat", "alipay"])
async def test_a_lost_notification_is_found_by_asking(till: Till, method: str) -> None:
    number = await till.order()
    reference = await till.begin(number, method)
    assert await till.collecting.round() == 0
    till.simulators[method].pay(reference)
    await till.hurry()
    assert await till.collecting.round() == 1
    assert await till.check(number) == "paid"
    await till.tell(reference, method)
    await till.tell(reference, method)
    assert len(await till.shop.rows(Payment)) == 1


async def lapse(till: Till) -> None:
    await till.end_holds()
    await holds.Sweeper(till.database).sweep_all()
    for order in await till.shop.rows(Order):
        with suppress(PaymentAway):
            await till.collecting.lapse(order.id)


async def test_who_has_paid_is_asked_before_an_order_is_given_up(till: Till) -> None:
    paid, unpaid, untried = [await till.order() for _ in range(3)]
    till.simulators["alipay"].pay(await till.begin(paid, "alipay"))
    reference = await till.begin(unpaid)
    await lapse(till)
    assert [await till.check(number) for number in (paid, unpaid, untried)] == [
        "paid",
        "cancelled",
        "cancelled",
    ]
    assert await state_of(till, reference) == "closed"
    with pytest.raises(Refused):
        till.simulators["wechat"].pay(reference)


async def test_an_order_is_not_given_up_while_its_provider_is_away(till: Till) -> None:
    number = await till.order()
    till.simulators["wechat"].pay(await till.begin(number))
    till.simulators["wechat"].fail = 1
    with pytest.raises(PaymentAway):
        await till.collecting.find_lost(await till.id(number))
    till.simulators["wechat"].fail = 1
    await lapse(till)
    assert await till.state(number) == "unpaid"
    await till.collecting.find_lost(await till.id(number))
    assert await till.check(number) == "paid"


@pytest.mark.parametrize("method", ["wechat", "alipay"])
async def test_attempts_of_an_order_that_is_cancelled_are_closed(till: Till, method: str) -> None:
    number = await till.order()
    reference = await till.begin(number, method)
    never_begun = await till.attempt(number, "wechat" if method == "alipay" else "alipay")
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    assert await till.collecting.round() == 2
    assert [await state_of(till, each) for each in (reference, never_begun)] == ["closed", "closed"]
    with pytest.raises(Refused):
        till.simulators[method].pay(reference)


async def test_money_that_slips_in_before_the_close_goes_back(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await till.order()
    reference = await till.begin(number)
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    gateway = till.collecting.gateways["wechat"]
    unhurried = gateway.close

    async def paid_first(reference: str) -> bool:
        till.simulators["wechat"].pay(reference)
        return await unhurried(reference)

    monkeypatch.setattr(gateway, "close", paid_first)
    await till.collecting.round()
    assert await till.check(number) == "cancelled"
    assert await till.refunds() == [(30000, "requested", "order_dead")]
    assert await state_of(till, reference) == "captured"


async def test_the_second_way_to_pay_is_closed_when_the_first_was_taken(till: Till) -> None:
    number = await till.order()
    other = await till.begin(number, "alipay")
    await till.pay(number)
    assert await till.collecting.round() == 1
    assert await state_of(till, other) == "closed"


async def test_each_attempt_is_asked_about_by_one_process(till: Till) -> None:
    for _ in range(5):
        await till.begin(await till.order())
    await till.hurry()
    rivals = [Collecting(till.database, till.collecting.gateways) for _ in range(4)]
    assert sum(await asyncio.gather(*(each.round() for each in rivals))) == 5


async def test_an_answer_that_was_lost_begins_no_second_payment(till: Till) -> None:
    number = await till.order()
    till.simulators["wechat"].lose_answers = 1
    reference = await till.attempt(number)
    with pytest.raises(PaymentAway):
        await till.collecting.begin(reference)
    begun = await till.collecting.begin(await till.attempt(number))
    assert (begun.reference, begun.client) == (reference, {"code_url": f"http://pay/wechat/pay/{reference}"})
    assert list(till.simulators["wechat"].books.trades) == [reference]


async def test_a_way_to_pay_that_left_the_settings_is_refused(till: Till) -> None:
    reference = await till.attempt(await till.order())
    with pytest.raises(PaymentRefused, match="not taken any more"):
        await Collecting(till.database, {}).begin(reference)
    assert await state_of(till, reference) == "failed"
