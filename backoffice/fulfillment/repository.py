"""All SQL of parcels."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import case, insert, or_, select, update
from sqlalchemy.orm import selectinload

from backoffice.fulfillment.models import Shipment, ShipmentLine, TrackingEvent
from backoffice.fulfillment.ports import RANK, Tracked
from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert

ALONE = {"synchronize_session": False}
ON_THE_WAY = ("in_transit", "out_for_delivery", "exception")


async def shipments_of(session: ReadSession, order_ids: Sequence[int]) -> list[Shipment]:
    wanted = select(Shipment).where(Shipment.order_id.in_(order_ids))
    loaded = wanted.options(selectinload(Shipment.events), selectinload(Shipment.lines))
    return list(await session.scalars(loaded.order_by(Shipment.shipped_at, Shipment.id)))


async def of_fulfilments(session: ReadSession, fulfilment_ids: Sequence[int]) -> list[Shipment]:
    """Their parcels with what is in them, first sent first."""
    wanted = select(Shipment).where(Shipment.fulfilment_id.in_(fulfilment_ids))
    loaded = wanted.options(selectinload(Shipment.lines)).order_by(Shipment.shipped_at, Shipment.id)
    return list(await session.scalars(loaded.execution_options(populate_existing=True)))


async def add(session: WriteSession, pieces: Mapping[int, int], **values: Any) -> int | None:
    """The id of a new parcel with these pieces (SKU to quantity); None when its number is taken."""
    statement = upsert(session, Shipment).values(**values).on_conflict_do_nothing().returning(Shipment.id)
    shipment_id = cast(int | None, await session.scalar(statement))
    if shipment_id is not None:
        await session.execute(
            insert(ShipmentLine),
            [
                {"shipment_id": shipment_id, "sku_id": sku_id, "quantity": quantity}
                for sku_id, quantity in sorted(pieces.items())
            ],
        )
    return shipment_id


async def ask_intercept(session: WriteSession, order_id: int, moment: datetime) -> list[tuple[int, str, str]]:
    """Mark the parcels of an order that are still on their way and not marked yet: id, carrier, number."""
    statement = (
        update(Shipment)
        .where(
            Shipment.order_id == order_id,
            Shipment.state.in_(("in_transit", "exception")),
            Shipment.intercept_at.is_(None),
        )
        .values(intercept_at=moment)
        .returning(Shipment.id, Shipment.carrier, Shipment.tracking_number)
    )
    return [(row[0], row[1], row[2]) for row in await session.execute(statement, execution_options=ALONE)]


async def note(session: WriteSession, shipment_id: int, at: datetime, place: str, text: str) -> None:
    await session.execute(
        insert(TrackingEvent).values(shipment_id=shipment_id, at=at, place=place, text=text)
    )


async def numbered(session: ReadSession, carrier: str, number: str) -> Shipment | None:
    """A parcel with what is in it, as the database has it now."""
    wanted = select(Shipment).where(Shipment.carrier == carrier, Shipment.tracking_number == number)
    loaded = wanted.options(selectinload(Shipment.lines)).execution_options(populate_existing=True)
    return await session.scalar(loaded)


async def hold(session: WriteSession, shipment_id: int) -> None:
    """Keep a parcel from others until this transaction ends."""
    await session.execute(select(Shipment.id).where(Shipment.id == shipment_id).with_for_update())


async def add_event(session: WriteSession, shipment_id: int, carrier: str, told: Tracked) -> bool:
    """Write down what a carrier tells; False when it told that before."""
    return await insert_once(
        session,
        TrackingEvent,
        shipment_id=shipment_id,
        carrier=carrier,
        event_id=told.event_id,
        at=told.at,
        place=told.place,
        text=told.text,
    )


async def hear(session: WriteSession, shipment_id: int, moment: datetime) -> None:
    """There was news of it."""
    await session.execute(
        update(Shipment).where(Shipment.id == shipment_id).values(heard_at=moment), execution_options=ALONE
    )


async def stand(session: WriteSession, shipment_id: int, state: str, at: datetime) -> bool:
    """Let a parcel be in `state` since `at`, unless something newer or final is known of it.

    The greater of (final or not, time, rank) wins, so any order of the same news ends alike.
    """
    final, rank = RANK[state]
    now_final = case({name: int(order[0]) for name, order in RANK.items()}, value=Shipment.state, else_=0)
    now_rank = case({name: order[1] for name, order in RANK.items()}, value=Shipment.state, else_=0)
    newer = or_(Shipment.state_at < at, (Shipment.state_at == at) & (now_rank < rank))
    statement = (
        update(Shipment)
        .where(
            Shipment.id == shipment_id,
            or_(now_final < int(final), (now_final == int(final)) & newer),
        )
        .values(state=state, state_at=at, delivered_at=at if state == "delivered" else None)
        .returning(Shipment.id)
    )
    return await session.scalar(statement, execution_options=ALONE) is not None


async def silent(
    session: ReadSession, carriers: Sequence[str], before: datetime, limit: int
) -> list[tuple[str, str]]:
    """Carrier and number of parcels on their way without news since then, the longest silent first."""
    wanted = (
        select(Shipment.carrier, Shipment.tracking_number)
        .where(Shipment.state.in_(ON_THE_WAY), Shipment.carrier.in_(carriers), Shipment.heard_at < before)
        .order_by(Shipment.heard_at, Shipment.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await session.execute(wanted)]


async def mark(session: WriteSession, ids: Sequence[int], name: str, moment: datetime) -> set[int]:
    """Set this moment of parcels that do not have it; which these are."""
    column = getattr(Shipment, name)
    marked = update(Shipment).where(Shipment.id.in_(ids), column.is_(None)).values({name: moment})
    found = await session.scalars(marked.returning(Shipment.id), execution_options=ALONE) if ids else ()
    return set(found)


async def lose(session: WriteSession, shipment_id: int, before: datetime, moment: datetime) -> bool:
    """Take a parcel as lost if it is on its way and had no news since then; whether it was one."""
    statement = (
        update(Shipment)
        .where(Shipment.id == shipment_id, Shipment.state.in_(ON_THE_WAY), Shipment.heard_at < before)
        .values(state="lost", state_at=moment)
        .returning(Shipment.id)
    )
    return await session.scalar(statement, execution_options=ALONE) is not None
