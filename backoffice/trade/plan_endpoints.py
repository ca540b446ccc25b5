"""How an order was planned, over HTTP, for staff."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from backoffice.fulfillment.planning import service as planning
from backoffice.fulfillment.planning.schemas import Decided
from backoffice.kit.database import Reading, ReadSession
from backoffice.kit.errors import NotFound
from backoffice.staff.identity import Staff
from backoffice.trade import repository

router = APIRouter(prefix="/plans", tags=["fulfillment"])

SVG = "image/svg+xml"
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
Number = Annotated[str, Path(pattern=r"^[0-9]{16}$")]


async def decided(session: ReadSession, number: str) -> Decided:
    """Raises `NotFound` (`order_not_found`; `plan_not_found` for an order from before plans were kept)."""
    order_id, _ = await repository.phone_of(session, number) or (0, "")
    if not order_id:
        raise NotFound("order_not_found")
    found = await planning.decision(session, order_id)
    if found is None:
        raise NotFound("plan_not_found")
    return found


@router.get("/{number}.svg", response_class=Response, responses={200: {"content": {SVG: {}}}})
async def drawn(number: Number, session: Reading, _: Staff) -> Response:
    """As a picture, with what it shows in words beside it for who cannot see it."""
    svg = await planning.drawn(session, await decided(session, number))
    return Response(svg, media_type=SVG, headers=HEADERS)


@router.get("/{number}")
async def shown(number: Number, session: Reading, _: Staff) -> Decided:
    return await decided(session, number)
