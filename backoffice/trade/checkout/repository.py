"""All SQL of carts, quotes and the placing of orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, case, delete, func, insert, select, text, type_coerce, update

from backoffice.inventory.schemas import Pick
from backoffice.kit.database import Base, ReadSession, UtcDateTime, WriteSession, insert_once, upsert
from backoffice.kit.ids import order_number
from backoffice.kit.time import now
from backoffice.kit.together import write_rows
from backoffice.trade.checkout.models import CartLine, ChannelOrder, StoredQuote
from backoffice.trade.checkout.schemas import MOST_PIECES
from backoffice.trade.domain import line_id
from backoffice.trade.history_repository import QUIETLY, columns_as_written
from backoffice.trade.models import Order, OrderEvent, OrderLine, OrderNumber


async def cart(session: ReadSession, owner: str) -> dict[int, int]:
    """SKU to pieces, what was put in first first."""
    rows = await session.execute(
        select(CartLine.sku_id, CartLine.quantity)
        .where(CartLine.owner == owner)
        .order_by(CartLine.added_at, CartLine.sku_id)
    )
    return {sku_id: quantity for sku_id, quantity in rows}


async def put(session: WriteSession, owner: str, sku_id: int, quantity: int, add: bool = False) -> None:
    """Set the pieces of a SKU in a cart, or add to them up to `MOST_PIECES`; none takes it out."""
    if not quantity:
        line = (CartLine.owner == owner) & (CartLine.sku_id == sku_id)
        await session.execute(delete(CartLine).where(line))
        return
    both = CartLine.quantity + quantity
    after = case((both > MOST_PIECES, MOST_PIECES), else_=both) if add else quantity
    await session.execute(
        upsert(session, CartLine)
        .values(owner=owner, sku_id=sku_id, quantity=quantity, added_at=now())
        .on_conflict_do_update(index_elements=["owner", "sku_id"], set_={"quantity": after})
    )


async def empty(session: WriteSession, owner: str) -> dict[int, int]:
    """Take everything out of a cart: SKU to pieces, by SKU."""
    statement = delete(CartLine).where(CartLine.owner == owner).returning(CartLine.sku_id, CartLine.quantity)
    rows = await session.execute(statement, execution_options=QUIETLY)
    return dict(sorted((sku_id, quantity) for sku_id, quantity in rows))


async def add_quote(session: WriteSession, **values: Any) -> None:
    await session.execute(insert(StoredQuote).values(**values))


async def quote(session: ReadSession, id: str, owner: str) -> StoredQuote | None:
    return await session.scalar(select(StoredQuote).where(StoredQuote.id == id, StoredQuote.owner == owner))


async def add_channel_order(session: WriteSession, channel: str, reference: str, number: str) -> bool:
    """Note a channel's own number of an order; False when it stands for another."""
    named = {"channel": channel, "reference": reference, "order_number": number}
    return await insert_once(session, ChannelOrder, **named, at=now())


async def channel_order(session: ReadSession, channel: str, reference: str) -> str | None:
    """Our number of a channel's order."""
    found = (ChannelOrder.channel == channel, ChannelOrder.reference == reference)
    return await session.scalar(select(ChannelOrder.order_number).where(*found))


OPEN = text(
    """
WITH used AS (
    UPDATE quotes SET used_at = :moment
    WHERE id = :quote_id AND owner = :owner AND used_at IS NULL AND expires_at > :moment
    RETURNING content
), opened AS (
    SELECT nextval('orders_id_seq') AS order_id, content FROM used
), numbered AS (
    INSERT INTO order_numbers (number, order_id) SELECT :number, order_id FROM opened
    ON CONFLICT DO NOTHING RETURNING number
)
SELECT order_id, CAST(content AS text), (SELECT number FROM numbered) AS number FROM opened
"""
).bindparams(bindparam("moment", type_=UtcDateTime()))
QUOTES = Base.metadata.tables[StoredQuote.__tablename__]
USE = (
    update(QUOTES)
    .where(
        QUOTES.c.id == bindparam("quote_id"),
        QUOTES.c.owner == bindparam("of_owner"),
        QUOTES.c.used_at.is_(None),
        QUOTES.c.expires_at > bindparam("moment"),
    )
    .values(used_at=bindparam("moment"))
    .returning(type_coerce(QUOTES.c.content, Text))
)


class Opened(NamedTuple):
    """A used quote's content as JSON, and the id and number of the order that is made of it."""

    order_id: int
    number: str
    content: str


async def open_order(session: WriteSession, quote_id: str, owner: str, moment: datetime) -> Opened | None:
    """Use up an owner's quote for an order still to be written; None: it is used, expired or not theirs."""
    number = order_number(moment)
    if session.get_bind().dialect.name == "postgresql":
        values = {"quote_id": quote_id, "owner": owner, "moment": moment, "number": number}
        row = (await session.execute(OPEN, values)).one_or_none()
        if row is None:
            return None
        order_id, content, numbered = row
    else:
        content = await session.scalar(USE, {"quote_id": quote_id, "of_owner": owner, "moment": moment})
        if content is None:
            return None
        order_id = (await session.scalar(select(func.max(Order.id))) or 0) + 1
        numbered = await insert_once(session, OrderNumber, number=number, order_id=order_id)
    while not numbered:
        number = order_number(moment)
        numbered = await insert_once(session, OrderNumber, number=number, order_id=order_id)
    return Opened(order_id, number, content)


async def begin(
    session: WriteSession,
    order: dict[str, Any],
    by: str,
    lines: Sequence[dict[str, Any]],
    picks: Sequence[Pick],
) -> None:
    """Write an opened order with its lines and the event that it was placed."""
    order_id = order["id"]
    rows = [
        {"id": line_id(order_id, place), "order_id": order_id, **line} for place, line in enumerate(lines, 1)
    ]
    await write_rows(session, Order, order)
    await write_rows(session, OrderLine, *rows)
    bought = {row["id"]: columns_as_written(OrderLine, row) for row in rows}
    payload = {"order": columns_as_written(Order, order), "lines": bought, "detail": {"picks": picks}}
    placed = {"sequence": 1, "kind": "placed", "at": order["placed_at"], "by": by}
    await write_rows(session, OrderEvent, {"order_id": order_id, "payload": payload, **placed})
