"""The catalog over HTTP: open to everybody."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from backoffice.catalog import service
from backoffice.catalog.schemas import (
    Find,
    Found,
    ProductAnswer,
    ProductList,
    ProductView,
    Question,
    SizeAdvice,
)
from backoffice.kit.database import Reading
from backoffice.kit.fields import RowId, Text
from backoffice.kit.paging import Paging

router = APIRouter(prefix="/api/products", tags=["catalog"])


@router.get("")
async def search(
    session: Reading,
    page: Paging,
    q: Annotated[Text, Query(max_length=200)] = "",
    category: Annotated[Text, Query(max_length=40)] = "",
) -> ProductList:
    return await service.search(session, q, category, page)


@router.post("/find")
async def find(session: Reading, asked: Find) -> Found:
    return await service.find(session, asked.text, asked.limit)


@router.get("/{product_id}")
async def product(session: Reading, product_id: RowId) -> ProductView:
    return await service.product(session, product_id)


@router.post("/{product_id}/ask")
async def ask(session: Reading, product_id: RowId, asked: Question) -> ProductAnswer:
    """What the product's page says to a question."""
    return await service.ask(session, product_id, asked.text)


@router.get("/{product_id}/picture.svg", response_class=Response)
async def picture(session: Reading, product_id: RowId) -> Response:
    svg = await service.picture(session, product_id)
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=3600"})


@router.get("/{product_id}/size-advice")
async def size_advice(
    session: Reading,
    product_id: RowId,
    height_cm: Annotated[float | None, Query(ge=30, le=250)] = None,
    weight_kg: Annotated[float | None, Query(ge=1, le=300)] = None,
    foot_mm: Annotated[float | None, Query(ge=60, le=400)] = None,
) -> SizeAdvice:
    measures = {"height_cm": height_cm, "weight_kg": weight_kg, "foot_mm": foot_mm}
    return await service.size_advice(session, product_id, measures)
