import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from backoffice.events.models import OutboxEvent
from backoffice.inventory.models import StockLevel
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.returns import deadlines
from backoffice.returns.deadlines import Deadlines
from backoffice.returns.models import Return
from backoffice.returns.rules import rules
from backoffice.trade.models import OrderLine, Refund
from tests.backoffice.factories import COAT
from tests.backoffice.returns.conftest import Desk


async def rivals_sweep(url: str, days: float) -> None:
    """Two processes' sweepers, each with connections of its own, several times."""
    moment = now() + timedelta(days=days)
    apart = [Database(url) for _ in range(2)]
    await asyncio.gather(*(Deadlines(each).sweep(moment) for each in apart for _ in range(2)))
    for each in apart:
        await each.close()


async def topics(desk: Desk) -> Counter[str]:
    told = [event.topic for event in await desk.shop.rows(OutboxEvent)]
    return Counter(topic for topic in told if topic.startswith("return."))


async def test_what_is_not_handed_over_is_withdrawn_after_a_reminder(desk: Desk, database_url: str) -> None:
    number = await desk.shop.order("delivered", {COAT: 2})
    await desk.ask(number, [2], kind="exchange", reason="size")
    await rivals_sweep(database_url, rules().hand_over_days - rules().remind_days - 1)
    assert await topics(desk) == {"return.requested": 1}
    await rivals_sweep(database_url, rules().hand_over_days)
    assert await topics(desk) == {"return.requested": 1, "return.reminded": 1}
    assert await desk.shop.value(Return.state) == "approved"
    await rivals_sweep(database_url, rules().hand_over_days + 1)
    assert await topics(desk) == {"return.requested": 1, "return.reminded": 1, "return.expired": 1}
    assert await desk.shop.value(Return.state) == "withdrawn"
    assert await desk.shop.value(OrderLine.returned) == 0
    assert await desk.shop.value(StockLevel.allocated, StockLevel.sku_id == COAT) == 0


async def test_what_was_handed_over_is_not_withdrawn(desk: Desk, database_url: str) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.do(made["number"], "hand-over")
    await rivals_sweep(database_url, 300)
    assert await topics(desk) == {"return.requested": 1, "return.picked_up": 1}


async def test_what_is_not_inspected_is_shown_to_supervisors(desk: Desk, database_url: str) -> None:
    number = await desk.shop.order("delivered")
    made = (await desk.ask(number, [1])).json()
    await desk.receive(made, [1])
    path = "/api/staff/returns?overdue=true"
    assert (await desk.client.get(path, headers=desk.staff["supervisor"])).json()["total"] == 0
    await rivals_sweep(database_url, rules().inspect_days + 1)
    assert (await topics(desk))["return.overdue"] == 1
    assert (await desk.client.get(path, headers=desk.staff["supervisor"])).json()["total"] == 1


async def test_what_is_not_inspected_is_refunded_once_where_the_rule_says_so(
    desk: Desk, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = rules().model_copy(update={"late_inspection": "refunded"})
    monkeypatch.setattr(deadlines, "rules", lambda: changed)
    number = await desk.shop.order("delivered", {COAT: 2})
    made = (await desk.ask(number, [2])).json()
    await desk.receive(made, [1])
    await rivals_sweep(database_url, rules().inspect_days + 1)
    assert [refund.amount_fen for refund in await desk.shop.rows(Refund)] == [30000]
    assert await desk.shop.value(Return.closed_by) == "system"
    assert await desk.shop.value(OrderLine.returned) == 1
    assert await desk.shop.value(StockLevel.on_hand, StockLevel.sku_id == COAT) == 50
