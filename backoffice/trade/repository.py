"""All SQL of the trade room but that of `history_repository`, by which orders change."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarResult, ScalarSelect, Select, case, func, select, update
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.ids import case_number
from backoffice.kit.paging import Page
from backoffice.trade.domain import order_of
from backoffice.trade.history_repository import QUIETLY, change
from backoffice.trade.models import (
    Invoice,
    InvoiceCorrection,
    Order,
    OrderGrant,
    OrderLine,
    OrderNumber,
    Payment,
    Refund,
)
from backoffice.users.identity import Shopper

REFUND_OPEN = ("requested", "processing", "failed")
REFUND_AT_HOME = ("requested", "failed")
"""No money moves, nor will before it is sent (again)."""


def visible_to(shopper: Shopper) -> ColumnElement[bool]:
    """A customer sees their own orders, a visitor those proved in this conversation."""
    if shopper.customer_id is not None:
        return Order.customer_id == shopper.customer_id
    return Order.id.in_(
        select(OrderGrant.order_id).where(OrderGrant.conversation_id == (shopper.conversation_id or ""))
    )


def id_of(number: str) -> ScalarSelect[int]:
    return select(OrderNumber.order_id).where(OrderNumber.number == number).scalar_subquery()


def whole() -> Select[Order]:
    """Orders with their lines, as the database has them now."""
    return select(Order).options(selectinload(Order.lines)).execution_options(populate_existing=True)


async def order(session: ReadSession, shopper: Shopper, number: str) -> Order | None:
    return await session.scalar(whole().where(Order.id == id_of(number), visible_to(shopper)))


async def owner(session: ReadSession, order_id: int) -> tuple[int, str] | None:
    row = await session.execute(select(Order.customer_id, Order.number).where(Order.id == order_id))
    found = row.one_or_none()
    return (found.customer_id, found.number) if found else None


async def any_order(session: ReadSession, number: str) -> Order | None:
    """An order, whoever's it is."""
    return await session.scalar(whole().where(Order.id == id_of(number)))


async def delivered_before(session: ReadSession, moment: datetime, limit: int) -> Sequence[Order]:
    """Orders that were delivered by then and are not completed, the oldest first."""
    found = select(Order).where(Order.state == "delivered", Order.delivered_at <= moment)
    return (await session.scalars(found.order_by(Order.delivered_at, Order.id).limit(limit))).all()


async def order_by_id(session: ReadSession, order_id: int) -> Order | None:
    """An order, whoever's it is."""
    return await session.scalar(whole().where(Order.id == order_id))


async def phone_of(session: ReadSession, number: str) -> tuple[int, str] | None:
    """Id and phone of an order, whoever's it is: for proving that it is the asker's."""
    row = (
        await session.execute(select(Order.id, Order.phone).where(Order.id == id_of(number)))
    ).one_or_none()
    return (row.id, row.phone) if row else None


def mine(shopper: Shopper, state: str | None) -> list[ColumnElement[bool]]:
    return [visible_to(shopper), *([Order.state == state] if state else [])]


async def orders(session: ReadSession, shopper: Shopper, state: str | None, page: Page) -> list[Order]:
    """A page of the shopper's orders, newest first."""
    newest = whole().where(*mine(shopper, state)).order_by(Order.placed_at.desc(), Order.id.desc())
    return list(await session.scalars(newest.limit(page.limit).offset(page.offset)))


async def count_orders(session: ReadSession, shopper: Shopper, state: str | None) -> int:
    counted = select(func.count()).select_from(Order).where(*mine(shopper, state))
    return await session.scalar(counted) or 0


async def order_ids(session: ReadSession, shopper: Shopper, limit: int) -> dict[int, str]:
    """The numbers of the shopper's newest orders by id."""
    newest = select(Order.id, Order.number).where(visible_to(shopper)).order_by(Order.placed_at.desc())
    rows = await session.execute(newest.order_by(Order.id.desc()).limit(limit))
    return {row.id: row.number for row in rows}


async def lines(session: ReadSession, line_ids: Sequence[int]) -> list[tuple[OrderLine, Order]]:
    statement = (
        select(OrderLine, Order)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.order_id.in_({order_of(id) for id in line_ids}), OrderLine.id.in_(line_ids))
        .execution_options(populate_existing=True)
    )
    return [(line, order) for line, order in await session.execute(statement)]


async def done(session: WriteSession, statement: ReturningUpdate[int] | ReturningInsert[int]) -> bool:
    """Whether a conditional statement touched its row. Objects already read keep what they showed."""
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def urge(session: WriteSession, order_id: int, by: str, moment: datetime) -> bool:
    return await change(session, order_id, "urged", by, urges=Order.urges + 1, urged_at=moment)


async def ask_back(session: WriteSession, order_id: int, by: str, moment: datetime) -> bool:
    """Note that a shipped order's parcel shall be stopped; False when it is noted or not on its way."""
    not_asked = Order.intercept_at.is_(None)
    return await change(session, order_id, "intercept_asked", by, not_asked, intercept_at=moment)


async def restore(session: WriteSession, order_id: int, by: str) -> bool:
    """Put an order that was cancelled before it was shipped back to where it was."""
    before = case((Order.paid_at.is_(None), "unpaid"), else_="paid")
    return await change(session, order_id, "restored", by, state=before, cancel_reason="", cancelled_at=None)


async def payments(session: ReadSession, order_ids: Sequence[int]) -> dict[int, list[Payment]]:
    statement = select(Payment).where(Payment.order_id.in_(order_ids)).order_by(Payment.at, Payment.id)
    return by_order(await session.scalars(statement.execution_options(populate_existing=True)))


