"""Products, variants and prices as admins keep them; every change is on record."""

from typing import Any

from backoffice.catalog import keeping_repository as repository
from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import KeptProduct, KeptSku, NewPrice, NewSku, ProductView
from backoffice.events import audit
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now


async def add_product(session: WriteSession, staff_id: int, wanted: KeptProduct) -> ProductView:
    """Raises `Conflict` (`product_exists`) when the name is taken."""
    product_id = await repository.add_product(session, columns(wanted))
    if product_id is None:
        raise Conflict("product_exists", "there is a product of this name")
    await audit.record(session, staff_id, "product_added", f"product:{product_id}")
    return await catalog.product(session, product_id)


async def change_product(
    session: WriteSession, staff_id: int, product_id: int, wanted: KeptProduct
) -> ProductView:
    """All of it. Raises `NotFound` (`product_not_found`) and `Conflict` (`product_exists`)."""
    changed = await repository.change_product(session, product_id, columns(wanted))
    if changed is None:
        raise Conflict("product_exists", "there is a product of this name")
    if not changed:
        raise NotFound("product_not_found")
    await audit.record(session, staff_id, "product_changed", f"product:{product_id}")
    return await catalog.product(session, product_id)


async def add_sku(session: WriteSession, staff_id: int, product_id: int, wanted: NewSku) -> ProductView:
    """Raises `NotFound` (`product_not_found`), `Conflict` (`sku_exists`: its code, or colour and size)."""
    if not await repository.touch_product(session, product_id):
        raise NotFound("product_not_found")
    sku_id = await repository.add_sku(session, product_id, wanted.model_dump())
    if sku_id is None:
        raise Conflict("sku_exists", "the code is taken, or the product has this colour and size")
    await audit.record(session, staff_id, "sku_added", f"sku:{sku_id}", price_fen=wanted.price_fen)
    return await catalog.product(session, product_id)


async def change_sku(session: WriteSession, staff_id: int, sku_id: int, wanted: KeptSku) -> ProductView:
    """All of it but the price. Raises `NotFound` (`sku_not_found`) and `Conflict` (`sku_exists`)."""
    product_id = await repository.product_of(session, sku_id)
    if product_id is None:
        raise NotFound("sku_not_found")
    if not await repository.change_sku(session, sku_id, wanted.model_dump()):
        raise Conflict("sku_exists", "the code is taken, or the product has this colour and size")
    await repository.touch_product(session, product_id)
    await audit.record(session, staff_id, "sku_changed", f"sku:{sku_id}")
    return await catalog.product(session, product_id)


async def set_price(session: WriteSession, staff_id: int, sku_id: int, wanted: NewPrice) -> ProductView:
    """What a SKU costs from a moment on, now if none is said; the same change again is the same change.

    Raises `NotFound` (`sku_not_found`), `Invalid` (`in_the_past`: what was sold stays as it was) and
    `Conflict` (`price_set`) when another price is set from the same moment on.
    """
    product_id = await repository.product_of(session, sku_id)
    if product_id is None:
        raise NotFound("sku_not_found")
    moment = now()
    if wanted.at is not None and wanted.at < moment:
        raise Invalid("in_the_past", "a price changes now or later")
    at = wanted.at or moment
    if await repository.set_price(session, sku_id, wanted.price_fen, at, wanted.reason):
        detail = {"price_fen": wanted.price_fen, "at": at.isoformat()}
        await audit.record(session, staff_id, "price_changed", f"sku:{sku_id}", wanted.reason, **detail)
    elif await repository.price_from(session, sku_id, at) != wanted.price_fen:
        raise Conflict("price_set", "another price is set from this moment on")
    return await catalog.product(session, product_id)


def columns(wanted: KeptProduct) -> dict[str, Any]:
    """What is stored of a product: its sizes hold the measures that were said."""
    values = wanted.model_dump(mode="json")
    if wanted.size_table is not None:
        values["size_table"] = [row.model_dump(mode="json", exclude_none=True) for row in wanted.size_table]
    return values
