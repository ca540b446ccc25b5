"""WeChat Pay, APIv3: requests, answers and notifications are signed, what these tell is encrypted."""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from backoffice.kit.errors import Invalid, Unauthenticated
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.settings import WeChatPayAccount
from backoffice.trade.payments.ports import (
    Charge,
    Notice,
    Paid,
    PaymentAway,
    PaymentRefused,
    Repaid,
    Repayment,
    Standing,
)
from integrations.payments.signing import in_lines, is_signed, private_key, public_key, sign

TIMEOUT_SECONDS = 10.0
SKEW = timedelta(minutes=5)
LATER = frozenset({"SYSTEM_ERROR", "FREQUENCY_LIMITED", "NOT_ENOUGH", "SIGN_ERROR"})
"""Refusals that pass: not enough money to refund is one."""
UNKNOWN = frozenset({"ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"})
TIMESTAMP, NONCE = "wechatpay-timestamp", "wechatpay-nonce"
SIGNATURE, SERIAL = "wechatpay-signature", "wechatpay-serial"

T = TypeVar("T", bound=BaseModel)
Fen = Annotated[int, Field(ge=0, lt=2**31)]
Id = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,64}$")]


class Nothing(BaseModel):
    pass


class CodeUrl(BaseModel):
    code_url: str


class Total(BaseModel):
    total: Fen


class Transaction(BaseModel):
    mchid: str
    out_trade_no: Id
    trade_state: Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"]
    transaction_id: Id | None = None
    success_time: AwareDatetime | None = None
    amount: Total | None = None


class RefundAmount(BaseModel):
    refund: Fen


