"""What crosses the users' API. Phones, names and streets are masked."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backoffice.kit.fields import Text

Proof = Literal["sign_in", "code", "scan", "unionid"]


class SignIn(BaseModel):
    phone: Text = Field(min_length=1, max_length=20)
    password: str = Field(min_length=1, max_length=200)


class ServiceSignIn(BaseModel):
    phone: Text = Field(min_length=1, max_length=20)


class SignedIn(BaseModel):
    token: str
    name: str


class ServiceSignedIn(SignedIn):
    customer_id: int


class CustomerView(BaseModel):
    """A customer as other rooms know them; nothing masked, nothing for a list or a log."""

    id: int
    name: str
    phone: str
    level: str
    points: int


class AddressView(BaseModel):
    id: int
    receiver: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    is_default: bool


class Me(BaseModel):
    name: str
    phone: str
    level: str
    level_label: str
    points: int
    addresses: list[AddressView]


class PointsEntryView(BaseModel):
    delta: int
    reason: str
    at: datetime


class PointsView(BaseModel):
    """`entries`: the last five, newest first."""

    points: int
    level: str
    level_label: str
    next_level_label: str | None
    points_to_next: int | None
    benefits: list[str]
    entries: list[PointsEntryView]


class DemoSignIn(BaseModel):
    name: str
    phone: str
    password: str
    situation: str


class DemoSignIns(BaseModel):
    sign_ins: list[DemoSignIn]


class IdentityView(BaseModel):
    """A sender of a channel whom a customer proved to be; `gone_at`: since when nothing can be sent there."""

    channel: str
    sender: str
    proof: Proof
    bound_at: datetime
    gone_at: datetime | None


class Identities(BaseModel):
    identities: list[IdentityView]


class BindingCodeView(BaseModel):
    """To be written in the other channel once, before `expires_at`."""

    code: str
    expires_at: datetime
