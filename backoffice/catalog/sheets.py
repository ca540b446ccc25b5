"""Products with their SKUs, and prices, as tables."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from backoffice.catalog import keeping, service
from backoffice.catalog import keeping_repository as repository
from backoffice.catalog.models import Product, Sku
from backoffice.catalog.schemas import KeptProduct, KeptSku, NewPrice, NewSku, PriceLine, ProductLine
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.messages import message
from backoffice.kit.sheets import Sheet, in_yuan, written
from backoffice.kit.time import now

BATCH = 500
BLAMES = {
    "sku_exists": "code",
    "sku_of_another_product": "code",
    "sku_not_found": "code",
    "product_exists": "name",
}


def products(staff_id: int) -> Sheet[ProductLine]:
    """One line for each SKU, known by its code; a product is known by its name.

    A column that is left out leaves what is there, an empty cell empties it.
    """

    async def put(session: WriteSession, line: ProductLine, columns: frozenset[str]) -> bool:
        product, changed = await put_product(session, staff_id, line, columns)
        return await put_sku(session, staff_id, product, line, columns) or changed

    return Sheet("catalog", ProductLine, lambda line: line.code, put, BLAMES)


def prices(staff_id: int) -> Sheet[PriceLine]:
    """What SKUs cost from now on."""

    async def put(session: WriteSession, line: PriceLine, columns: frozenset[str]) -> bool:
        found = await repository.sku_coded(session, line.code, now())
        if found is None:
            raise NotFound("sku_not_found")
        return await put_price(session, staff_id, *found, line)

    return Sheet("catalog", PriceLine, lambda line: line.code, put, BLAMES)


async def put_product(
    session: WriteSession, staff_id: int, line: ProductLine, columns: frozenset[str]
) -> tuple[Product, bool]:
    """The product of a line, added or changed if it has to be, and whether it was."""
    wanted = line.model_dump(include=KeptProduct.model_fields.keys() & columns)
    found = await repository.product_named(session, line.name)
    changed = found is None
    if found is None:
        await keeping.add_product(session, staff_id, KeptProduct.model_validate(wanted))
        found = await repository.product_named(session, line.name)
        assert found is not None
    before = KeptProduct.model_validate(found, from_attributes=True)
    after = KeptProduct.model_validate(before.model_dump() | wanted)
    if after != before:
        await keeping.change_product(session, staff_id, found.id, after)
        changed = True
    return found, changed


async def put_sku(
    session: WriteSession, staff_id: int, product: Product, line: ProductLine, columns: frozenset[str]
) -> bool:
    """Add or change the SKU of a line if it has to be; whether it was.

    Raises `Conflict` (`sku_of_another_product`, `sku_exists`).
    """
    wanted = line.model_dump(include=KeptSku.model_fields.keys() & columns)
    coded = await repository.sku_coded(session, line.code, now())
    if coded is None:
        new = NewSku.model_validate(wanted | {"price_fen": line.price})
        await keeping.add_sku(session, staff_id, product.id, new)
        return True
    found, price_fen = coded
    if found.product_id != product.id:
        raise Conflict("sku_of_another_product", "this code is a SKU of another product")
    before = KeptSku.model_validate(found, from_attributes=True)
    after = KeptSku.model_validate(before.model_dump() | wanted)
    if after != before:
        await keeping.change_sku(session, staff_id, found.id, after)
    return await put_price(session, staff_id, found, price_fen, line) or after != before


async def put_price(
    session: WriteSession, staff_id: int, sku: Sku, price_fen: int, line: ProductLine | PriceLine
) -> bool:
    """Let a SKU cost what a line says; whether it did not yet."""
    if line.price == price_fen:
        return False
    wanted = NewPrice(price_fen=line.price, reason=line.reason)
    await keeping.set_price(session, staff_id, sku.id, wanted)
    return True


def exported(database: Database) -> AsyncIterator[bytes]:
    """Every SKU with its product, as `products` takes it in."""
    columns = [name for name in ProductLine.model_fields if name != "reason"]
    header = [message("catalog", f"sheets.columns.{name}") for name in columns]
    return written(header, lines(database, columns))


async def lines(database: Database, columns: Sequence[str]) -> AsyncIterator[Sequence[object]]:
    after = (0, 0)
    while True:
        async with database.read() as session:
            found = await repository.skus_after(session, after, BATCH)
            costs = await service.prices(session, [sku.id for sku, _ in found])
        for sku, product in found:
            line = cells(sku, product, costs[sku.id])
            yield [line[name] for name in columns]
        if len(found) < BATCH:
            return
        after = (found[-1][0].product_id, found[-1][0].id)


def cells(sku: Sku, product: Product, price_fen: int) -> dict[str, Any]:
    """What `ProductLine` reads."""
    yes_no = {flag: message("catalog", f"sheets.flags.{flag}") for flag in ("yes", "no")}
    kept = KeptProduct.model_validate(product, from_attributes=True).model_dump(
        mode="json", exclude_none=True
    )
    line = kept | KeptSku.model_validate(sku, from_attributes=True).model_dump()
    line["keywords"] = "|".join(product.keywords)
    for name in ("facts", "picture", "size_table"):
        line[name] = json.dumps(line[name], ensure_ascii=False) if line.get(name) else ""
    for name in ("returnable", "installation"):
        line[name] = yes_no["yes" if line[name] else "no"]
    return line | {"price": in_yuan(price_fen)}
