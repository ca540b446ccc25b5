"""Carts: a customer's, or a visitor's who shows a token."""

import hashlib

from backoffice.catalog import assortment
from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import image
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.trade.checkout import repository
from backoffice.trade.checkout.schemas import MOST_LINES, CartLineView, CartView


def customers(customer_id: int) -> str:
    return f"customer:{customer_id}"


def visitors(token: str) -> str:
    """The owner that a visitor's token stands for; the token cannot be told from it."""
    return f"visitor:{hashlib.sha256(token.encode()).hexdigest()}"


async def cart(session: ReadSession, owner: str, token: str | None = None) -> CartView:
    """What is in a cart at today's prices; what is sold no more is left out."""
    pieces = await repository.cart(session, owner)
    sold = await catalog.skus(session, list(pieces))
    lines = [
        CartLineView(
            sku_id=id,
            product_id=sold[id].product_id,
            name=sold[id].name,
            colour=sold[id].colour,
            size=sold[id].size,
            quantity=quantity,
            price_fen=sold[id].price_fen,
            image=image(sold[id].product_id),
        )
        for id, quantity in pieces.items()
        if id in sold
    ]
    items_fen = sum(line.price_fen * line.quantity for line in lines)
    return CartView(lines=lines, items_fen=items_fen, token=token)


async def put(
    session: WriteSession, owner: str, sku_id: int, quantity: int, channel: str | None = None
) -> None:
    """Set the pieces of a SKU, 0 takes it out.

    Raises `NotFound` (`sku_not_found`), `Conflict` (`not_sold_here`; `cart_full` when it would have more
    lines than an order).
    """
    if quantity and not await catalog.skus(session, [sku_id]):
        raise NotFound("sku_not_found")
    if quantity and channel:
        await assortment.require_sold(session, channel, [sku_id])
    await repository.put(session, owner, sku_id, quantity)
    if quantity and len(await repository.cart(session, owner)) > MOST_LINES:
        raise Conflict("cart_full", f"at most {MOST_LINES} lines")


async def merge(session: WriteSession, token: str, customer_id: int) -> None:
    """Move what a visitor put into a cart into their own; a second time nothing is left to move."""
    for sku_id, quantity in (await repository.empty(session, visitors(token))).items():
        await repository.put(session, customers(customer_id), sku_id, quantity, add=True)