async def refunds(session: ReadSession, order_ids: Sequence[int]) -> dict[int, list[Refund]]:
    """The refunds of each order, newest first."""
    newest = select(Refund).where(Refund.order_id.in_(order_ids)).order_by(Refund.requested_at.desc())
    statement = newest.order_by(Refund.id.desc()).execution_options(populate_existing=True)
    return by_order(await session.scalars(statement))


async def invoices(session: ReadSession, order_ids: Sequence[int]) -> dict[int, Invoice]:
    statement = select(Invoice).where(Invoice.order_id.in_(order_ids))
    found = await session.scalars(statement.execution_options(populate_existing=True))
    return {invoice.order_id: invoice for invoice in found}


async def corrections(
    session: ReadSession, order_ids: Collection[int]
) -> defaultdict[int, list[InvoiceCorrection]]:
    """The red invoices of each order, the first first."""
    found: defaultdict[int, list[InvoiceCorrection]] = defaultdict(list)
    if order_ids:
        reds = select(InvoiceCorrection).where(InvoiceCorrection.order_id.in_(order_ids))
        for each in await session.scalars(reds.order_by(InvoiceCorrection.id)):
            found[each.order_id].append(each)
    return found


def by_order(rows: ScalarResult[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


async def promise_back(session: WriteSession, payment_id: int, amount_fen: int) -> bool:
    """Set an amount of a payment aside to be paid back, if that much is left of it."""
    statement = (
        update(Payment)
        .where(Payment.id == payment_id, Payment.refunded_fen + amount_fen <= Payment.amount_fen)
        .values(refunded_fen=Payment.refunded_fen + amount_fen)
        .returning(Payment.id)
    )
    return await done(session, statement)


async def add_refund(session: WriteSession, moment: datetime, **values: Any) -> str:
    """Write a refund under a number of its own; the number."""
    while True:
        number = case_number("F", moment)
        if await insert_once(session, Refund, number=number, requested_at=moment, **values):
            return number


async def withdraw_refund(session: WriteSession, refund: Refund) -> bool:
    """Take back a refund that no provider is at, and what was set aside for it."""
    by_hand = (Refund.state == "processing") & Refund.due_at.is_(None)
    statement = (
        update(Refund)
        .where(Refund.id == refund.id, Refund.state.in_(REFUND_AT_HOME) | by_hand)
        .values(state="withdrawn", due_at=None)
        .returning(Refund.id)
    )
    if not await done(session, statement):
        return False
    covered = (
        update(Payment)
        .where(Payment.id == refund.payment_id)
        .values(refunded_fen=Payment.refunded_fen - refund.amount_fen)
        .returning(Payment.id)
    )
    return await done(session, covered)


async def change_line(
    session: WriteSession, line_id: int, *guards: ColumnElement[bool], **values: Any
) -> dict[str, Any] | None:
    """Change a line of an order that is held, if the guards let it; the columns as they are then.

    What comes back belongs into the order's history.
    """
    statement = (
        update(OrderLine)
        .where(OrderLine.order_id == order_of(line_id), OrderLine.id == line_id, *guards)
        .values(**values)
        .returning(*(getattr(OrderLine, name) for name in values))
    )
    changed = (await session.execute(statement, execution_options=QUIETLY)).one_or_none()
    return dict(zip(values, changed, strict=True)) if changed else None


async def protect(
    session: WriteSession, line_id: int, already_fen: int, amount_fen: int
) -> dict[str, Any] | None:
    """Note what price protection gives back for a line, if nobody did so meanwhile."""
    untouched = (OrderLine.protected_fen == already_fen, OrderLine.returned == 0)
    return await change_line(session, line_id, *untouched, protected_fen=already_fen + amount_fen)


async def take_back(session: WriteSession, line_id: int, pieces: int) -> dict[str, Any] | None:
    """Count pieces of a line as returned (negative: no longer), if it has that many."""
    after = OrderLine.returned + pieces
    enough = (after >= 0, after + OrderLine.cancelled <= OrderLine.quantity)
    return await change_line(session, line_id, *enough, returned=after)


async def put_invoice(session: WriteSession, order_id: int, moment: datetime, **values: Any) -> bool:
    """Ask for an order's invoice or change what was asked; False once it is issued."""
    statement = (
        upsert(session, Invoice)
        .values(
            number=case_number("I", moment),
            order_id=order_id,
            state="requested",
            requested_at=moment,
            **values,
        )
        .on_conflict_do_update(
            index_elements=["order_id"],
            set_=values | {"requested_at": moment},
            where=Invoice.state == "requested",
        )
        .returning(Invoice.id)
    )
    return await done(session, statement)


async def issue_invoice(session: WriteSession, invoice_id: int, amount_fen: int, moment: datetime) -> bool:
    """Issue what was asked for; False when it is issued."""
    statement = (
        update(Invoice)
        .where(Invoice.id == invoice_id, Invoice.state == "requested")
        .values(state="issued", amount_fen=amount_fen, issued_at=moment)
        .returning(Invoice.id)
    )
    return await done(session, statement)


async def add_correction(session: WriteSession, order_id: int, amount_fen: int, moment: datetime) -> str:
    """Write a red invoice under a number of its own; the number."""
    values = {"order_id": order_id, "amount_fen": amount_fen, "issued_at": moment}
    while True:
        number = case_number("I", moment)
        if await insert_once(session, InvoiceCorrection, number=number, **values):
            return number


async def grant(session: WriteSession, conversation_id: str, order_id: int, moment: datetime) -> None:
    await insert_once(session, OrderGrant, conversation_id=conversation_id, order_id=order_id, at=moment)
