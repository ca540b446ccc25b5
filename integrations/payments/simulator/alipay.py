"""Alipay's side."""

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from fastapi import Request, Response

from backoffice.kit.errors import Unauthenticated
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.settings import AlipayAccount
from integrations.payments.alipay import TIME, moment_of
from integrations.payments.amounts import fen_of, yuan_of
from integrations.payments.signing import in_pairs, is_signed, private_key, sign
from integrations.payments.simulator.provider import Post, Provider, Refund, Refused, Trade

STATES = {"open": "WAIT_BUYER_PAY", "paid": "TRADE_SUCCESS", "closed": "TRADE_CLOSED"}
Asked = dict[str, str]


class AlipaySimulator(Provider):
    """`platform` is the provider's private key; `url` where shoppers reach the page to pay at."""

    short, over, unpaid, gone, settled = (
        "ACQ.SELLER_BALANCE_NOT_ENOUGH",
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.TRADE_HAS_CLOSE",
        "ACQ.TRADE_HAS_SUCCESS",
    )

    def __init__(
        self,
        account: AlipayAccount,
        platform: RSAPrivateKey,
        url: str = "",
        post: Post | None = None,
    ) -> None:
        super().__init__(url, post)
        self.account, self._platform = account, platform
        self._app = private_key(account.key).public_key()
        self._verbs: Mapping[str, Callable[[Asked, str], Asked]] = {
            "alipay.trade.precreate": self._precreate,
            "alipay.trade.query": self._query,
            "alipay.trade.close": self._close,
            "alipay.trade.refund": self._refund,
            "alipay.trade.fastpay.refund.query": self._query_refund,
        }
        self.app.post("/gateway.do")(self._gateway)

    @property
    def transport(self) -> httpx.ASGITransport:
        root = urlsplit(self.account.url).path.removesuffix("/gateway.do")
        return httpx.ASGITransport(self.app, root_path=root)

    def notice(self, reference: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        return self.signed(self._told(self.books.trades[reference]), moment)

    def refund_notice(self, number: str, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        refund = self.books.refunds[number]
        told = self._told(self.books.trades[refund.reference])
        back = yuan_of(self.paid_back(refund.reference))
        told |= {"out_biz_no": number, "refund_fee": back, "gmt_refund": clock(refund.at)}
        return self.signed(told, moment)

    def signed(self, told: Asked, moment: datetime | None = None) -> tuple[dict[str, str], bytes]:
        """Headers and body of a notification of this content."""
        told = told | {
            "notify_id": secrets.token_hex(16),
            "notify_time": clock(moment or now()),
            "app_id": self.account.app_id,
        }
        signature = {"sign_type": "RSA2", "sign": sign(self._platform, in_pairs(told))}
        return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(told | signature).encode()

    def _told(self, trade: Trade) -> Asked:
        told = {
            "out_trade_no": trade.reference,
            "trade_no": trade.transaction_id,
            "trade_status": STATES[trade.state],
            "total_amount": yuan_of(trade.paid_fen or trade.amount_fen),
        }
        if trade.paid_at:
            told["gmt_payment"] = clock(trade.paid_at)
            if self.paid_back(trade.reference) >= trade.paid_fen:
                told["trade_status"] = "TRADE_CLOSED"
        return told

    async def _gateway(self, request: Request) -> Response:
        self.go_wrong()
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("app_id") != self.account.app_id or not is_signed(
            self._app, in_pairs(form), form.get("sign", "")
        ):
            raise Unauthenticated("bad_signature")
        try:
            told = self._verbs[form["method"]](json.loads(form["biz_content"]), form["notify_url"])
        except Refused as refused:
            told = {"code": "40004", "msg": "Business Failed", "sub_code": refused.code}
        else:
            told = {"code": "10000", "msg": "Success"} | told
        if self.lose():
            return Response(status_code=503)
        raw = json.dumps(told, ensure_ascii=False)
        name = form["method"].replace(".", "_") + "_response"
        answer = f'{{"{name}":{raw},"sign":"{sign(self._platform, raw.encode())}"}}'
        return Response(answer, media_type="application/json")

    def _precreate(self, asked: Asked, notify_url: str) -> Asked:
        trade = Trade(
            reference=asked["out_trade_no"],
            amount_fen=fen_of(asked["total_amount"]),
            subject=asked["subject"],
            notify_url=notify_url,
            expires_at=moment_of(asked["time_expire"]),
        )
        self.open(trade)
        return {"out_trade_no": trade.reference, "qr_code": f"{self.url}/pay/{trade.reference}"}

    def _known(self, asked: Asked) -> Trade:
        trade = self.trade(asked["out_trade_no"])
        if trade is None:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        return trade

    def _query(self, asked: Asked, _: str) -> Asked:
        told = self._told(self._known(asked))
        return told | ({"send_pay_date": told["gmt_payment"]} if "gmt_payment" in told else {})

    def _close(self, asked: Asked, _: str) -> Asked:
        self.close(self._known(asked).reference)
        return {"out_trade_no": asked["out_trade_no"]}

    def _refund(self, asked: Asked, _: str) -> Asked:
        trade, number = self._known(asked), asked["out_request_no"]
        known = number in self.books.refunds
        amount = fen_of(asked["refund_amount"])
        made = self.refund(Refund(number=number, reference=trade.reference, amount_fen=amount, at=now()))
        if made.state == "failed":
            del self.books.refunds[number]
            raise Refused(self.over)
        moved = not known and made.state == "settled"
        return {
            "out_trade_no": trade.reference,
            "fund_change": "Y" if moved else "N",
            "refund_fee": yuan_of(self.paid_back(trade.reference)),
        }

    def _query_refund(self, asked: Asked, _: str) -> Asked:
        self._known(asked)
        refund = self.books.refunds.get(asked["out_request_no"])
        if refund is None or refund.state != "settled":
            return {}
        return {"refund_status": "REFUND_SUCCESS", "refund_amount": yuan_of(refund.amount_fen)}


def clock(moment: datetime) -> str:
    return moment.astimezone(SHOP_ZONE).strftime(TIME)
