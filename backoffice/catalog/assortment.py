"""Which channel sells what: everything the shop has, but for what is left out of it."""

from collections.abc import Collection

from backoffice.catalog import assortment_repository as repository
from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import Assortment, AssortmentChange, Channel, Unsold
from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.paging import Page


async def change(
    session: WriteSession, staff_id: int, channel: Channel, product_id: int, wanted: AssortmentChange
) -> None:
    """Let a channel sell a product, or some SKUs of it, or no longer.

    Raises `NotFound` (`product_not_found`, `sku_not_found`), `Conflict` (`product_not_sold`) for SKUs of a
    product that is left out as a whole.
    """
    made = (await catalog.variants_of(session, [product_id])).get(product_id)
    if made is None:
        raise NotFound("product_not_found")
    if not set(wanted.sku_ids or ()) <= set(made):
        raise NotFound("sku_not_found", "this product has no such SKU")
    if wanted.sold:
        changed = await repository.include(session, channel, product_id, wanted.sku_ids)
        if wanted.sku_ids and await repository.is_whole_out(session, channel, product_id):
            raise Conflict("product_not_sold", "the whole product is not sold in this channel")
    else:
        out = wanted.sku_ids or [repository.WHOLE]
        changed = await repository.exclude(session, channel, product_id, out)
    if changed:
        subject, told = f"product:{product_id}", {"sold": wanted.sold, "skus": wanted.sku_ids}
        await audit.record(session, staff_id, "assortment_changed", subject, channel=channel, told=told)


async def assortment(session: ReadSession, channel: Channel, page: Page) -> Assortment:
    """A page of what a channel leaves out, by product."""
    found, total = await repository.listed(session, channel, page)
    shown = await catalog.products(session, list(found))
    unsold = [
        Unsold(
            product_id=id,
            name=shown[id].name,
            sku_ids=[] if repository.WHOLE in skus else skus,
        )
        for id, skus in found.items()
    ]
    return Assortment(channel=channel, unsold=unsold, total=total)


async def require_sold(session: ReadSession, channel: str, sku_ids: Collection[int]) -> None:
    """Raises `Conflict` (`not_sold_here`, with `sku_ids`) when a channel does not sell one of them."""
    if out := await repository.unsold(session, channel, sku_ids):
        raise Conflict("not_sold_here", "this is not sold in this channel", sku_ids=sorted(out))
