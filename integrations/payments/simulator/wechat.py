"""WeChat Pay's side."""

import base64
import json
import re
import secrets
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response

from backoffice.kit.errors import Unauthenticated
from backoffice.kit.time import now
from backoffice.settings import WeChatPayAccount
from integrations.payments.signing import in_lines, is_signed, private_key, sign
from integrations.payments.simulator.provider import Post, Provider, Refund, Refused, Trade

STATES = {"open": "NOTPAY", "paid": "SUCCESS", "closed": "CLOSED"}
REFUND_STATES = {"processing": "PROCESSING", "settled": "SUCCESS", "failed": "ABNORMAL"}
SAID = re.compile(r'(\w+)="([^"]*)"')


class WeChatPaySimulator(Provider):
    """`platform` is the provider's private key; `url` where shoppers reach the page to pay at."""

    short, over, unpaid, gone, settled = (
        "NOT_ENOUGH",
        "INVALID_REQUEST",
        "RESOURCE_NOT_EXISTS",
        "ORDER_CLOSED",
        "ORDERPAID",
    )

    def __init__(
        self,
        account: WeChatPayAccount,
        platform: RSAPrivateKey,
        url: str = "",
        post: Post | None = None,
    ) -> None:
        super().__init__(url, post)
        self.account, self._platform = account, platform
        self._merchant = private_key(account.key).public_key()
        trades, refunds = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
        self.app.post(f"{trades}/native")(self._native)
        self.app.get(f"{trades}/out-trade-no/{{reference}}")(self._query)
        self.app.post(f"{trades}/out-trade-no/{{reference}}/close")(self._close)
        self.app.post(refunds)(self._refund)
        self.app.get(f"{refunds}/{{number}}")(self._query_refund)

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app, root_path=urlsplit(self.account.url).path)

    def notice(self, reference: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        trade = self.books.trades[reference]
        return self.sealed("TRANSACTION.SUCCESS", self._transaction(trade), moment)

    def refund_notice(self, number: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        told = self._told_refund(self.books.refunds[number])
        told |= {"refund_status": told.pop("status"), "mchid": self.account.merchant}
        return self.sealed(f"REFUND.{told['refund_status']}", told, moment)

    def sealed(
        self, kind: str, told: dict[str, Any], moment: datetime | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a notification of this content."""
        nonce, data = secrets.token_hex(6), "transaction"
        box = AESGCM(self.account.api_key.encode())
        ciphertext = box.encrypt(nonce.encode(), json.dumps(told).encode(), data.encode())
        resource = {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(ciphertext).decode(),
            "nonce": nonce,
            "associated_data": data,
        }
        body = json.dumps({"id": secrets.token_hex(16), "event_type": kind, "resource": resource}).encode()
        return self._signed(body, moment), body

    def _signed(self, body: bytes, moment: datetime | None = None) -> dict[str, str]:
        seconds, nonce = str(int((moment or now()).timestamp())), secrets.token_hex(16)
        return {
            "Wechatpay-Timestamp": seconds,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.account.platform_serial,
            "Wechatpay-Signature": sign(self._platform, in_lines(seconds, nonce) + body + b"\n"),
        }

    def _transaction(self, trade: Trade) -> dict[str, Any]:
        told: dict[str, Any] = {
            "appid": self.account.app_id,
            "mchid": self.account.merchant,
            "out_trade_no": trade.reference,
            "trade_state": STATES[trade.state],
            "amount": {"total": trade.paid_fen or trade.amount_fen, "currency": "CNY"},
        }
        if trade.paid_at:
            told |= {"transaction_id": trade.transaction_id, "success_time": trade.paid_at.isoformat()}
            told["trade_state"] = "REFUND" if self.paid_back(trade.reference) else "SUCCESS"
        return told

    def _told_refund(self, refund: Refund) -> dict[str, Any]:
        told: dict[str, Any] = {
            "out_trade_no": refund.reference,
            "out_refund_no": refund.number,
            "status": REFUND_STATES[refund.state],
            "amount": {"refund": refund.amount_fen, "currency": "CNY"},
        }
        return told | ({"success_time": refund.at.isoformat()} if refund.state == "settled" else {})

    async def _native(self, request: Request) -> Response:
        asked = await self._asked(request)
        trade = Trade(
            reference=asked["out_trade_no"],
            amount_fen=asked["amount"]["total"],
            subject=asked["description"],
            notify_url=asked["notify_url"],
            expires_at=asked["time_expire"],
        )
        try:
            self.open(trade)
        except Refused as refused:
            return self._refusal(refused.code)
        return self._answer({"code_url": f"{self.url}/pay/{trade.reference}"})

    async def _query(self, reference: str, request: Request) -> Response:
        await self._asked(request)
        trade = self.trade(reference)
        if trade is None:
            return self._refusal("ORDER_NOT_EXIST", 404)
        return self._answer(self._transaction(trade))

    async def _close(self, reference: str, request: Request) -> Response:
        await self._asked(request)
        try:
            self.close(reference)
        except Refused as refused:
            return self._refusal(refused.code)
        return self._answer(None, 204)

    async def _refund(self, request: Request) -> Response:
        asked = await self._asked(request)
        wanted = Refund(
            number=asked["out_refund_no"],
            reference=asked["out_trade_no"],
            amount_fen=asked["amount"]["refund"],
            notify_url=asked["notify_url"],
            at=now(),
        )
        try:
            made = self.refund(wanted)
        except Refused as refused:
            return self._refusal(refused.code, 403 if refused.code == self.short else 400)
        if made.state != "processing":
            self.tell(made.notify_url, lambda: self.refund_notice(made.number))
        return self._answer(self._told_refund(made))

    async def _query_refund(self, number: str, request: Request) -> Response:
        await self._asked(request)
        if number not in self.books.refunds:
            return self._refusal("RESOURCE_NOT_EXISTS", 404)
        return self._answer(self._told_refund(self.books.refunds[number]))

    async def _asked(self, request: Request) -> Any:
        """What a merchant asks. Raises `Unauthenticated` (`bad_signature`)."""
        self.go_wrong()
        body = await request.body()
        said = dict(SAID.findall(request.headers.get("authorization", "")))
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        names = ("timestamp", "nonce_str")
        sent = in_lines(request.method, path, *(said.get(name, "") for name in names), body.decode())
        ours = (said.get("mchid"), said.get("serial_no")) == (self.account.merchant, self.account.serial)
        if not ours or not is_signed(self._merchant, sent, said.get("signature", "")):
            raise Unauthenticated("bad_signature")
        return json.loads(body) if body else None

    def _refusal(self, code: str, status: int = 400) -> Response:
        return self._answer({"code": code, "message": code.lower()}, status)

    def _answer(self, told: dict[str, Any] | None, status: int = 200) -> Response:
        if self.lose():
            return Response(status_code=503)
        body = b"" if told is None else json.dumps(told).encode()
        return Response(body, status, self._signed(body), media_type="application/json")
