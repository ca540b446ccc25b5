"""All SQL of the trade room. Changes of state are conditional: they say whether they happened."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarResult, Select, case, func, or_, select, update
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.ids import case_number
from backoffice.kit.paging import Page
from backoffice.trade.models import (
    Coupon,
    CouponClaim,
    Invoice,
    Order,
    OrderGrant,
    OrderLine,
    Payment,
    Refund,
)
from backoffice.users.identity import Shopper

REFUND_OPEN = ("requested", "processing", "failed")


def visible_to(shopper: Shopper) -> ColumnElement[bool]:
    """A customer sees their own orders, a visitor those proved in this conversation."""
    if shopper.customer_id is not None:
        return Order.customer_id == shopper.customer_id
    return Order.id.in_(
        select(OrderGrant.order_id).where(OrderGrant.conversation_id == (shopper.conversation_id or ""))
    )


def whole() -> Select[Order]:
    """Orders with their lines, as the database has them now."""
    return select(Order).options(selectinload(Order.lines)).execution_options(populate_existing=True)


async def order(session: ReadSession, shopper: Shopper, number: str) -> Order | None:
    return await session.scalar(whole().where(Order.number == number, visible_to(shopper)))


async def phone_of(session: ReadSession, number: str) -> tuple[int, str] | None:
    """Id and phone of an order, whoever's it is: for proving that it is the asker's."""
    row = (await session.execute(select(Order.id, Order.phone).where(Order.number == number))).one_or_none()
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
        .where(OrderLine.id.in_(line_ids))
        .execution_options(populate_existing=True)
    )
    return [(line, order) for line, order in await session.execute(statement)]


async def done(session: WriteSession, statement: ReturningUpdate[int] | ReturningInsert[int]) -> bool:
    """Whether a conditional statement touched its row. Objects already read keep what they showed."""
    options = {"synchronize_session": False}
    return await session.scalar(statement, execution_options=options) is not None


async def change(session: WriteSession, order_id: int, states: Sequence[str], **values: Any) -> bool:
    """Change an order if it is in one of `states`."""
    statement = (
        update(Order)
        .where(Order.id == order_id, Order.state.in_(states))
        .values(**values)
        .returning(Order.id)
    )
    return await done(session, statement)


async def hold(session: WriteSession, order_id: int, states: Sequence[str]) -> bool:
    """Keep an order in its state, one of `states`, until this transaction ends."""
    return await change(session, order_id, states, state=Order.state)


async def urge(session: WriteSession, order_id: int, moment: datetime) -> bool:
    return await change(session, order_id, ["paid"], urges=Order.urges + 1, urged_at=moment)


async def ask_back(session: WriteSession, order_id: int, moment: datetime) -> bool:
    """Note that a shipped order's parcel shall be stopped; False when it is noted or not on its way."""
    statement = (
        update(Order)
        .where(Order.id == order_id, Order.state == "shipped", Order.intercept_at.is_(None))
        .values(intercept_at=moment)
        .returning(Order.id)
    )
    return await done(session, statement)


async def restore(session: WriteSession, order_id: int) -> bool:
    """Put a cancelled order back to where it was before it was shipped."""
    before = case((Order.paid_at.is_(None), "unpaid"), else_="paid")
    cleared = {"cancelled_at": None, "cancel_reason": "", "shipped_at": None, "intercept_at": None}
    return await change(session, order_id, ["cancelled"], state=before, **cleared)


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
    """Take back a refund that is not settled, and what was set aside for it."""
    statement = (
        update(Refund)
        .where(Refund.id == refund.id, Refund.state.in_(REFUND_OPEN))
        .values(state="withdrawn")
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


async def protect(session: WriteSession, line_id: int, already_fen: int, amount_fen: int) -> bool:
    """Note what price protection gives back for a line, if nobody did so meanwhile."""
    statement = (
        update(OrderLine)
        .where(OrderLine.id == line_id, OrderLine.protected_fen == already_fen, OrderLine.returned == 0)
        .values(protected_fen=already_fen + amount_fen)
        .returning(OrderLine.id)
    )
    return await done(session, statement)


async def take_back(session: WriteSession, line_id: int, pieces: int) -> bool:
    """Count pieces of a line as returned (negative: no longer); False when it has not that many."""
    after = OrderLine.returned + pieces
    statement = (
        update(OrderLine)
        .where(OrderLine.id == line_id, after >= 0, after <= OrderLine.quantity)
        .values(returned=after)
        .returning(OrderLine.id)
    )
    return await done(session, statement)


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


async def grant(session: WriteSession, conversation_id: str, order_id: int, moment: datetime) -> None:
    await insert_once(session, OrderGrant, conversation_id=conversation_id, order_id=order_id, at=moment)


async def coupons(
    session: ReadSession, customer_id: int | None, moment: datetime
) -> list[tuple[Coupon, bool, bool]]:
    """The running coupons, each with whether the customer has claimed it and whether it is still unused."""
    claim = (CouponClaim.coupon_id == Coupon.id) & (CouponClaim.customer_id == customer_id)
    statement = (
        select(
            Coupon,
            CouponClaim.coupon_id.is_not(None),
            or_(CouponClaim.order_id.is_(None), Order.state == "cancelled"),
        )
        .outerjoin(CouponClaim, claim)
        .outerjoin(Order, Order.id == CouponClaim.order_id)
        .where(Coupon.starts_at <= moment, Coupon.ends_at > moment)
        .order_by(Coupon.off_fen.desc(), Coupon.id)
    )
    return [(row[0], bool(row[1]), bool(row[2])) for row in await session.execute(statement)]
