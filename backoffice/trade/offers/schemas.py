"""Promotions and coupons as they cross the API. Money in fen, times in UTC."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from backoffice.kit.examples import example
from backoffice.kit.paging import Page
from backoffice.trade.offers.domain import Source, Terms
from backoffice.trade.schemas import Plain

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Title = Annotated[str, Plain, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Channel = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,20}$")]

EXAMPLE: dict[str, Any] = {
    "code": "winter-300-40",
    "source": "promotion",
    "name": "冬装满 300 减 40",
    "starts_at": "2026-12-01T00:00:00+08:00",
    "ends_at": "2027-01-01T00:00:00+08:00",
    "terms": {
        "rule": {"kind": "threshold", "steps": [{"from_fen": 30000, "off_fen": 4000}]},
        "only": {"categories": ["服饰"]},
    },
    "quota": 1000,
    "per_customer": 2,
}
CHANGE = {name: value for name, value in EXAMPLE.items() if name not in ("code", "source")} | {"version": 1}


class PromotionView(BaseModel):
    """A promotion that runs; `text` says its rule in words."""

    id: int
    name: str
    text: str
    categories: list[str]
    ends_at: datetime


class Promotions(BaseModel):
    promotions: list[PromotionView]


class CouponView(BaseModel):
    """`mine`: in the asking customer's pocket. `applies`: to the amount and product asked about.

    `text` says its rule in words; `off_fen` is what the first step of a 满减 takes off, else 0.
    """

    id: int
    name: str
    text: str
    category: str
    threshold_fen: int
    off_fen: int
    ends_at: datetime
    mine: bool
    applies: bool


class Coupons(BaseModel):
    coupons: list[CouponView]


class KeptOffer(BaseModel):
    """What an offer promises and to how many; without a quota its uses are not counted."""

    name: Title
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    terms: Terms
    quota: int | None = Field(default=None, ge=1, lt=2**31)
    per_customer: int | None = Field(
        default=None, ge=1, le=20, description="orders of one customer; a first order and a coupon count once"
    )

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        if self.starts_at >= self.ends_at:
            raise ValueError("it ends before it starts")
        return self


class NewOffer(KeptOffer):
    """`code` is its name among the staff, unique, so that nothing is added twice."""

    model_config = example(**EXAMPLE)

    code: Code
    source: Source


class ChangedOffer(KeptOffer):
    """`version` is the one that the change was made from."""

    model_config = example(**CHANGE)

    version: int = Field(ge=1, lt=2**31)


class VersionView(BaseModel):
    version: int
    name: str
    starts_at: datetime
    ends_at: datetime
    terms: Terms
    at: datetime


class OfferView(BaseModel):
    """`taken`: orders that count a promotion, customers who took a coupon; None where it is not counted."""

    id: int
    code: str
    source: Source
    version: int
    active: bool
    name: str
    text: str
    starts_at: datetime
    ends_at: datetime
    terms: Terms
    quota: int | None
    taken: int | None
    per_customer: int | None


class OfferDetail(OfferView):
    """With what it promised before, newest first; in how many `orders` it counts and takes off `off_fen`."""

    orders: int
    off_fen: int
    versions: list[VersionView]


class Offers(BaseModel):
    offers: list[OfferView]
    total: int


class OfferFilter(Page):
    """A page of the promotions, the coupons or both; `active` false: only those that were stopped."""

    source: Literal["promotion", "coupon"] | None = None
    active: bool | None = None
