"""The SQL that changes orders: whatever changes one adds the event that tells it, in the same transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, inspect, select, update

from backoffice.kit.database import Base, ReadSession, WriteSession
from backoffice.kit.time import now
from backoffice.kit.together import missing
from backoffice.trade.history import VERBS, Event, Kind, Lines, Standing, told
from backoffice.trade.models import Order, OrderEvent

QUIETLY = {"synchronize_session": False}
"""Objects already read keep what they showed."""
KEYS = ("id", "order_id", "version")


async def change(
    session: WriteSession,
    order_id: int,
    kind: Kind,
    by: str,
    *guards: ColumnElement[bool],
    states: Sequence[str] | None = None,
    lines: Lines | None = None,
    detail: Mapping[str, Any] | None = None,
    **values: Any,
) -> bool:
    """Do something to an order if its state and the guards let it happen, and tell it; whether it happened.

    `states` narrows those that `VERBS` names; the state to which the verb always leads is set here. `lines`
    are columns of lines that this transaction has changed, having held the order before.
    """
    verb = VERBS[kind]
    if verb.to:
        values["state"] = verb.to
    statement = (
        update(Order)
        .where(Order.id == order_id, Order.state.in_(states or verb.states), *guards)
        .values(version=Order.version + 1, **values)
        .returning(Order.version, *(getattr(Order, name) for name in values))
    )
    row = (await session.execute(statement, execution_options=QUIETLY)).one_or_none()
    if row is None:
        return False
    sequence, *changed = row
    payload: dict[str, Any] = {"order": told(dict(zip(values, changed, strict=True)))}
    payload["lines"] = {id: told(line) for id, line in (lines or {}).items()}
    payload["detail"] = told(detail or {})
    happened = {"order_id": order_id, "sequence": sequence, "kind": kind, "at": now(), "by": by}
    await session.execute(insert(OrderEvent).values(payload=payload, **happened))
    return True


async def record(
    session: WriteSession,
    order_id: int,
    kind: Kind,
    by: str,
    lines: Lines | None = None,
    **detail: Any,
) -> None:
    """Tell what was changed of an order's lines or beside it by this transaction.

    Raises `LookupError` when the order is in no state in which that happens.
    """
    if not await change(session, order_id, kind, by, lines=lines, detail=detail):
        raise LookupError(f"{kind!r} cannot happen to order {order_id}")


async def hold(session: WriteSession, order_id: int, states: Sequence[str]) -> bool:
    """Keep an order in its state, one of `states`, until this transaction ends."""
    statement = (
        update(Order)
        .where(Order.id == order_id, Order.state.in_(states))
        .values(state=Order.state)
        .returning(Order.id)
    )
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def events(session: ReadSession, order_id: int) -> list[Event]:
    """What has happened to an order, the first first."""
    rows = await session.scalars(
        select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.sequence)
    )
    return [
        Event(
            sequence=row.sequence,
            kind=row.kind,
            at=row.at,
            by=row.by,
            order=row.payload["order"],
            lines={int(id): line for id, line in row.payload["lines"].items()},
            detail=row.payload.get("detail", {}),
        )
        for row in rows
    ]


async def last(session: ReadSession, order_id: int, kind: Kind) -> datetime | None:
    """When this last happened to an order."""
    which = (OrderEvent.order_id == order_id, OrderEvent.kind == kind)
    return await session.scalar(select(func.max(OrderEvent.at)).where(*which))


async def count(session: ReadSession, order_id: int, kind: Kind) -> int:
    """How often this has happened to an order."""
    which = (OrderEvent.order_id == order_id, OrderEvent.kind == kind)
    return await session.scalar(select(func.count()).select_from(OrderEvent).where(*which)) or 0


def standing(order: Order) -> Standing:
    """How an order, read with its lines, stands."""
    return Standing(columns(order), {line.id: columns(line) for line in order.lines})


def columns(row: Base) -> dict[str, Any]:
    names = (column.key for column in inspect(type(row)).column_attrs)
    return told({name: getattr(row, name) for name in names if name not in KEYS})


def columns_as_written(model: type[Base], row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that is just being written."""
    table = Base.metadata.tables[model.__tablename__]
    whole = dict.fromkeys(table.columns.keys()) | missing(table, row) | dict(row)
    return told({name: value for name, value in whole.items() if name not in KEYS})
