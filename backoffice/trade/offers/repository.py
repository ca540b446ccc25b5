"""All SQL of promotions and coupons. Their rows are locked by rising id, the row before its redemptions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.paging import Page
from backoffice.trade.history_repository import QUIETLY
from backoffice.trade.models import Order
from backoffice.trade.offers.models import CouponClaim, OfferVersion, Redemption, StoredOffer


def whole(*where: ColumnElement[bool]) -> Select[StoredOffer, OfferVersion]:
    """Offers with the version that runs, as the database has them now."""
    version = and_(OfferVersion.offer_id == StoredOffer.id, OfferVersion.version == StoredOffer.version)
    found = select(StoredOffer, OfferVersion).join(OfferVersion, version).where(*where)
    return found.order_by(StoredOffer.id).execution_options(populate_existing=True)


async def rows(
    session: ReadSession, statement: Select[StoredOffer, OfferVersion]
) -> list[tuple[StoredOffer, OfferVersion]]:
    return [(row[0], row[1]) for row in await session.execute(statement)]


async def offer(session: ReadSession, offer_id: int) -> tuple[StoredOffer, OfferVersion] | None:
    return next(iter(await rows(session, whole(StoredOffer.id == offer_id))), None)


async def running(
    session: ReadSession, source: str, moment: datetime, customer_id: int | None = None
) -> list[tuple[StoredOffer, OfferVersion]]:
    """Those that can still be had at a moment, by the customer if one is named."""
    where: list[ColumnElement[bool]] = [
        StoredOffer.source == source,
        StoredOffer.active.is_(True),
        OfferVersion.starts_at <= moment,
        OfferVersion.ends_at > moment,
        or_(StoredOffer.quota.is_(None), StoredOffer.taken < StoredOffer.quota),
    ]
    if customer_id is not None:
        where.append(
            or_(StoredOffer.per_customer.is_(None), uses(customer_id) < StoredOffer.per_customer),
        )
    return await rows(session, whole(*where))


def uses(customer_id: int) -> Any:
    """In how many orders an offer counts for a customer, where their number is limited."""
    return (
        select(func.count(Redemption.slot))
        .where(Redemption.offer_id == StoredOffer.id, Redemption.customer_id == customer_id)
        .correlate(StoredOffer)
        .scalar_subquery()
    )


async def pocket(
    session: ReadSession, customer_id: int, coupon_id: int | None = None
) -> list[tuple[OfferVersion, bool]]:
    """The coupons a customer took, as they were then, each with whether it is unused."""
    version = and_(
        OfferVersion.offer_id == CouponClaim.coupon_id, OfferVersion.version == CouponClaim.version
    )
    used = (
        select(Redemption.id)
        .where(
            Redemption.offer_id == CouponClaim.coupon_id,
            Redemption.customer_id == customer_id,
            Redemption.given_back_at.is_(None),
        )
        .exists()
    )
    statement = select(OfferVersion, ~used).join(CouponClaim, version).order_by(OfferVersion.offer_id)
    statement = statement.where(CouponClaim.customer_id == customer_id)
    if coupon_id is not None:
        statement = statement.where(CouponClaim.coupon_id == coupon_id)
    return [(row[0], bool(row[1])) for row in await session.execute(statement)]


async def has_ordered(session: ReadSession, customer_id: int) -> bool:
    """Whether a customer has an order that was not cancelled."""
    kept = select(Order.id).where(Order.customer_id == customer_id, Order.state != "cancelled")
    return await session.scalar(kept.limit(1)) is not None


async def claim(session: WriteSession, coupon_id: int, customer_id: int, version: int, at: datetime) -> bool:
    """Put a coupon into a customer's pocket; False when it is there."""
    return await insert_once(
        session, CouponClaim, coupon_id=coupon_id, customer_id=customer_id, version=version, claimed_at=at
    )


