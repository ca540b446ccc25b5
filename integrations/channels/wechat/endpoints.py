"""WeChat's way in: one address for each account, as it is set at mp.weixin.qq.com."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.security import APIKeyQuery

from backoffice.kit.security import admits
from integrations.channels.wechat.envelope import Signed
from integrations.channels.wechat.line import Line
from integrations.channels.wechat.office import WeChat

router = APIRouter(prefix="/wechat", tags=["wechat"])
PLAIN = APIKeyQuery(
    name="signature", scheme_name="wechat", description="WeChat's, over token, `timestamp` and `nonce`"
)
ENCRYPTED = APIKeyQuery(
    name="msg_signature", scheme_name="wechat_encrypted", description="WeChat's, also over the ciphertext"
)


async def line(app_id: str, request: Request) -> Line:
    """The account in the path. Raises `NotFound`."""
    office: WeChat = request.app.state.wechat
    return office.line(app_id)


async def signed(
    timestamp: str,
    nonce: Annotated[str, Query(max_length=200)],
    signature: str = "",
    msg_signature: str = "",
    encrypt_type: str = "",
) -> Signed:
    return Signed(timestamp, nonce, signature, msg_signature, encrypt_type)


OnLine = Annotated[Line, Depends(line)]
BySignature = Annotated[Signed, Depends(signed)]


@router.get("/{app_id}")
@admits((PLAIN,))
async def verify(
    on: OnLine, by: BySignature, echostr: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """WeChat checks that the address is ours: it gets back what it sent, if it signed it."""
    return on.verify(by, echostr)


@router.post("/{app_id}")
@admits((PLAIN,), (ENCRYPTED,))
async def take(on: OnLine, by: BySignature, request: Request) -> Response:
    """A shopper's message or event; answered in the reply, or with `success` and a push later."""
    return await on.take(by, await request.body(), request.is_disconnected)
