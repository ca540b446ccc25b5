"""Points follow what is paid for goods: earned at the end, given and taken back with what goes back."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from backoffice.events.relay import Relay
from backoffice.kit.time import now
from backoffice.trade import history_repository, repository, service
from backoffice.trade.history import Kind
from backoffice.trade.lifecycle.loyalty import Loyalty, Paid, settle
from backoffice.trade.models import Order, Payment, Refund
from backoffice.trade.payments import refunding
from backoffice.users import points
from backoffice.users.domain import LEVELS, points_for
from backoffice.users.models import Customer, PointsEntry
from tests.backoffice.factories import COAT, CUP, OWNER, Shop


@pytest.fixture
def relay(shop: Shop) -> Relay:
    relay = Relay(shop.database)
    Loyalty(shop.database).subscribe(relay)
    return relay


async def pass_on(relay: Relay) -> None:
    while await relay.pass_on():
        pass


async def bought(shop: Shop, skus: dict[int, int], state: str = "delivered", spent: int = 0) -> int:
    """An order that points were spent on; its id."""
    number = await shop.order(state, skus, points=spent)
    order_id = int(await shop.value(Order.id, Order.number == number))
    if spent:
        async with shop.database.write() as session:
            await points.adjust(session, OWNER, spent, f"gift:{number}", "补偿")
            await points.spend(session, OWNER, spent, f"order:{order_id}")
    return order_id


async def complete(shop: Shop, order_id: int) -> None:
    kind: Kind = "completed"
    async with shop.database.write() as session:
        await history_repository.change(session, order_id, kind, "system", completed_at=now())
        order = await repository.order_by_id(session, order_id)
        assert order is not None
        await service.told(session, "order.completed", order)


async def refund(shop: Shop, order_id: int, fen: int, reason: str = "returned") -> str:
    async with shop.database.write() as session:
        (payment,) = (await repository.payments(session, [order_id]))[order_id]
        return await refunding.request(session, payment, fen, reason, now(), "system")


async def counters(shop: Shop) -> tuple[int, int, int]:
    async with shop.database.read() as session:
        assert await points.points_audit(session) == []
        found = await session.get_one(Customer, OWNER)
        return found.points, found.points_debt, found.growth


async def test_points_are_earned_once_when_an_order_is_completed(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {COAT: 1, CUP: 1})
    await pass_on(relay)
    assert await counters(shop) == (0, 0, 0)
    await complete(shop, order_id)
    await complete(shop, order_id)
    await pass_on(relay)
    assert await counters(shop) == (399, 0, 399)


async def test_what_goes_back_takes_its_points_along(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {CUP: 2})
    await complete(shop, order_id)
    await refund(shop, order_id, 9900)
    await pass_on(relay)
    assert await counters(shop) == (99, 0, 99)
    await refund(shop, order_id, 9900)
    await pass_on(relay)
    assert await counters(shop) == (0, 0, 0)


async def test_spent_points_come_back_in_proportion_and_all_in_the_end(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {COAT: 1}, spent=1000)
    for fen, left in ((10000, 333), (10000, 666), (10000, 1000)):
        await refund(shop, order_id, fen)
        await pass_on(relay)
        assert (await counters(shop))[0] == left


async def test_a_refund_before_the_end_earns_less(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {CUP: 2})
    await refund(shop, order_id, 9900)
    await complete(shop, order_id)
    await pass_on(relay)
    assert await counters(shop) == (99, 0, 99)


@pytest.mark.parametrize(("reason", "left"), [("price_protection", 200), ("goodwill", 300)])
async def test_what_is_given_back_beside_goods(shop: Shop, relay: Relay, reason: str, left: int) -> None:
    """A lower price takes what was earned with the rest, a present nothing; what was spent stays spent."""
    order_id = await bought(shop, {COAT: 1}, spent=1000)
    await complete(shop, order_id)
    await refund(shop, order_id, 10000, reason)
    await pass_on(relay)
    assert await counters(shop) == (left, 0, left)


async def test_points_that_are_gone_are_a_debt(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {COAT: 1})
    await complete(shop, order_id)
    await pass_on(relay)
    async with shop.database.write() as session:
        await points.spend(session, OWNER, 250, "gift:1")
    await refund(shop, order_id, 30000)
    await pass_on(relay)
    assert await counters(shop) == (0, 250, 0)


async def test_a_withdrawn_refund_counts_no_more(shop: Shop) -> None:
    order_id = await bought(shop, {COAT: 1}, spent=1000)
    await refund(shop, order_id, 15000)
    async with shop.database.write() as session:
        await session.execute(update(Refund).values(state="withdrawn"))
    async with shop.database.write() as session:
        await settle(session, order_id, "late")
    assert (await counters(shop))[0] == 0


async def test_a_cancelled_order_gives_all_back_once(
    shop: Shop, relay: Relay, client: Any, owner: Any
) -> None:
    order_id = await bought(shop, {COAT: 1}, "paid", spent=1000)
    number = await shop.value(Order.number)
    for _ in range(2):
        assert (await client.post(f"/api/orders/{number}/cancel", json={}, headers=owner)).status_code == 200
        await pass_on(relay)
        assert (await counters(shop))[0] == 1000
        undone = await client.post(f"/api/orders/{number}/undo-cancel", headers=owner)
        assert undone.status_code == 200, undone.text
        await pass_on(relay)
        assert (await counters(shop))[0] == 0
    async with shop.database.write() as session:
        await settle(session, order_id, "late")
    assert (await counters(shop))[0] == 0


async def test_an_order_turned_back_on_its_way_gives_its_points_back(shop: Shop) -> None:
    order_id = await bought(shop, {COAT: 1}, "shipped", spent=1000)
    async with shop.database.write() as session:
        await history_repository.change(session, order_id, "turned_back", "system", cancelled_at=now())
        await settle(session, order_id, "turned_back")
    assert (await counters(shop))[0] == 1000


async def test_rivals_settle_one_order_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """All have looked at the order before the first has written: they wait for the customer's row."""
    order_id = await bought(shop, {COAT: 1}, "completed", spent=1000)
    await refund(shop, order_id, 7000)
    together = asyncio.Barrier(8)
    hold = points.hold

    async def all_look_first(session: Any, customer_id: int) -> None:
        if session.get_bind().dialect.name == "postgresql":
            await together.wait()
        await hold(session, customer_id)

    monkeypatch.setattr(points, "hold", all_look_first)

    async def rival(place: int) -> None:
        async with shop.database.write() as session:
            await settle(session, order_id, f"rival {place}")

    await asyncio.gather(*map(rival, range(8)))
    assert await counters(shop) == (300 - 70 + 233, 0, 230)
    assert len([each for each in await shop.rows(PointsEntry) if each.kind == "returned"]) == 1


