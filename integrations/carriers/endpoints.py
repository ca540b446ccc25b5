"""Where carriers push what happens to parcels."""

from collections import defaultdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

from backoffice.fulfillment import parcels
from backoffice.fulfillment.ports import Carrier, Tracked
from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import NotFound
from backoffice.kit.security import admits
from backoffice.kit.time import now
from integrations.carriers.signing import SIGNATURE, TIMESTAMP

router = APIRouter(prefix="/carriers", tags=["carriers"])
SIGNED = APIKeyHeader(
    name=SIGNATURE.title(),
    scheme_name="carrier",
    description=f"hex HMAC-SHA256 of `<{TIMESTAMP.title()}>.<body>`, the time in unix seconds",
)


class Taken(BaseModel):
    parcels: int


@router.post("/{code}/push")
@admits((SIGNED,))
async def push(code: str, request: Request, database: Annotated[Database, Depends(database_of)]) -> Taken:
    """Tracking events, signed; repeats and any order do no harm.

    Raises 401 `bad_signature`, 422 `bad_push`, 404 `carrier_not_found`, and 404 `parcel_not_found` with the
    `numbers` that are not known (yet) when all others are taken in: push it again later.
    """
    carriers: dict[str, Carrier] = request.app.state.carriers
    carrier = carriers.get(code)
    if carrier is None:
        raise NotFound("carrier_not_found")
    told: defaultdict[str, list[Tracked]] = defaultdict(list)
    for each in carrier.read(request.headers, await request.body(), now()):
        told[each.number].append(each)
    unknown = []
    for number, steps in told.items():
        async with database.write() as session:
            if not await parcels.take(session, code, number, steps):
                unknown.append(number)
    if unknown:
        raise NotFound("parcel_not_found", "not known, at least not yet", numbers=unknown)
    return Taken(parcels=len(told))
