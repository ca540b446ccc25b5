"""What crosses the returns' API. Money in fen, times in UTC."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from backoffice.returns.domain import Kind, Reason
from backoffice.trade.schemas import Plain, Step


class Choice(BaseModel):
    """A variant that a line can be exchanged for; `available` pieces can be sent."""

    sku_id: int
    colour: str
    size: str
    variant: str
    available: int


class ReturnableLine(BaseModel):
    """`quantity` pieces can still go back for one of `reasons`; all of them are worth `amount_fen`.

    `until`: the last moment without a fault, `fault_until`: with one. `choices`: for an exchange.
    """

    line_id: int
    name: str
    variant: str
    quantity: int
    amount_fen: int
    until: datetime | None
    fault_until: datetime | None
    reasons: list[Reason]
    image: str
    choices: list[Choice]


class Returnable(BaseModel):
    lines: list[ReturnableLine]
    eligible: bool
    reason: Literal["ok", "not_received", "expired", "not_returnable", "already", "cancelled"]


class AskReturn(BaseModel):
    """`wanted_sku_id`: what an exchange shall bring, the same again when left out."""

    kind: Kind
    line_id: int = Field(ge=1, lt=2**63)
    quantity: int = Field(default=1, ge=1, le=999)
    reason: Reason
    detail: Annotated[str, Plain, StringConstraints(strip_whitespace=True, max_length=400)] = ""
    wanted_sku_id: int | None = Field(default=None, ge=1, lt=2**63)


class ReturnView(BaseModel):
    """`amount_fen` is what will be paid back, 0 for an exchange; `next` says what happens next."""

    number: str
    kind: Kind
    kind_label: str
    state: str
    state_label: str
    order_number: str
    item: str
    variant: str
    quantity: int
    reason: Reason
    reason_label: str
    amount_fen: int
    pickup_at: datetime | None
    requested_at: datetime
    closed_at: datetime | None
    progress: list[Step]
    next: str
    wanted_variant: str | None


class Returns(BaseModel):
    returns: list[ReturnView]
