"""Ways of delivery over HTTP: open to everybody. Beside them what locations have to do."""

from typing import Annotated

from fastapi import APIRouter, Query

from backoffice.fulfillment import service, worklist_endpoints
from backoffice.fulfillment.planning import endpoints as planning_endpoints
from backoffice.fulfillment.schemas import DeliveryOptions
from backoffice.kit.database import Reading
from backoffice.kit.fields import RowId

router = APIRouter()
router.include_router(worklist_endpoints.router)
router.include_router(planning_endpoints.router)


@router.get("/api/delivery/options", tags=["fulfillment"])
async def options(
    session: Reading,
    city: Annotated[str, Query(max_length=200)] = "",
    amount_fen: Annotated[int, Query(ge=0, le=10**9)] = 0,
    weight_g: Annotated[int, Query(ge=0, le=10**6)] = 0,
    product_id: RowId | None = None,
) -> DeliveryOptions:
    return await service.delivery_options(session, city, amount_fen, weight_g, product_id)
