"""An errand that was at work when its turn was given up changes nothing afterwards."""

import os
import signal

from sqlalchemy import select

from backoffice.kit.database import Database
from backoffice.trade.models import Order
from backoffice.users.models import Customer
from tests.live import LiveShop


async def paid_order(database: Database) -> tuple[str, str]:
    """Phone and order number of a customer nobody else in the tests speaks for."""
    found = (
        select(Customer.phone, Order.number)
        .join(Order, Order.customer_id == Customer.id)
        .where(Order.state == "paid", Customer.demo.is_(None))
        .order_by(Order.id.desc())
    )
    async with database.read() as session:
        row = (await session.execute(found)).first()
    assert row
    return row.phone, row.number


async def test_a_late_cancellation_is_refused_after_the_hand_over(live_shop: LiveShop) -> None:
    database = Database(live_shop.settings.database_url)
    phone, number = await paid_order(database)
    client = live_shop.client
    talk = client.open(customer=phone)
    offered = client.answer(talk, client.send(talk, f"取消订单{number}"))
    (confirm, _) = offered[-1]["buttons"]
    assert "确认" in confirm["label"], offered

    actions = live_shop.pids()["actions"]
    os.kill(actions, signal.SIGSTOP)
    try:
        pressed = client.press(talk, confirm)
        said = client.answer(talk, pressed, timeout=live_shop.settings.turn_deadline + 10)
    finally:
        os.kill(actions, signal.SIGCONT)
    assert [event["from"] for event in said] == ["bot", "system"]
    assert "稍等" in said[0]["text"]
    assert "人工" in said[1]["text"]

    assert live_shop.ask("我有多少积分", customer="15400000008")
    after = client.news(talk, 0)
    assert after["events"] == []
    assert after["owner"] == "queue"
    async with database.read() as session:
        assert await session.scalar(select(Order.state).where(Order.number == number)) == "paid"
    await database.close()
