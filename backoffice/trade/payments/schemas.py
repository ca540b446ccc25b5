"""What crosses the API of paying. Money in fen, times in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, StringConstraints

from backoffice.kit.examples import example
from backoffice.kit.messages import catalogue

Method = Annotated[str, StringConstraints(pattern="^[a-z0-9_]{1,20}$")]
REFERENCE = "26112700000000174f1c7a2e"
ATTEMPT: dict[str, Any] = {
    "reference": REFERENCE,
    "method": "wechat",
    "method_label": "微信支付",
    "amount_fen": 69_900,
    "state": "started",
    "client": {"code_url": "weixin://wxpay/bizpayurl?pr=4f1c7a2e"},
    "expires_at": "2026-11-27T10:15:00Z",
}


def method_label(method: str) -> str:
    methods = catalogue("trade")["methods"]
    return str(methods.get(method, methods["other"]))


class Pay(BaseModel):
    model_config = example(method="wechat")

    method: Method


class AttemptView(BaseModel):
    """A try to pay. `client` is what the shopper's side needs while it is `started`, e.g. a `code_url`."""

    model_config = example(**ATTEMPT)

    reference: str
    method: str
    method_label: str
    amount_fen: int
    state: Literal["started", "captured", "closed", "failed"]
    client: dict[str, str] | None
    expires_at: datetime


class PaymentView(BaseModel):
    """Money that arrived; `refunded_fen` of it is back or on its way."""

    method: str
    method_label: str
    amount_fen: int
    refunded_fen: int
    at: datetime


RefundState = Literal["requested", "processing", "settled", "failed", "withdrawn"]


class RefundCase(BaseModel):
    """A refund as staff see it; `by_hand`: people are to pay it back, no provider is at it."""

    number: str
    order_number: str
    method: str
    method_label: str
    amount_fen: int
    state: RefundState
    state_label: str
    reason: str
    failure: str
    by_hand: bool
    requested_at: datetime
    settled_at: datetime | None


class RefundCases(BaseModel):
    refunds: list[RefundCase]
    total: int


class Unaccounted(NamedTuple):
    """A payment that neither pays its order nor goes back; `refunds_fen` is the sum of its refunds."""

    payment_id: int
    order_number: str
    order_state: str
    method: str
    amount_fen: int
    refunded_fen: int
    refunds_fen: int


class PaymentsView(BaseModel):
    """`offered`: the ways in which the order can be paid now."""

    model_config = example(offered=["alipay", "wechat"], attempts=[ATTEMPT], payments=[])

    offered: list[str]
    attempts: list[AttemptView]
    payments: list[PaymentView]
