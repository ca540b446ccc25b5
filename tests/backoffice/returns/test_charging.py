import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, update

from backoffice.events.models import OutboxEvent
from backoffice.returns import charging, service
from backoffice.returns.models import Return
from backoffice.returns.rules import rules
from backoffice.trade.models import Order, OrderLine, Payment, Refund
from backoffice.users.models import Customer
from tests.backoffice.factories import COAT, CUP, OWNER
from tests.backoffice.returns.conftest import Desk

AS_NEW = {"restocked": 1}
REFUSED = {"refused": 1, "note": "已穿过"}


@pytest.fixture
def shopper_pays(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on the courier is on the shopper's account without a fault, in this way."""

    def change(way: str) -> None:
        own = rules().reasons["unwanted"].model_copy(update={"postage": "shopper"})
        reasons = {**rules().reasons, "unwanted": own, "size": own}
        changed = rules().model_copy(update={"reasons": reasons, "shopper_pays": way})
        for module in (service, charging):
            monkeypatch.setattr(module, "rules", lambda: changed)

    return change


async def shipping(desk: Desk, fen: int) -> None:
    """All orders were sent for so much."""
    async with desk.shop.database.write() as session:
        await session.execute(update(Order).values(shipping_fen=fen, total_fen=Order.total_fen + fen))
        await session.execute(update(Payment).values(amount_fen=Payment.amount_fen + fen))


async def level(desk: Desk, name: str) -> None:
    async with desk.shop.database.write() as session:
        await session.execute(update(Customer).where(Customer.id == OWNER).values(level=name))


async def test_the_courier_is_taken_off_the_refund(desk: Desk, shopper_pays: Callable[[str], None]) -> None:
    shopper_pays("deducted")
    number = await desk.shop.order("delivered", {COAT: 3})
    made = (await desk.ask(number, [1])).json()
    assert (made["amount_fen"], made["postage"], made["postage_fen"]) == (29200, "deducted", 800)
    assert made["postage_label"] == "上门取件费从退款中扣除"
    await desk.receive(made, [1])
    assert (await desk.inspect(made, AS_NEW)).json()["amount_fen"] == 29200
    fault = (await desk.ask(number, [1], reason="defective")).json()
    assert (fault["amount_fen"], fault["postage"], fault["postage_fen"]) == (30000, "shop", 0)
    exchange = (await desk.ask(number, [1], kind="exchange", reason="size")).json()
    assert (exchange["amount_fen"], exchange["postage"], exchange["postage_fen"]) == (0, "carried", 800)


async def test_or_paid_to_the_courier(desk: Desk, shopper_pays: Callable[[str], None]) -> None:
    shopper_pays("carried")
    made = (await desk.ask(await desk.shop.order("delivered"), [1])).json()
    assert (made["amount_fen"], made["postage"], made["postage_fen"]) == (30000, "carried", 800)
    await desk.receive(made, [1])
    assert (await desk.inspect(made, AS_NEW)).json()["amount_fen"] == 30000


async def test_a_level_has_free_pickups_each_month(desk: Desk, shopper_pays: Callable[[str], None]) -> None:
    shopper_pays("deducted")
    number = await desk.shop.order("delivered", {COAT: 20})
    await level(desk, "gold")
    made = [each.json() for each in await asyncio.gather(*(desk.ask(number, [1]) for _ in range(5)))]
    assert sorted(each["postage"] for each in made) == ["deducted"] * 4 + ["level"]
    free = next(each for each in made if each["postage"] == "level")
    await desk.client.post(f"/api/returns/{free['number']}/undo", headers=desk.owner)
    assert (await desk.ask(number, [1])).json()["postage"] == "level"
    await level(desk, "black")
    assert {(await desk.ask(number, [1])).json()["postage"] for _ in range(3)} == {"level"}


async def test_the_first_shipping_comes_back_with_the_whole_order_for_a_fault(desk: Desk) -> None:
    number = await desk.shop.order("delivered", {COAT: 2, CUP: 1})
    await shipping(desk, 1500)
    part = (await desk.ask(number, [1], reason="defective")).json()
    assert (part["amount_fen"], part["shipping_fen"]) == (30000, 0)
    rest = (await desk.ask(number, [1, 1], reason="wrong_item")).json()
    assert (rest["amount_fen"], rest["shipping_fen"]) == (41400, 1500)
    for made, verdicts in ((part, [AS_NEW]), (rest, [AS_NEW, AS_NEW])):
        await desk.receive(made, [1] * len(verdicts))
        assert (await desk.inspect(made, *verdicts)).json()["amount_fen"] == made["amount_fen"]
    assert await desk.shop.value(func.sum(Refund.amount_fen)) == 60000 + 9900 + 1500


@pytest.mark.parametrize("why", ["unwanted", "mixed", "refused", "line withdrawn"])
async def test_but_not_otherwise(desk: Desk, why: str) -> None:
    number = await desk.shop.order("delivered", {COAT: 1, CUP: 1})
    await shipping(desk, 1500)
    if why == "unwanted":
        assert (await desk.ask(number, [1, 1])).json()["amount_fen"] == 39900
        return
    if why == "mixed":
        await desk.ask(number, [1])
        [_, cup] = await desk.lines_of(number)
        lines = [{"line_id": cup, "quantity": 1}]
        assert (await desk.ask(number, [], lines=lines, reason="defective")).json()["shipping_fen"] == 0
        return
    made = (await desk.ask(number, [1, 1], reason="defective")).json()
    assert made["amount_fen"] == 41400
    if why == "line withdrawn":
        path = f"/api/returns/{made['number']}/lines/{made['lines'][1]['line_id']}/undo"
        left = (await desk.client.post(path, headers=desk.owner)).json()
        assert (left["amount_fen"], left["shipping_fen"]) == (30000, 0)
        return
    await desk.receive(made, [1, 1])
    done = (await desk.inspect(made, AS_NEW, REFUSED)).json()
    assert (done["amount_fen"], done["shipping_fen"]) == (30000, 0)


async def test_a_preview_says_what_would_be_and_does_nothing(
    desk: Desk, shopper_pays: Callable[[str], None]
) -> None:
    shopper_pays("deducted")
    await level(desk, "gold")
    number = await desk.shop.order("delivered", {COAT: 2})
    [line] = await desk.lines_of(number)
    body: dict[str, Any] = {"kind": "return", "line_id": line, "quantity": 2, "reason": "unwanted"}
    path = f"/api/orders/{number}/returns/preview"
    said = [(await desk.client.post(path, json=body, headers=desk.owner)).json() for _ in range(2)]
    assert said[0] == said[1]
    assert (said[0]["amount_fen"], said[0]["postage"]) == (60000, "level")
    assert [await desk.shop.rows(table) for table in (Return, OutboxEvent)] == [[], []]
    assert await desk.shop.value(OrderLine.returned) == 0
    made = (await desk.ask(number, [2])).json()
    assert {name: made[name] for name in said[0]} == said[0]
    refused = await desk.client.post(path, json=body, headers=desk.owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_returnable")
