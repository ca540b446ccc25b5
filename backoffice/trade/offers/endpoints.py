"""Promotions and coupons over HTTP: for shoppers to see and take, for admins to keep."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, StringConstraints

from backoffice.kit.database import Reading, Writing
from backoffice.kit.examples import example
from backoffice.kit.fields import RowId
from backoffice.kit.time import now
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.trade.offers import keeping as offer_keeping
from backoffice.trade.offers import service as offers
from backoffice.trade.offers.schemas import (
    ChangedOffer,
    Channel,
    Coupons,
    CouponView,
    NewOffer,
    OfferDetail,
    OfferFilter,
    Offers,
    Promotions,
)
from backoffice.trade.schemas import Plain
from backoffice.users.identity import Acting, MaybeAsking

router = APIRouter(tags=["offers"])
Admin = Annotated[StaffView, Depends(staff("admin"))]
OfferId = Annotated[RowId, Path()]


class Stop(BaseModel):
    model_config = example(reason="预算用完，提前结束")

    reason: Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


@router.get("/promotions")
async def promotions(session: Reading, channel: Annotated[Channel, Query()] = "web") -> Promotions:
    """What runs now, the same for everybody."""
    return await offers.promotions(session, channel, now())


@router.get("/coupons")
async def coupons(
    session: Reading,
    shopper: MaybeAsking,
    product_id: RowId | None = None,
    amount_fen: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> Coupons:
    customer_id = shopper.customer_id if shopper else None
    return await offers.coupons(session, customer_id, product_id, amount_fen)


@router.post("/coupons/{coupon_id}/take")
async def take(errand: Acting, coupon_id: OfferId) -> CouponView:
    """Once for each customer; taking it again answers the same."""
    customer_id = errand.shopper.signed_in
    return await errand.once(CouponView, lambda session: offers.take(session, customer_id, coupon_id))


@router.get("/staff/offers")
async def page(admin: Admin, session: Reading, wanted: Annotated[OfferFilter, Query()]) -> Offers:
    return await offer_keeping.page(session, wanted)


@router.post("/staff/offers", status_code=201)
async def add(admin: Admin, session: Writing, wanted: NewOffer) -> OfferDetail:
    return await offer_keeping.add(session, admin.id, wanted)


@router.get("/staff/offers/{offer_id}")
async def detail(admin: Admin, session: Reading, offer_id: OfferId) -> OfferDetail:
    return await offer_keeping.detail(session, offer_id)


@router.put("/staff/offers/{offer_id}")
async def change(admin: Admin, session: Writing, offer_id: OfferId, wanted: ChangedOffer) -> OfferDetail:
    return await offer_keeping.change(session, admin.id, offer_id, wanted)


@router.post("/staff/offers/{offer_id}/stop")
async def stop(admin: Admin, session: Writing, offer_id: OfferId, wanted: Stop) -> OfferDetail:
    return await offer_keeping.stop(session, admin.id, offer_id, wanted.reason)
