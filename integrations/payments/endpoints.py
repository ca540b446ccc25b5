"""Where payment providers tell what was paid and paid back."""

from fastapi import APIRouter, Request, Response
from fastapi.security import APIKeyHeader

from backoffice.kit.errors import NotFound
from backoffice.kit.security import admits
from backoffice.kit.time import now
from backoffice.trade.payments.collecting import Collecting

router = APIRouter(prefix="/payments", tags=["payments"])
SIGNED = APIKeyHeader(
    name="Wechatpay-Signature",
    scheme_name="payment_provider",
    description="of WeChat Pay; Alipay has its signature in the field `sign` of what it posts instead",
)


@router.post("/{code}/notify")
@admits((SIGNED,))
async def notify(code: str, request: Request) -> Response:
    """A signed notification, answered as its provider expects; repeats and any order do no harm.

    Raises 401 `bad_signature`, 422 `bad_notice`, `refund_differs`, 404 `method_not_found`,
    `payment_not_found`, `refund_not_found`.
    """
    collecting: Collecting = request.app.state.collecting
    gateway = collecting.gateways.get(code)
    if gateway is None:
        raise NotFound("method_not_found")
    notice = gateway.read(request.headers, await request.body(), now())
    if notice:
        await collecting.take(code, notice)
    media_type, body = gateway.taken
    return Response(body, media_type=media_type)
