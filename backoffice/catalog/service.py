"""What the shop sells: products, variants, prices."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from backoffice.catalog import assortment_repository, repository
from backoffice.catalog.attributes import all_facts, answer
from backoffice.catalog.domain import NameIndex, advise_size, colour_fits, size_fits
from backoffice.catalog.models import Product
from backoffice.catalog.pictures import draw
from backoffice.catalog.schemas import (
    Found,
    FoundProduct,
    Named,
    ProductAnswer,
    ProductList,
    ProductName,
    ProductNames,
    ProductSummary,
    ProductView,
    SizeAdvice,
    SkuSummary,
    SkuView,
    Suggestion,
    Suggestions,
    image,
)
from backoffice.catalog.wishes import NAMED, Offer, chosen, match, wished
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now

_indexes: WeakKeyDictionary[Any, tuple[object, NameIndex]] = WeakKeyDictionary()


async def prices(session: ReadSession, sku_ids: Sequence[int], at: datetime | None = None) -> dict[int, int]:
    """What each SKU costs in fen at a moment, now by default; unknown SKUs are left out."""
    return await repository.prices(session, sku_ids, at or now())


async def skus(session: ReadSession, sku_ids: Sequence[int]) -> dict[int, SkuView]:
    """SKUs by id with their present price; unknown ones are left out."""
    costs = await prices(session, sku_ids)
    return {
        sku.id: SkuView(
            id=sku.id,
            product_id=sku.product_id,
            code=sku.code,
            colour=sku.colour,
            size=sku.size,
            price_fen=costs[sku.id],
            weight_g=sku.weight_g,
            name=product.name,
            category=product.category,
            brand=product.brand,
            returnable=product.returnable,
            warranty_months=product.warranty_months,
        )
        for sku, product in (await repository.skus(session, sku_ids)).values()
    }


async def skus_coded(session: ReadSession, codes: Collection[str]) -> dict[str, int]:
    """Ids of SKUs by their codes; unknown ones are left out."""
    return await repository.skus_coded(session, codes)


async def sku_coded(session: ReadSession, code: str) -> int | None:
    """The id of the SKU with this code."""
    return await repository.sku_coded(session, code)


async def variants(session: ReadSession, product_id: int) -> list[SkuView]:
    """The SKUs of one product; an unknown product has none."""
    return list((await skus(session, await repository.sku_ids(session, product_id))).values())


async def variants_of(session: ReadSession, product_ids: Sequence[int]) -> dict[int, list[int]]:
    """The ids of the SKUs of each product."""
    found = await repository.products(session, product_ids)
    return {id: [sku.id for sku in product.skus] for id, product in found.items()}


def fitting(views: Iterable[SkuView], colour: str, size: str) -> list[SkuView]:
    """Those of a colour and a size as a shopper says them; empty ones fit all."""
    return [each for each in views if colour_fits(colour, each.colour) and size_fits(size, each.size)]


async def products(
    session: ReadSession, product_ids: Sequence[int], channel: str | None = None
) -> dict[int, ProductSummary]:
    """Products by id, in the order asked for; unknown ones are left out, and SKUs a channel lacks."""
    found = await repository.products(session, product_ids)
    costs = await costs_of(session, found.values(), channel)
    return {id: ProductSummary(**summary(found[id], costs)) for id in product_ids if id in found}


async def costs_of(
    session: ReadSession, products: Iterable[Product], channel: str | None = None
) -> dict[int, int]:
    """What the SKUs of products cost, those which a channel sells."""
    ids = [sku.id for product in products for sku in product.skus]
    out = await assortment_repository.unsold(session, channel, ids) if channel else set()
    return await prices(session, [id for id in ids if id not in out])


def summary(product: Product, costs: dict[int, int]) -> dict[str, Any]:
    """Of the SKUs that have a cost."""
    skus = [sku for sku in product.skus if sku.id in costs]
    own = [costs[sku.id] for sku in skus] or [0]
    return {
        "id": product.id,
        "name": product.name,
        "category": product.category,
        "brand": product.brand,
        "price_from_fen": min(own),
        "price_to_fen": max(own),
        "image": image(product.id),
        "colours": list(dict.fromkeys(sku.colour for sku in skus if sku.colour)),
        "sizes": list(dict.fromkeys(sku.size for sku in skus if sku.size)),
    }


async def known(session: ReadSession, product_id: int) -> Product:
    product = (await repository.products(session, [product_id])).get(product_id)
    if product is None:
        raise NotFound("product_not_found")
    return product


async def product(session: ReadSession, product_id: int, channel: str | None = None) -> ProductView:
    """Everything about one product, of its SKUs those which a channel sells.

    Raises `NotFound` (`product_not_found`), also when the channel sells none of it.
    """
    found = await known(session, product_id)
    if channel and not await repository.sold(session, [product_id], channel):
        raise NotFound("product_not_found")
    costs = await costs_of(session, [found], channel)
    return ProductView(
        **summary(found, costs),
        description=found.description,
        facts=found.facts,
        size_table=found.size_table,
        warranty_months=found.warranty_months,
        returnable=found.returnable,
        installation=found.installation,
        skus=[
            SkuSummary(id=sku.id, code=sku.code, colour=sku.colour, size=sku.size, price_fen=costs[sku.id])
            for sku in found.skus
            if sku.id in costs
        ],
    )


async def ask(session: ReadSession, product_id: int, text: str) -> ProductAnswer:
    """What a product's page says to a question about it. Raises `NotFound`."""
    found = await known(session, product_id)
    shown = summary(found, {sku.id: 0 for sku in found.skus})
    facts = all_facts(
        found.facts,
        brand=found.brand,
        colours=shown["colours"],
        sizes=shown["sizes"],
        weight_g=max((sku.weight_g for sku in found.skus), default=0),
        warranty_months=found.warranty_months,
        returnable=found.returnable,
    )
    return ProductAnswer(answers=answer(text, found.name, facts, found.description))