class Refund(BaseModel):
    out_refund_no: Id
    status: Literal["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]
    success_time: AwareDatetime | None = None
    amount: RefundAmount


class ToldRefund(BaseModel):
    """As a notification tells it: its state has another name there."""

    mchid: str
    out_refund_no: Id
    refund_status: Literal["SUCCESS", "CLOSED", "ABNORMAL"]
    success_time: AwareDatetime | None = None
    amount: RefundAmount


class Sealed(BaseModel):
    ciphertext: str
    nonce: str
    associated_data: str = ""


class Told(BaseModel):
    event_type: str
    resource: Sealed


class Refusal(BaseModel):
    code: str
    message: str = ""


class WeChatPay:
    """One merchant; `transport` is for a provider that runs in this process."""

    code = "wechat"
    taken = ("application/json", '{"code": "SUCCESS", "message": "成功"}'.encode())

    def __init__(
        self,
        account: WeChatPayAccount,
        notify_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._account, self._notify_url = account, notify_url
        self._key, self._platform = private_key(account.key), public_key(account.platform_key)
        self._http = httpx.AsyncClient(
            base_url=account.url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport
        )

    async def hang_up(self) -> None:
        await self._http.aclose()

    async def start(self, charge: Charge) -> dict[str, str]:
        asked = {
            "appid": self._account.app_id,
            "mchid": self._account.merchant,
            "description": charge.subject,
            "out_trade_no": charge.reference,
            "time_expire": charge.expires_at.astimezone(SHOP_ZONE).isoformat(timespec="seconds"),
            "notify_url": self._notify_url,
            "amount": {"total": charge.amount_fen, "currency": "CNY"},
        }
        return (await self._expect(CodeUrl, "POST", "/v3/pay/transactions/native", asked)).model_dump()

    async def query(self, reference: str) -> Standing:
        path = f"/v3/pay/transactions/out-trade-no/{reference}?mchid={self._account.merchant}"
        found = await self._ask(Transaction, "GET", path)
        if found is None:
            return Standing("unknown")
        if found.trade_state in ("CLOSED", "REVOKED"):
            return Standing("closed")
        if found.trade_state not in ("SUCCESS", "REFUND"):
            return Standing("open")
        try:
            return Standing("paid", paid(found))
        except ValueError as error:
            raise PaymentAway("payment_away", "wechat gave no answer to be understood") from error

    async def close(self, reference: str) -> bool:
        path = f"/v3/pay/transactions/out-trade-no/{reference}/close"
        try:
            await self._ask(Nothing, "POST", path, {"mchid": self._account.merchant})
        except PaymentRefused:
            standing = await self.query(reference)
            if standing.state == "open":
                raise
            return standing.state != "paid"
        return True

    async def refund(self, repayment: Repayment) -> Repaid:
        asked = {
            "out_trade_no": repayment.reference,
            "out_refund_no": repayment.number,
            "reason": repayment.reason[:80],
            "notify_url": self._notify_url,
            "amount": {"refund": repayment.amount_fen, "total": repayment.paid_fen, "currency": "CNY"},
        }
        return repaid(await self._expect(Refund, "POST", "/v3/refund/domestic/refunds", asked))

    async def query_refund(self, repayment: Repayment) -> Repaid | None:
        found = await self._ask(Refund, "GET", f"/v3/refund/domestic/refunds/{repayment.number}")
        return repaid(found) if found else None

    def read(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> Notice | None:
        if not self._is_theirs(headers, body, moment):
            raise Unauthenticated("bad_signature", "not signed by WeChat Pay, or too long ago")
        try:
            told = Told.model_validate_json(body)
            content = self._opened(told.resource)
            if told.event_type == "TRANSACTION.SUCCESS":
                transaction = Transaction.model_validate_json(content)
                self._require_ours(transaction.mchid)
                return paid(transaction)
            if told.event_type.startswith("REFUND."):
                refund = ToldRefund.model_validate_json(content)
                self._require_ours(refund.mchid)
                return repaid(Refund(status=refund.refund_status, **refund.model_dump()))
        except (ValueError, InvalidTag) as error:
            raise Invalid("bad_notice", type(error).__name__) from error
        return None

    def _require_ours(self, merchant: str) -> None:
        if merchant != self._account.merchant:
            raise ValueError("of another merchant")

    def _opened(self, sealed: Sealed) -> bytes:
        """Raises `InvalidTag` or `ValueError` for what was not sealed with our key."""
        box = AESGCM(self._account.api_key.encode())
        ciphertext = base64.b64decode(sealed.ciphertext, validate=True)
        return box.decrypt(sealed.nonce.encode(), ciphertext, sealed.associated_data.encode())

    def _is_theirs(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> bool:
        seconds, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        recent = (
            seconds.isascii()
            and seconds.isdecimal()
            and abs(int(seconds[:12]) - moment.timestamp()) <= SKEW.total_seconds()
        )
        known = headers.get(SERIAL, "") == self._account.platform_serial
        sent = in_lines(seconds, nonce) + body + b"\n"
        return known and recent and is_signed(self._platform, sent, headers.get(SIGNATURE, ""))

    async def _expect(self, answer: type[T], method: str, path: str, asked: dict[str, Any]) -> T:
        found = await self._ask(answer, method, path, asked)
        if found is None:
            raise PaymentRefused("payment_refused", "wechat: unknown")
        return found

    async def _ask(
        self, answer: type[T], method: str, path: str, asked: dict[str, Any] | None = None
    ) -> T | None:
        """None for what they do not know. Answers that they did not sign count as none."""
        body = "" if asked is None else json.dumps(asked, ensure_ascii=False)
        request = self._http.build_request(method, path, content=body.encode())
        request.headers["Authorization"] = self._authorization(method, request.url.raw_path.decode(), body)
        request.headers["Content-Type"] = request.headers["Accept"] = "application/json"
        try:
            got = await self._http.send(request)
            if not self._is_theirs(got.headers, got.content, now()):
                raise PaymentAway("payment_away", f"wechat answered {got.status_code}, not signed")
            if got.status_code < httpx.codes.BAD_REQUEST:
                return answer.model_validate_json(got.content or b"{}")
            refusal = Refusal.model_validate_json(got.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise PaymentAway("payment_away", "wechat gave no answer to be understood") from error
        if got.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or refusal.code in LATER:
            raise PaymentAway("payment_away", f"wechat: {refusal.code}")
        if refusal.code in UNKNOWN:
            return None
        raise PaymentRefused("payment_refused", f"wechat: {refusal.code} {refusal.message}".strip())

    def _authorization(self, method: str, path: str, body: str) -> str:
        seconds, nonce = str(int(now().timestamp())), secrets.token_hex(16)
        signature = sign(self._key, in_lines(method, path, seconds, nonce, body))
        said = {
            "mchid": self._account.merchant,
            "nonce_str": nonce,
            "signature": signature,
            "timestamp": seconds,
            "serial_no": self._account.serial,
        }
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in said.items())


def paid(found: Transaction) -> Paid:
    """Raises `ValueError` when it does not tell what was paid."""
    if found.transaction_id is None or found.success_time is None or found.amount is None:
        raise ValueError("a payment without its facts")
    return Paid(found.out_trade_no, found.transaction_id, found.amount.total, found.success_time)


def repaid(found: Refund) -> Repaid:
    """A refund that the bank did not take (`ABNORMAL`) has failed too: people must see to it."""
    state: Literal["processing", "settled", "failed"] = "failed"
    if found.status in ("SUCCESS", "PROCESSING"):
        state = "settled" if found.status == "SUCCESS" else "processing"
    why = found.status if state == "failed" else ""
    return Repaid(found.out_refund_no, state, found.amount.refund, found.success_time or now(), why)
