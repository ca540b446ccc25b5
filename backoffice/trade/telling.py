"""What others are told of orders."""

from typing import Any

from backoffice.events import service as events
from backoffice.kit.database import WriteSession
from backoffice.trade.models import Order


async def told(session: WriteSession, topic: str, order: Order, **more: Any) -> None:
    """Publish that something happened to an order, keyed `order:<id>`."""
    about = {"order_id": order.id, "number": order.number, "customer_id": order.customer_id}
    await events.publish(session, topic, f"order:{order.id}", about | more)
