"""What crosses the users' API. Phones, names and streets are masked."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from backoffice.kit.examples import example
from backoffice.kit.fields import Text
from backoffice.kit.geo import System
from backoffice.kit.sheets import parts

Proof = Literal["sign_in", "code", "scan", "unionid"]


class SignIn(BaseModel):
    model_config = example(phone="15400000001", password="xiaoer")

    phone: Text = Field(min_length=1, max_length=20)
    password: str = Field(min_length=1, max_length=200)


class ServiceSignIn(BaseModel):
    model_config = example(phone="15400000001")

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


class CustomerLine(BaseModel):
    """A line of the table of customers, known by their phone."""

    phone: Text = Field(min_length=5, max_length=30)
    name: Text = Field(min_length=1, max_length=40)
    other_phones: Annotated[list[Text], BeforeValidator(parts), Field(max_length=4)] = []


class NewPhone(BaseModel):
    """Chinese unless it begins with `+` and a country."""

    model_config = example(number="154 0000 0021")

    number: Text = Field(min_length=5, max_length=30)


class PhoneView(BaseModel):
    """`number` is masked."""

    id: int
    number: str
    is_primary: bool
    is_verified: bool
    added_at: datetime


class Phones(BaseModel):
    """The primary one first."""

    phones: list[PhoneView]


class Verified(BaseModel):
    """How a number was proved to be the customer's, e.g. by a call."""

    model_config = example(reason="回拨该号码，机主本人接听")

    reason: Text = Field(min_length=1, max_length=120)


class AddressView(BaseModel):
    id: int
    receiver: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    is_default: bool


class Addresses(BaseModel):
    """The default one first."""

    addresses: list[AddressView]


class NewAddress(BaseModel):
    """`latitude` and `longitude`, both or neither, are meant in `system`."""

    model_config = example(
        receiver="林晓",
        phone="15400000001",
        province="浙江省",
        city="杭州市",
        district="西湖区",
        street="文三路90号",
        is_default=True,
        latitude=30.2735,
        longitude=120.1375,
        system="gcj02",
    )

    receiver: Text = Field(min_length=1, max_length=40)
    phone: Text = Field(pattern=r"^\+?[0-9][0-9 \-]{4,18}$")
    province: Text = Field(min_length=1, max_length=20)
    city: Text = Field(min_length=1, max_length=20)
    district: Text = Field(default="", max_length=20)
    street: Text = Field(min_length=1, max_length=120)
    is_default: bool = False
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    system: System = "wgs84"

    @model_validator(mode="after")
    def whole_point(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


class AddressDetail(BaseModel):
    """An address as other rooms need it, coordinates in WGS-84; unmasked, nothing for a list or a log."""

    id: int
    receiver: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    is_default: bool
    latitude: float | None
    longitude: float | None


class SeenDevice(BaseModel):
    """`push_token`: none leaves the one that is known."""

    model_config = example(
        device_id="a3f1c7d2-5b0e-4c86-9a41-7e2d8f60b913", platform="ios", push_token="c9d4c07cfbbc26d6"
    )

    device_id: Text = Field(min_length=8, max_length=200)
    platform: Literal["ios", "android", "harmony", "web", "mini"]
    push_token: Text | None = Field(default=None, max_length=300)


class DeviceView(BaseModel):
    """`id` is a hash: what it was made of and the push token are not told again."""

    id: str
    platform: str
    pushes: bool
    first_seen_at: datetime
    last_seen_at: datetime


class Devices(BaseModel):
    """The one seen last first."""

    devices: list[DeviceView]


class NewCard(BaseModel):
    """A card by the token that its payment provider gave."""

    model_config = example(token="tok_8f3a1c7d2b5e4906", brand="招商银行", last_four="4217")

    token: Text = Field(min_length=8, max_length=120)
    brand: Text = Field(min_length=1, max_length=20)
    last_four: Text = Field(pattern="^[0-9]{4}$")


class CardView(BaseModel):
    id: int
    brand: str
    last_four: str
    bound_at: datetime


class Cards(BaseModel):
    """The one bound last first."""

    cards: list[CardView]


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


class PointsAdjustment(BaseModel):
    """`reference`: what it is for, e.g. a case; asked again with it, nothing more is done."""

    model_config = example(delta=200, reference="C2611230004217", reason="物流延误补偿")

    delta: int = Field(ge=-1_000_000, le=1_000_000)
    reference: Text = Field(min_length=1, max_length=80)
    reason: Text = Field(min_length=1, max_length=40)


class PointsDifference(BaseModel):
    """Counters beside the ledger: `counted` should be `entries`, `growth` should be `earned`."""

    customer_id: int
    counted: int
    entries: int
    growth: int
    earned: int


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
