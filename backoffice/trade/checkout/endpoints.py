"""Carts, quotes and placing orders over HTTP. Another's cart or quote is answered like none."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path

from backoffice.kit.database import Reading, Writing
from backoffice.kit.errors import Invalid
from backoffice.kit.ids import secret_id
from backoffice.settings import Settings, settings_of
from backoffice.trade.checkout import carts, placing, quotes
from backoffice.trade.checkout.schemas import (
    CartChange,
    CartMerge,
    CartView,
    NewOrder,
    NewQuote,
    Placed,
    QuoteView,
)
from backoffice.users.identity import Acting, MaybeAsking

router = APIRouter(tags=["checkout"])

Token = Annotated[str, Header(alias="X-Cart", pattern=r"^$|^[0-9a-f]{32}$")]
Configured = Annotated[Settings, Depends(settings_of)]
SkuId = Annotated[int, Path(ge=1, lt=2**63)]


class Owner:
    """Whose cart is meant: the customer's, else the one of the token shown, else a new one."""

    def __init__(self, shopper: MaybeAsking, x_cart: Token = "") -> None:
        self.customer_id = shopper.customer_id if shopper else None
        self.token = None if self.customer_id is not None else x_cart or secret_id()
        self.name = carts.visitors(self.token) if self.token else carts.customers(self.customer_id or 0)


Owning = Annotated[Owner, Depends()]


@router.post("/orders", status_code=201)
async def place(errand: Acting, wanted: NewOrder, settings: Configured) -> Placed:
    """Needs an `Idempotency-Key`: with the same one the same order is answered, however often it is sent."""
    if not errand.keyed:
        raise Invalid("idempotency_key_required", "send an Idempotency-Key with every order")
    within = timedelta(seconds=settings.pay_within)
    return await errand.once(
        Placed, lambda session: placing.place(session, errand.shopper, wanted.quote_id, within)
    )


@router.get("/cart")
async def cart(session: Reading, owner: Owning) -> CartView:
    return await carts.cart(session, owner.name, owner.token)


@router.put("/cart/lines/{sku_id}")
async def put(session: Writing, owner: Owning, sku_id: SkuId, wanted: CartChange) -> CartView:
    await carts.put(session, owner.name, sku_id, wanted.quantity, wanted.channel)
    return await carts.cart(session, owner.name, owner.token)


@router.post("/cart/merge")
async def merge(errand: Acting, visitor: CartMerge) -> CartView:
    """What was put into a cart before signing in comes into the customer's."""
    customer_id = errand.shopper.signed_in

    async def verb(session: Writing) -> CartView:
        await carts.merge(session, visitor.token, customer_id)
        return await carts.cart(session, carts.customers(customer_id))

    return await errand.once(CartView, verb)


@router.post("/quotes")
async def quote(session: Writing, owner: Owning, wanted: NewQuote) -> QuoteView:
    return await quotes.make(session, owner.name, owner.customer_id, wanted)
