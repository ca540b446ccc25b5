"""All SQL of the fulfilment."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import selectinload

from backoffice.fulfillment.models import Shipment, TrackingEvent
from backoffice.kit.database import ReadSession, WriteSession


async def shipments_of(session: ReadSession, order_ids: Sequence[int]) -> list[Shipment]:
    wanted = select(Shipment).where(Shipment.order_id.in_(order_ids)).options(selectinload(Shipment.events))
    return list(await session.scalars(wanted.order_by(Shipment.shipped_at, Shipment.id)))


async def ask_intercept(session: WriteSession, order_id: int) -> list[int]:
    """Mark the parcels of an order that are still on their way; their ids."""
    statement = (
        update(Shipment)
        .where(Shipment.order_id == order_id, Shipment.state.in_(("in_transit", "exception")))
        .values(state="intercepting")
        .returning(Shipment.id)
    )
    return list(await session.scalars(statement))


async def note(session: WriteSession, shipment_id: int, at: datetime, place: str, text: str) -> None:
    await session.execute(
        insert(TrackingEvent).values(shipment_id=shipment_id, at=at, place=place, text=text)
    )