@given(st.lists(st.integers(0, 50_000), max_size=5), st.integers(0, 100_000), st.integers(0, 10_000))
def test_no_more_goes_back_than_there_was(refunds: list[int], goods: int, held: int) -> None:
    order = Order(total_fen=goods + 800, shipping_fen=800)
    before = 0
    for place in range(len(refunds) + 1):
        made = [Refund(amount_fen=fen, state="settled", reason="returned") for fen in refunds[:place]]
        paid = Paid.of(order, made)
        assert before <= paid.returned(held) == paid.lost(held) <= held
        before = paid.returned(held)
        if goods and sum(refunds[:place]) >= goods:
            assert before == held


def test_higher_levels_earn_more_for_whole_units() -> None:
    assert [points_for(level, 1099_99) for level in LEVELS] == [1099, 1318, 1648, 2198]
    assert points_for("black", 99) == points_for("regular", -500) == 0


async def test_money_that_never_paid_the_order_takes_no_points(shop: Shop, relay: Relay) -> None:
    order_id = await bought(shop, {COAT: 1})
    await complete(shop, order_id)
    await pass_on(relay)
    earned = await counters(shop)
    assert earned[0] == 300
    await shop.add(
        Payment,
        {"order_id": order_id, "method": "alipay", "reference": "P2", "amount_fen": 30000, "at": now()},
    )
    async with shop.database.write() as session:
        (_, second) = (await repository.payments(session, [order_id]))[order_id]
        await refunding.request(session, second, 30000, refunding.PAID_TWICE, now(), "system")
    await pass_on(relay)
    assert await counters(shop) == earned
