"""The catalog over HTTP: open to everybody to read, to admins to keep."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from backoffice.catalog import assortment, keeping, service, sheets
from backoffice.catalog.schemas import (
    Assortment,
    AssortmentChange,
    Channel,
    Find,
    Found,
    KeptProduct,
    KeptSku,
    NewPrice,
    NewSku,
    ProductAnswer,
    ProductList,
    ProductView,
    Question,
    SizeAdvice,
)
from backoffice.kit.database import Reading, Writing
from backoffice.kit.fields import RowId, Text
from backoffice.kit.paging import Paging
from backoffice.kit.sheet_endpoints import CSV, AtDatabase, Download, Uploading, download
from backoffice.kit.sheets import Report
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api", tags=["catalog"])
Admin = Annotated[StaffView, Depends(staff("admin"))]


@router.get("/products")
async def search(
    session: Reading,
    page: Paging,
    q: Annotated[Text, Query(max_length=200)] = "",
    category: Annotated[Text, Query(max_length=40)] = "",
    channel: Channel | None = None,
) -> ProductList:
    return await service.search(session, q, category, page, channel)


@router.post("/products/find")
async def find(session: Reading, asked: Find) -> Found:
    return await service.find(session, asked.text, asked.limit, asked.channel)


@router.get("/products/{product_id}")
async def product(session: Reading, product_id: RowId, channel: Channel | None = None) -> ProductView:
    return await service.product(session, product_id, channel)


@router.post("/products/{product_id}/ask")
async def ask(session: Reading, product_id: RowId, asked: Question) -> ProductAnswer:
    """What the product's page says to a question."""
    return await service.ask(session, product_id, asked.text)


@router.get("/products/{product_id}/picture.svg", response_class=Response)
async def picture(session: Reading, product_id: RowId) -> Response:
    svg = await service.picture(session, product_id)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=3600"})


@router.get("/products/{product_id}/size-advice")
async def size_advice(
    session: Reading,
    product_id: RowId,
    height_cm: Annotated[float | None, Query(ge=30, le=250)] = None,
    weight_kg: Annotated[float | None, Query(ge=1, le=300)] = None,
    foot_mm: Annotated[float | None, Query(ge=60, le=400)] = None,
) -> SizeAdvice:
    measures = {"height_cm": height_cm, "weight_kg": weight_kg, "foot_mm": foot_mm}
    return await service.size_advice(session, product_id, measures)


@router.post("/staff/products", status_code=201)
async def add_product(admin: Admin, session: Writing, wanted: KeptProduct) -> ProductView:
    return await keeping.add_product(session, admin.id, wanted)


@router.put("/staff/products/{product_id}")
async def change_product(
    admin: Admin, session: Writing, product_id: RowId, wanted: KeptProduct
) -> ProductView:
    return await keeping.change_product(session, admin.id, product_id, wanted)


@router.post("/staff/products/{product_id}/skus", status_code=201)
async def add_sku(admin: Admin, session: Writing, product_id: RowId, wanted: NewSku) -> ProductView:
    return await keeping.add_sku(session, admin.id, product_id, wanted)


@router.put("/staff/skus/{sku_id}")
async def change_sku(admin: Admin, session: Writing, sku_id: RowId, wanted: KeptSku) -> ProductView:
    return await keeping.change_sku(session, admin.id, sku_id, wanted)


@router.post("/staff/skus/{sku_id}/prices", status_code=201)
async def set_price(admin: Admin, session: Writing, sku_id: RowId, wanted: NewPrice) -> ProductView:
    """The product with its prices of now; the change has its reason in the audit."""
    return await keeping.set_price(session, admin.id, sku_id, wanted)


@router.get("/staff/channels/{channel}/assortment", dependencies=[Depends(staff())])
async def assortment_of(session: Reading, channel: Channel, page: Paging) -> Assortment:
    """What a channel leaves out of all that the shop sells."""
    return await assortment.assortment(session, channel, page)


@router.put("/staff/channels/{channel}/assortment/{product_id}", status_code=204)
async def change_assortment(
    admin: Admin, session: Writing, channel: Channel, product_id: RowId, wanted: AssortmentChange
) -> None:
    await assortment.change(session, admin.id, channel, product_id, wanted)


@router.get("/staff/sheets/products", dependencies=[Depends(staff("admin"))], response_class=Download)
async def export_products(database: AtDatabase) -> Download:
    """Every SKU with its product as CSV, as the import takes it in."""
    return download("products", sheets.exported(database))


@router.post("/staff/sheets/products", openapi_extra=CSV)
async def import_products(admin: Admin, upload: Uploading) -> Report:
    """Add and change products, SKUs and prices by a CSV; every bad line is told."""
    return await upload.take_in(sheets.products(admin.id))


@router.post("/staff/sheets/prices", openapi_extra=CSV)
async def import_prices(admin: Admin, upload: Uploading) -> Report:
    """Change prices by a CSV of codes, prices and reasons; every bad line is told."""
    return await upload.take_in(sheets.prices(admin.id))
