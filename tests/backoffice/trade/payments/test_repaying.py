"""Money goes back once, whatever is lost on the way, and people see to what does not go by itself."""

import asyncio
from typing import Any

import httpx
import pytest

from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.time import now
from backoffice.staff import sessions
from backoffice.staff.models import StaffMember
from backoffice.trade import service
from backoffice.trade.models import Payment, Refund
from backoffice.trade.payments import refunding, repaying
from backoffice.trade.payments.ports import PaymentRefused, Repaid
from backoffice.trade.payments.repaying import Repaying
from tests.backoffice.trade.till import METHODS, WHO, Till

Headers = dict[str, str]


async def give_back(till: Till, number: str, amount_fen: int = 1000) -> str:
    async with till.database.write() as session:
        given = await refunding.compensate(session, WHO, number, amount_fen, 1_000_000)
    return given.number


async def states(till: Till) -> list[str]:
    return [state for _, state, _ in await till.refunds()]


def left(till: Till, method: str = "wechat") -> list[tuple[str, int]]:
    made = till.simulators[method].books.refunds.values()
    return [(each.number, each.amount_fen) for each in made]


@pytest.mark.parametrize("method", METHODS)
async def test_parts_of_a_payment_go_back(till: Till, method: str) -> None:
    number = await till.order()
    reference = await till.pay(number, method)
    numbers = [await give_back(till, number, fen) for fen in (1, 999, 20000)]
    assert await till.repaying.round() == 3
    for _ in range(2):
        await till.hurry()
        await till.repaying.round()
    assert await states(till) == ["settled"] * 3
    assert left(till, method) == list(zip(numbers, (1, 999, 20000), strict=True))
    assert (await till.topics()).count("refund.settled") == 3
    assert till.simulators[method].paid_back(reference) == 21000
    assert await till.check(number) == "paid"


async def test_money_for_a_dead_order_arrives_back(till: Till) -> None:
    number = await till.order()
    reference = await till.begin(number)
    till.simulators["wechat"].pay(reference)
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    await till.tell(reference)
    await till.repaying.round()
    assert await till.refunds() == [(30000, "settled", "order_dead")]
    assert till.simulators["wechat"].paid_back(reference) == 30000


@pytest.mark.parametrize("method", METHODS)
async def test_an_answer_that_was_lost_pays_nothing_twice(till: Till, method: str) -> None:
    number = await till.order()
    await till.pay(number, method)
    refund = await give_back(till, number)
    till.simulators[method].lose_answers = 1
    await till.repaying.round()
    assert await states(till) == ["processing"]
    await till.hurry()
    await till.repaying.round()
    assert await states(till) == ["settled"]
    assert left(till, method) == [(refund, 1000)]


