"""All SQL of fulfilments. Changes of state are conditional: they say whether they happened."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.orm import selectinload

from backoffice.fulfillment.fulfilment_schemas import FulfilmentState
from backoffice.fulfillment.models import AT_WORK, Fulfilment, FulfilmentLine, LocationStaff
from backoffice.fulfillment.stages import COMES_FROM, OVER
from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.paging import Page

ALONE = {"synchronize_session": False}


async def add(session: WriteSession, order_id: int, part: str, **values: Any) -> int | None:
    """The id of a new part of an order; None when there is one of that name."""
    statement = (
        upsert(session, Fulfilment)
        .values(order_id=order_id, part=part, **values)
        .on_conflict_do_nothing()
        .returning(Fulfilment.id)
    )
    return cast(int | None, await session.scalar(statement))


async def add_lines(session: WriteSession, fulfilment_id: int, pieces: Mapping[int, int]) -> None:
    await session.execute(
        insert(FulfilmentLine),
        [
            {"fulfilment_id": fulfilment_id, "sku_id": sku_id, "quantity": quantity}
            for sku_id, quantity in sorted(pieces.items())
        ],
    )


async def find(session: ReadSession, *where: ColumnElement[bool]) -> list[Fulfilment]:
    """Those with their lines, as the database has them now, by id."""
    wanted = select(Fulfilment).where(*where).options(selectinload(Fulfilment.lines)).order_by(Fulfilment.id)
    return list(await session.scalars(wanted.execution_options(populate_existing=True)))


async def one(session: ReadSession, fulfilment_id: int) -> Fulfilment | None:
    return next(iter(await find(session, Fulfilment.id == fulfilment_id)), None)


async def of_orders(session: ReadSession, order_ids: Collection[int]) -> list[Fulfilment]:
    return await find(session, Fulfilment.order_id.in_(order_ids))


async def held(session: WriteSession, fulfilment_id: int) -> Fulfilment | None:
    """One with its lines, kept from others until this transaction ends."""
    await session.execute(
        select(Fulfilment.id).where(Fulfilment.id == fulfilment_id).with_for_update(),
    )
    return await one(session, fulfilment_id)


async def held_of(session: WriteSession, order_id: int) -> list[Fulfilment]:
    """All parts of an order with their lines, kept from others until this transaction ends."""
    every = select(Fulfilment.id).where(Fulfilment.order_id == order_id).order_by(Fulfilment.id)
    await session.execute(every.with_for_update())
    return await of_orders(session, [order_id])


async def move(
    session: WriteSession,
    fulfilment_id: int,
    to: FulfilmentState,
    moment: datetime,
    *guards: ColumnElement[bool],
    **values: Any,
) -> bool:
    """Move one on to `to` from where that comes from, if the guards hold too."""
    if to in OVER:
        values["ended_at"] = moment
    statement = (
        update(Fulfilment)
        .where(Fulfilment.id == fulfilment_id, Fulfilment.state.in_(COMES_FROM[to]), *guards)
        .values(state=to, **values)
        .returning(Fulfilment.id)
    )
    return await session.scalar(statement, execution_options=ALONE) is not None


async def send(
    session: WriteSession, fulfilment_id: int, pieces: Mapping[int, int]
) -> FulfilmentState | None:
    """Count pieces (SKU to quantity) as left; its state then, None unless it is packed and has them."""
    count = sum(pieces.values())
    after = Fulfilment.sent + count
    statement = (
        update(Fulfilment)
        .where(
            Fulfilment.id == fulfilment_id,
            Fulfilment.state == "packed",
            after <= Fulfilment.pieces,
        )
        .values(sent=after, state=case((after == Fulfilment.pieces, "shipped"), else_=Fulfilment.state))
        .returning(Fulfilment.state)
    )
    state = cast(FulfilmentState | None, await session.scalar(statement, execution_options=ALONE))
    if state is None:
        return None
    for sku_id, quantity in sorted(pieces.items()):
        line = (
            update(FulfilmentLine)
            .where(
                FulfilmentLine.fulfilment_id == fulfilment_id,
                FulfilmentLine.sku_id == sku_id,
                FulfilmentLine.sent + quantity <= FulfilmentLine.quantity,
            )
            .values(sent=FulfilmentLine.sent + quantity)
            .returning(FulfilmentLine.sku_id)
        )
        if await session.scalar(line, execution_options=ALONE) is None:
            return None
    return state


async def settle(session: WriteSession, fulfilment_id: int, to: FulfilmentState, moment: datetime) -> bool:
    """What was sent is `to` now; whether it was not before. A lost parcel that is found changes it again."""
    statement = (
        update(Fulfilment)
        .where(
            Fulfilment.id == fulfilment_id,
            Fulfilment.state.in_(("shipped", "delivered", "lost", "returned")),
            Fulfilment.state != to,
        )
        .values(state=to, ended_at=moment if to in OVER else None)
        .returning(Fulfilment.id)
    )
    return await session.scalar(statement, execution_options=ALONE) is not None


async def hand_over(session: WriteSession, fulfilment_id: int, moment: datetime) -> bool:
    """All of it goes to who came for it."""
    if not await move(session, fulfilment_id, "collected", moment, sent=Fulfilment.pieces):
        return False
    lines = update(FulfilmentLine).where(FulfilmentLine.fulfilment_id == fulfilment_id)
    await session.execute(lines.values(sent=FulfilmentLine.quantity), execution_options=ALONE)
    return True


async def note_late(session: WriteSession, moment: datetime, limit: int) -> list[int]:
    """Mark what is late now and was not before, some of it at most; the ids."""
    late = (
        select(Fulfilment.id)
        .where(
            AT_WORK,
            Fulfilment.late_at.is_(None),
            or_(
                and_(Fulfilment.state == "planned", Fulfilment.accept_by < moment),
                and_(Fulfilment.state.in_(("accepted", "packed")), Fulfilment.leave_by < moment),
            ),
        )
        .order_by(Fulfilment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    marked = (
        update(Fulfilment)
        .where(Fulfilment.id.in_(late), Fulfilment.late_at.is_(None))
        .values(late_at=moment)
        .returning(Fulfilment.id)
    )
    return sorted(await session.scalars(marked, execution_options=ALONE))


async def uncollected(session: ReadSession, moment: datetime, limit: int) -> Sequence[int]:
    """Pickups that have waited long enough."""
    waited = select(Fulfilment.id).where(
        AT_WORK, Fulfilment.state == "ready_for_pickup", Fulfilment.hold_until <= moment
    )
    return (await session.scalars(waited.order_by(Fulfilment.id).limit(limit))).all()


async def worklist(
    session: ReadSession, locations: Collection[int] | None, states: Sequence[str], page: Page
) -> tuple[list[Fulfilment], int]:
    """A page of those at these locations (None: at all), what must leave first on top; how many there are."""
    wanted = [Fulfilment.state.in_(states)] if states else []
    if locations is not None:
        wanted.append(Fulfilment.location_id.in_(locations))
    total = await session.scalar(select(func.count()).select_from(Fulfilment).where(*wanted)) or 0
    shown = select(Fulfilment).where(*wanted).options(selectinload(Fulfilment.lines))
    first = shown.order_by(Fulfilment.leave_by, Fulfilment.id).limit(page.limit).offset(page.offset)
    return list(await session.scalars(first)), total


async def readdress(session: WriteSession, order_id: int, **values: Any) -> None:
    """Change where those parts of an order go that are not packed."""
    waiting = Fulfilment.state.in_(("planned", "accepted")) & (Fulfilment.kind != "store_pickup")
    await session.execute(
        update(Fulfilment).where(Fulfilment.order_id == order_id, waiting).values(**values),
        execution_options=ALONE,
    )


async def workplaces(session: ReadSession, staff_id: int) -> set[int]:
    return set(
        await session.scalars(
            select(LocationStaff.location_id).where(LocationStaff.staff_id == staff_id),
        )
    )


async def set_workplaces(session: WriteSession, staff_id: int, location_ids: Collection[int]) -> None:
    await session.execute(delete(LocationStaff).where(LocationStaff.staff_id == staff_id))
    for location_id in sorted(location_ids):
        await insert_once(session, LocationStaff, staff_id=staff_id, location_id=location_id)
