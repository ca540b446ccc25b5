"""Whole orders as the returns room sees them, kept from others while it counts."""

from dataclasses import dataclass

from backoffice.fulfillment.fulfilment_schemas import Receiver
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.trade import repository
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import hold


@dataclass(frozen=True)
class HeldOrder:
    """What was paid for its first shipping. `all_back`: no piece is left with the shopper."""

    all_back: bool
    shipping_fen: int


async def held_order(session: WriteSession, order_id: int) -> HeldOrder:
    """Held until this transaction ends. Raises `LookupError` for an order that is not there."""
    await hold(session, order_id, ANY)
    found = await repository.order_by_id(session, order_id)
    if found is None:
        raise LookupError(f"no order {order_id}")
    back = all(line.returned + line.cancelled == line.quantity for line in found.lines)
    return HeldOrder(back, found.shipping_fen)


async def receiver(session: ReadSession, order_id: int) -> Receiver:
    """Where an order went. Raises `LookupError` for an order that is not there."""
    found = await repository.order_by_id(session, order_id)
    if found is None:
        raise LookupError(f"no order {order_id}")
    return Receiver(
        receiver=found.receiver,
        phone=found.phone,
        province=found.province,
        city=found.city,
        district=found.district,
        street=found.street,
    )