async def test_what_cannot_be_asked_after_may_be_paid_and_has_not_failed(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await till.order()
    await till.pay(number)
    await give_back(till, number)
    till.simulators["wechat"].lose_answers = 1
    await till.repaying.round()

    async def refuses(_: object) -> None:
        raise PaymentRefused("payment_refused", "wechat: NO_AUTH")

    with monkeypatch.context() as patched:
        patched.setattr(till.collecting.gateways["wechat"], "query_refund", refuses)
        await till.hurry()
        await till.repaying.round()
    assert await states(till) == ["processing"]
    await till.hurry()
    await till.repaying.round()
    assert await states(till) == ["settled"]
    assert len(left(till)) == 1


@pytest.mark.parametrize("method", METHODS)
async def test_a_provider_without_money_is_asked_again(till: Till, method: str) -> None:
    number = await till.order()
    await till.pay(number, method)
    await give_back(till, number)
    till.simulators[method].mishaps.append("short")
    await till.repaying.round()
    assert await till.repaying.round() == 0
    await till.hurry()
    await till.repaying.round()
    assert await states(till) == ["settled"]


@pytest.mark.parametrize("method", METHODS)
async def test_a_slow_refund_is_settled_by_asking(till: Till, method: str) -> None:
    number = await till.order()
    await till.pay(number, method)
    refund = await give_back(till, number)
    till.simulators[method].mishaps.append("slow")
    for _ in range(2):
        await till.repaying.round()
        await till.hurry()
    assert await states(till) == ["processing"]
    till.simulators[method].settle(refund)
    await till.repaying.round()
    assert await states(till) == ["settled"]


async def test_what_a_provider_tells_twice_and_late_counts_once(till: Till) -> None:
    number = await till.order()
    await till.pay(number)
    refund = await give_back(till, number)
    told = Repaid(refund, "settled", 1000, now())
    await asyncio.gather(*(till.collecting.take("wechat", told) for _ in range(10)))
    await till.collecting.take("wechat", Repaid(refund, "failed", 1000, now(), "CLOSED"))
    await till.collecting.take("wechat", Repaid(refund, "processing", 1000, now()))
    assert await states(till) == ["settled"]
    assert (await till.topics()).count("refund.settled") == 1
    with pytest.raises(Invalid):
        await till.collecting.take("wechat", Repaid(refund, "settled", 999, now()))


async def test_ten_processes_send_each_refund_once(till: Till) -> None:
    number = await till.order()
    await till.pay(number)
    numbers = [await give_back(till, number) for _ in range(5)]
    rivals = [Repaying(till.database, till.collecting.gateways) for _ in range(10)]
    assert sum(await asyncio.gather(*(each.round() for each in rivals))) == 5
    assert sorted(left(till)) == sorted((each, 1000) for each in numbers)
    assert await states(till) == ["settled"] * 5


async def test_a_cancellation_can_be_taken_back_until_its_money_leaves(till: Till) -> None:
    number = await till.order()
    await till.pay(number)
    async with till.database.write() as session:
        await service.cancel(session, WHO, number, "不想要了")
    assert await till.repaying.round() == 0
    async with till.database.write() as session:
        await service.undo_cancel(session, WHO, number)
        await service.cancel(session, WHO, number, "真的不想要了")
    await till.hurry()
    assert await till.repaying.round() == 1
    assert await states(till) == ["withdrawn", "settled"]
    with pytest.raises(Conflict, match="refund_settled"):
        async with till.database.write() as session:
            await service.undo_cancel(session, WHO, number)


async def test_undoing_and_sending_at_once_leaves_no_contradiction(till: Till) -> None:
    numbers = [await till.order() for _ in range(6)]
    for number in numbers:
        await till.pay(number)
        async with till.database.write() as session:
            await service.cancel(session, WHO, number, "不想要了")
    await till.hurry()

    async def undo(number: str) -> bool:
        try:
            async with till.database.write() as session:
                await service.undo_cancel(session, WHO, number)
        except Conflict:
            return False
        return True

    undone = (await asyncio.gather(till.repaying.round(), *map(undo, numbers)))[1:]
    for number, restored in zip(numbers, undone, strict=True):
        assert await till.check(number) == ("paid" if restored else "cancelled")
    assert len(left(till)) == len(numbers) - sum(undone)


@pytest.fixture
async def boss(till: Till) -> Headers:
    """Headers of a supervisor."""
    member: dict[str, Any] = {"login": "boss", "name": "店长", "role": "supervisor", "password_hash": ""}
    async with till.database.write() as session:
        supervisor = StaffMember(id=1, **member)
        session.add(supervisor)
        await session.flush()
        return {"Authorization": f"Bearer {await sessions.open_session(session, supervisor)}"}


@pytest.mark.parametrize("mishap", ["refused", "failed"])
async def test_people_see_what_failed_and_send_it_again(
    client: httpx.AsyncClient, till: Till, boss: Headers, owner: Headers, mishap: Any
) -> None:
    number = await till.order()
    await till.pay(number)
    refund = await give_back(till, number)
    till.simulators["wechat"].mishaps.append(mishap)
    await till.repaying.round()
    assert (await client.get("/api/staff/refunds", headers=owner)).status_code == 401
    listed = (await client.get("/api/staff/refunds", headers=boss)).json()
    assert [(each["number"], each["by_hand"]) for each in listed["refunds"]] == [(refund, True)]
    assert listed["refunds"][0]["failure"]
    retried = await client.post(f"/api/staff/refunds/{refund}/retry", headers=boss)
    assert retried.json()["state"] == "requested"
    again = await client.post(f"/api/staff/refunds/{refund}/retry", headers=boss)
    assert (again.status_code, again.json()["code"]) == (409, "refund_not_failed")
    await till.repaying.round()
    assert await states(till) == ["settled"]
    assert left(till)[-1] == (f"{refund}-2", 1000)
    async with till.database.write() as session:
        assert not await repaying.fail(session, refund, 1, "late")
    assert (await client.get("/api/staff/refunds", headers=boss)).json() == {"refunds": [], "total": 0}


async def test_money_that_came_by_no_gateway_goes_back_by_hand(
    client: httpx.AsyncClient, till: Till, boss: Headers
) -> None:
    number = await till.shop.order("delivered", method="card")
    by_hand = await give_back(till, number)
    await till.hurry()
    assert await till.repaying.round() == 0
    waiting = (await client.get("/api/staff/refunds?state=requested", headers=boss)).json()["refunds"]
    assert [(each["number"], each["by_hand"]) for each in waiting] == [(by_hand, True)]
    settled = await client.post(f"/api/staff/refunds/{by_hand}/settle", headers=boss)
    assert settled.json()["state"] == "settled"
    again = await client.post(f"/api/staff/refunds/{by_hand}/settle", headers=boss)
    assert (again.status_code, again.json()["code"]) == (409, "not_by_hand")
    paid = await till.order()
    await till.pay(paid)
    by_gateway = await give_back(till, paid)
    refused = await client.post(f"/api/staff/refunds/{by_gateway}/settle", headers=boss)
    assert refused.json()["code"] == "not_by_hand"
    assert await till.shop.value(Refund.state, Refund.number == by_gateway) == "requested"
    assert await till.shop.value(Payment.refunded_fen, Payment.method == "card") == 1000