async def picture(session: ReadSession, product_id: int) -> str:
    """The product's picture as SVG. Raises `NotFound`."""
    found = await known(session, product_id)
    return draw(found.name, found.picture)


async def search(
    session: ReadSession, q: str, category: str, page: Page, channel: str | None = None
) -> ProductList:
    """A page of the products whose name, brand or category holds `q`, of those that a channel sells."""
    ids, total = await repository.search(session, q.strip(), category, page, channel)
    return ProductList(products=list((await products(session, ids, channel)).values()), total=total)


async def names(session: ReadSession) -> ProductNames:
    """What shoppers may name of all that is sold."""
    rows, variants = await repository.all_names(session), await repository.all_variants(session)
    return ProductNames(
        products=[ProductName(id=id, name=name, words=words) for id, name, _, words in rows],
        brands=each_once(await repository.all_brands(session)),
        colours=each_once(colour for colour, _ in variants),
        sizes=each_once(size for _, size in variants),
    )


def each_once(said: Iterable[str]) -> list[Named]:
    return [Named(name=name) for name in sorted(set(said)) if name]


async def name_index(session: ReadSession) -> NameIndex:
    """The words of every product, kept until the products change."""
    engine, mark = session.get_bind().engine, await repository.fingerprint(session)
    kept = _indexes.get(engine)
    if kept and kept[0] == mark:
        return kept[1]
    index = NameIndex.build(await repository.all_names(session), await repository.all_variants(session))
    _indexes[engine] = (mark, index)
    return index


async def named(session: ReadSession, text: str, score: int) -> frozenset[int]:
    """The ids of the products that a free sentence names at least this surely, 0 to 100."""
    hits = (await name_index(session)).find(text)
    return frozenset(hit.product_id for hit in hits if hit.score >= score)


async def find(session: ReadSession, text: str, limit: int, channel: str | None = None) -> Found:
    """The products that a free sentence means, with the SKUs of the colour and size it names; of those that
    a channel sells.
    """
    index = await name_index(session)
    colour, size = index.colour_said(text), index.size_said(text)
    hits = index.find(text)
    if channel:
        sold = await repository.sold(session, [hit.product_id for hit in hits], channel)
        hits = [hit for hit in hits if hit.product_id in sold]
    views = await repository.products(session, [hit.product_id for hit in hits])
    costs = await costs_of(session, views.values(), channel)
    fitting = {
        id: [
            sku.id
            for sku in view.skus
            if sku.id in costs and colour_fits(colour or "", sku.colour) and size_fits(size or "", sku.size)
        ]
        for id, view in views.items()
    }
    hits = sorted(hits, key=lambda hit: (-hit.score, not fitting[hit.product_id]))[:limit]
    return Found(
        products=[
            FoundProduct(
                **summary(views[hit.product_id], costs), score=hit.score, sku_ids=fitting[hit.product_id]
            )
            for hit in hits
        ],
        colour=colour,
        size=size,
    )


async def suggestions(session: ReadSession, text: str, below_fen: int | None = None) -> Suggestions:
    """Every product that comes near what a sentence wishes for, best first, each with its reasons; with
    `below_fen` only what costs less, in place of a budget that was said.
    """
    wish, index = wished(text), await name_index(session)
    wish = replace(wish, budget_fen=None) if below_fen else wish
    offers = [Offer(*row) for row in await repository.all_facts(session)]
    one_kind = any(hit.score >= NAMED for hit in index.find(text))
    matches = match(text, wish, index, offers)
    views = await products(session, [each.product_id for each in matches])
    spans = {view.id: (view.price_from_fen, view.price_to_fen) for view in views.values()}
    return Suggestions(
        products=[
            Suggestion(**views[each.product_id].model_dump(), reasons=list(each.reasons))
            for each in chosen(matches, spans, wish, one_kind)
            if below_fen is None or spans[each.product_id][0] < below_fen
        ],
        understood=one_kind or not wish.is_empty,
    )


async def size_advice(session: ReadSession, product_id: int, measures: dict[str, float | None]) -> SizeAdvice:
    """The size for `height_cm`, `weight_kg`, `foot_mm`. Raises `NotFound`."""
    return advise_size((await known(session, product_id)).size_table, measures)