async def count_up(session: WriteSession, offer_id: int, *guards: ColumnElement[bool]) -> bool:
    """Count one more of an offer with a quota; False when there is none left."""
    statement = (
        update(StoredOffer)
        .where(StoredOffer.id == offer_id, StoredOffer.taken < StoredOffer.quota, *guards)
        .values(taken=StoredOffer.taken + 1)
        .returning(StoredOffer.id)
    )
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def count_down(session: WriteSession, offer_id: int) -> None:
    """Count one order fewer of a promotion, if it is counted; a coupon given back is still taken."""
    statement = update(StoredOffer).where(
        StoredOffer.id == offer_id,
        StoredOffer.source == "promotion",
        StoredOffer.quota.is_not(None),
        StoredOffer.taken > 0,
    )
    await session.execute(statement.values(taken=StoredOffer.taken - 1), execution_options=QUIETLY)


async def limits(session: ReadSession, ids: Sequence[int]) -> list[StoredOffer]:
    statement = select(StoredOffer).where(StoredOffer.id.in_(ids)).order_by(StoredOffer.id)
    return list(await session.scalars(statement.execution_options(populate_existing=True)))


async def redeem(session: WriteSession, **values: Any) -> bool:
    """Note that an offer counts in an order; False when the customer's slot is taken."""
    return await insert_once(session, Redemption, **values)


async def redemptions(session: ReadSession, order_id: int) -> list[Redemption]:
    """All of an order, given back or not, by offer, the newest first."""
    statement = select(Redemption).where(Redemption.order_id == order_id)
    newest = statement.order_by(Redemption.offer_id, Redemption.id.desc())
    return list(await session.scalars(newest.execution_options(populate_existing=True)))


async def give_back(session: WriteSession, redemption_id: int, moment: datetime) -> None:
    freed = update(Redemption).where(Redemption.id == redemption_id)
    await session.execute(freed.values(slot=None, given_back_at=moment), execution_options=QUIETLY)


# Keeping


async def page(
    session: ReadSession, source: str | None, active: bool | None, wanted: Page
) -> tuple[list[tuple[StoredOffer, OfferVersion]], int]:
    """A page of the offers, newest first, and how many there are."""
    where = [StoredOffer.source == source] if source else []
    if active is not None:
        where.append(StoredOffer.active.is_(active))
    newest = whole(*where).order_by(None).order_by(StoredOffer.id.desc())
    total = await session.scalar(select(func.count()).select_from(StoredOffer).where(*where))
    return await rows(session, newest.limit(wanted.limit).offset(wanted.offset)), total or 0


async def versions(session: ReadSession, offer_id: int) -> list[OfferVersion]:
    """What an offer promised, newest first."""
    statement = select(OfferVersion).where(OfferVersion.offer_id == offer_id)
    return list(await session.scalars(statement.order_by(OfferVersion.version.desc())))


async def counts(session: ReadSession, offer_id: int) -> tuple[int, int]:
    """In how many orders an offer counts, and what it takes off them."""
    where = Redemption.offer_id == offer_id, Redemption.given_back_at.is_(None)
    found = await session.execute(select(func.count(), func.sum(Redemption.off_fen)).where(*where))
    orders, off_fen = found.one()
    return orders, int(off_fen or 0)


async def add(session: WriteSession, **values: Any) -> int | None:
    """Its id; None when the code is taken."""
    added = upsert(session, StoredOffer).values(version=1, active=True, taken=0, **values)
    return await session.scalar(added.on_conflict_do_nothing().returning(StoredOffer.id))


async def add_version(session: WriteSession, **values: Any) -> None:
    await session.execute(insert(OfferVersion).values(**values))


async def change(
    session: WriteSession, offer_id: int, version: int, quota: int | None, **values: Any
) -> bool:
    """Go on to the next version, if this one runs and no more was taken than the new quota allows."""
    counted: list[ColumnElement[bool]] = [StoredOffer.quota.is_(None)]
    if quota is not None:
        counted = [StoredOffer.quota.is_not(None), StoredOffer.taken <= quota]
    statement = (
        update(StoredOffer)
        .where(StoredOffer.id == offer_id, StoredOffer.version == version, StoredOffer.active, *counted)
        .values(version=version + 1, quota=quota, **values)
        .returning(StoredOffer.id)
    )
    return await session.scalar(statement, execution_options=QUIETLY) is not None


async def stop(session: WriteSession, offer_id: int) -> bool:
    """Whether it ran until now."""
    statement = update(StoredOffer).where(StoredOffer.id == offer_id, StoredOffer.active).values(active=False)
    return await session.scalar(statement.returning(StoredOffer.id), execution_options=QUIETLY) is not None
