"""The names of the shop's world, for the bot to recognise in what shoppers type."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response, status

from backoffice.catalog import service as catalog
from backoffice.catalog.schemas import ProductNames
from backoffice.fulfillment import service as fulfillment
from backoffice.fulfillment.schemas import CarrierName
from backoffice.inventory import service as inventory
from backoffice.inventory.schemas import StoreName
from backoffice.kit.database import Reading
from backoffice.users.identity import service

router = APIRouter(prefix="/api/names", tags=["service"], dependencies=[Depends(service)])


class Names(ProductNames):
    stores: list[StoreName]
    couriers: list[CarrierName]


@router.get("", response_model=Names)
async def names(session: Reading, if_none_match: Annotated[str, Header()] = "") -> Response:
    """All names; 304 when they are still those of the ETag that is shown."""
    found = Names(
        **dict(await catalog.names(session)),
        stores=await inventory.store_names(session),
        couriers=fulfillment.carrier_names(),
    )
    body = found.model_dump_json()
    etag = f'"{sha256(body.encode()).hexdigest()}"'
    if if_none_match == etag:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
    return Response(body, media_type="application/json", headers={"ETag": etag})
