"""The rules of returns that a shop can change: `rules.yml`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["return", "exchange", "claim"]
Reason = Literal["unwanted", "size", "other", "defective", "damaged", "wrong_item", "missing"]
REASONS: tuple[Reason, ...] = ("unwanted", "size", "other", "defective", "damaged", "wrong_item", "missing")
Days = Annotated[int, Field(ge=0, le=3650)]
UNLIMITED = 1_000_000
FILE = Path(__file__).parent / "rules.yml"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonRule(Strict):
    days: Days
    fault: bool
    postage: Literal["shop", "shopper"]
    goods_back: bool
    first_shipping: bool
    photos: int = Field(ge=0, le=9)

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        if self.fault and self.postage == "shopper":
            raise ValueError("a shopper does not pay for the shop's fault")
        if not self.fault and not self.goods_back:
            raise ValueError("without a fault the goods come back")
        if not self.fault and self.first_shipping:
            raise ValueError("the first shipping is paid back for a fault only")
        return self


class CategoryRule(Strict):
    days: Days


class Rules(Strict):
    reasons: Mapping[Reason, ReasonRule]
    categories: Mapping[str, CategoryRule]
    pickup_fen: int = Field(ge=0, le=100_000)
    shopper_pays: Literal["deducted", "carried"]
    free_pickups: Mapping[str, Annotated[int, Field(ge=1, le=1000)] | Literal["any"]]
    pickup_hour: int = Field(ge=0, le=23)
    hand_over_days: int = Field(ge=1, le=365)
    remind_days: Days
    inspect_days: int = Field(ge=1, le=365)
    late_inspection: Literal["refunded", "shown"]

    @model_validator(mode="after")
    def holds_together(self) -> Self:
        if missing := [reason for reason in REASONS if reason not in self.reasons]:
            raise ValueError(f"no rule for {', '.join(missing)}")
        if self.remind_days >= self.hand_over_days:
            raise ValueError("remind_days must be below hand_over_days")
        return self

    def days(self, category: str, reason: Reason) -> int:
        """Days after delivery in which a thing of this category can go back for this reason."""
        rule = self.reasons[reason]
        other = None if rule.fault else self.categories.get(category)
        return other.days if other else rule.days

    def photos_of(self, kind: str, reason: str) -> int:
        """How many photos a case needs at least: only claims do."""
        return self.reasons[cast(Reason, reason)].photos if kind == "claim" else 0

    def free_pickups_of(self, level: str) -> int:
        """How many times a month a customer of this level pays no courier."""
        free = self.free_pickups.get(level, 0)
        return UNLIMITED if free == "any" else free


def read(path: Path) -> Rules:
    """Raises `pydantic.ValidationError` for rules that do not hold together."""
    return Rules.model_validate(yaml.safe_load(path.read_text(encoding="utf8")))


@cache
def rules() -> Rules:
    """The shop's rules."""
    return read(FILE)
