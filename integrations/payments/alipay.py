"""Alipay's gateway: signed forms out, signed JSON back, signed forms as notifications; amounts in yuan."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx

from backoffice.kit.errors import Invalid, Unauthenticated
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.settings import AlipayAccount
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
from integrations.payments.amounts import fen_of, yuan_of
from integrations.payments.signing import in_pairs, is_signed, private_key, public_key, sign

TIMEOUT_SECONDS = 10.0
TIME = "%Y-%m-%d %H:%M:%S"
WINDOW = timedelta(hours=26)
"""Alipay repeats a notification for 25 hours, as it was signed first."""
SKEW = timedelta(minutes=5)
DONE, BUSY, REFUSED = "10000", "20000", "40004"
LATER = frozenset({"ACQ.SYSTEM_ERROR", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "ACQ.REFUND_CHARGE_ERROR"})
"""Refusals that pass: not enough money to refund is one."""
UNKNOWN = "ACQ.TRADE_NOT_EXIST"
PAID = ("TRADE_SUCCESS", "TRADE_FINISHED")
ANSWER = re.compile(r'\s*\{\s*"(\w+)"\s*:\s*(\{.*\})\s*,\s*"sign"\s*:\s*"([^"]+)"\s*\}\s*', re.DOTALL)

Answer = dict[str, Any]


class Alipay:
    """One app; `transport` is for a provider that runs in this process."""

    code = "alipay"
    taken = ("text/plain", b"success")

    def __init__(
        self, account: AlipayAccount, notify_url: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._account, self._notify_url = account, notify_url
        self._key, self._platform = private_key(account.key), public_key(account.platform_key)
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport)

    async def hang_up(self) -> None:
        await self._http.aclose()

    async def start(self, charge: Charge) -> dict[str, str]:
        asked = {
            "out_trade_no": charge.reference,
            "total_amount": yuan_of(charge.amount_fen),
            "subject": charge.subject,
            "time_expire": charge.expires_at.astimezone(SHOP_ZONE).strftime(TIME),
        }
        found = await self._expect("alipay.trade.precreate", asked)
        return {"code_url": text(found, "qr_code", longest=1024)}

    async def query(self, reference: str) -> Standing:
        found = await self._ask("alipay.trade.query", {"out_trade_no": reference})
        if found is None:
            return Standing("unknown")
        state, when = found.get("trade_status"), found.get("send_pay_date")
        if state in PAID or when:
            return Standing("paid", self._understood(found, "send_pay_date"))
        return Standing("closed" if state == "TRADE_CLOSED" else "open")

    async def close(self, reference: str) -> bool:
        try:
            await self._ask("alipay.trade.close", {"out_trade_no": reference})
        except PaymentRefused:
            standing = await self.query(reference)
            if standing.state == "open":
                raise
            return standing.state != "paid"
        return True

    async def refund(self, repayment: Repayment) -> Repaid:
        """It is paid back at once; the same number again changes nothing, and is looked up."""
        asked = {
            "out_trade_no": repayment.reference,
            "out_request_no": repayment.number,
            "refund_amount": yuan_of(repayment.amount_fen),
            "refund_reason": repayment.reason[:80],
        }
        found = await self._expect("alipay.trade.refund", asked)
        if found.get("fund_change") != "Y":
            known = await self.query_refund(repayment)
            return known or Repaid(repayment.number, "processing", repayment.amount_fen, now())
        return Repaid(repayment.number, "settled", repayment.amount_fen, now())

    async def query_refund(self, repayment: Repayment) -> Repaid | None:
        asked = {"out_trade_no": repayment.reference, "out_request_no": repayment.number}
        found = await self._ask("alipay.trade.fastpay.refund.query", asked)
        if not found or found.get("refund_status") != "REFUND_SUCCESS":
            return None
        try:
            amount = fen_of(text(found, "refund_amount"))
        except ValueError as error:
            raise not_understood() from error
        return Repaid(repayment.number, "settled", amount, now())

    def read(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> Notice | None:
        """A payment, told again with each refund of it; refunds are known from their answers."""
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100)
        except ValueError as error:
            raise Invalid("bad_notice", "not a form") from error
        fields = dict(pairs)
        sent = in_pairs({name: value for name, value in fields.items() if name != "sign_type"})
        if len(fields) < len(pairs) or not is_signed(self._platform, sent, fields.get("sign", "")):
            raise Unauthenticated("bad_signature", "not signed by Alipay")
        try:
            age = moment - moment_of(fields["notify_time"])
            if not -SKEW <= age <= WINDOW:
                raise Unauthenticated("bad_signature", "signed too long ago, or ahead")
            if fields.get("app_id") != self._account.app_id:
                raise Invalid("bad_notice", "of another app")
            if fields.get("trade_status") in PAID or fields.get("gmt_payment"):
                return paid(fields, "gmt_payment")
        except (KeyError, ValueError) as error:
            raise Invalid("bad_notice", type(error).__name__) from error
        return None

    def _understood(self, found: Answer, when: str) -> Paid:
        try:
            return paid(found, when)
        except ValueError as error:
            raise not_understood() from error

    async def _expect(self, method: str, asked: dict[str, str]) -> Answer:
        found = await self._ask(method, asked)
        if found is None:
            raise PaymentRefused("payment_refused", "alipay: unknown")
        return found

    async def _ask(self, method: str, asked: dict[str, str]) -> Answer | None:
        """None for a trade they do not know. Answers that they did not sign count as none."""
        form = {
            "app_id": self._account.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": now().astimezone(SHOP_ZONE).strftime(TIME),
            "version": "1.0",
            "notify_url": self._notify_url,
            "biz_content": json.dumps(asked, ensure_ascii=False),
        }
        form["sign"] = sign(self._key, in_pairs(form))
        try:
            got = await self._http.post(self._account.url, data=form)
            found = ANSWER.fullmatch(got.content.decode())
            if got.status_code >= httpx.codes.BAD_REQUEST or found is None:
                raise PaymentAway("payment_away", f"alipay answered {got.status_code}")
            name, raw, signature = found.groups()
            right = name == method.replace(".", "_") + "_response"
            if not (right and is_signed(self._platform, raw.encode(), signature)):
                raise PaymentAway("payment_away", "alipay gave an answer that is not signed")
            answer: Answer = json.loads(raw)
        except (httpx.HTTPError, ValueError) as error:
            raise not_understood() from error
        return judged(answer)


def judged(answer: Answer) -> Answer | None:
    """None for a trade they do not know. Raises `PaymentAway` and `PaymentRefused`."""
    code, why = answer.get("code"), answer.get("sub_code", "")
    if code == DONE:
        return answer
    if why == UNKNOWN:
        return None
    if code == REFUSED and why not in LATER:
        raise PaymentRefused("payment_refused", f"alipay: {why} {answer.get('sub_msg', '')}".strip())
    raise PaymentAway("payment_away", f"alipay: {code} {why}".strip())


def paid(fields: Mapping[str, Any], when: str) -> Paid:
    """Raises `ValueError` when it does not tell what was paid."""
    return Paid(
        reference=text(fields, "out_trade_no"),
        transaction_id=text(fields, "trade_no"),
        amount_fen=fen_of(text(fields, "total_amount")),
        at=moment_of(text(fields, when)),
    )


def text(fields: Mapping[str, Any], name: str, longest: int = 64) -> str:
    """Raises `ValueError` when it is not there, too long or no text."""
    found = fields.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= longest or "\x00" in found:
        raise ValueError(f"no {name}")
    return found


def moment_of(told: str) -> datetime:
    """A time as Alipay writes it, in China. Raises `ValueError`."""
    return datetime.strptime(told, TIME).replace(tzinfo=SHOP_ZONE)


def not_understood() -> PaymentAway:
    return PaymentAway("payment_away", "alipay gave no answer to be understood")
