"""What is asked of the planner and what it answers.

Coordinates in WGS-84 degrees, distances in km, money in fen, days and hours are the shop's.
"""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from backoffice.inventory.schemas import LocationView, Pick
from backoffice.kit.fields import RowId, Text

Promise = Literal["store_pickup", "instant", "next_day", "standard"]
RuleName = Literal[
    "fewest_parcels", "priority", "stock_cover", "nearest", "region", "load", "warehouse_first"
]
Barrier = Literal[
    "barred",
    "no_stock",
    "other_store",
    "no_pickup",
    "no_instant",
    "does_not_ship",
    "closed",
    "full",
    "never_works",
    "cut_off_passed",
    "place_unknown",
    "out_of_area",
    "too_far",
]
Strategy = Literal["rules", "cost", "fewest_parcels", "batch"]
RefusalCode = Literal["out_of_stock", "not_deliverable", "split_limit", "waits"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Point = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]
RANKS_KEPT = 8
CalendarName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,30}$")]


class Destination(BaseModel):
    """Without coordinates the city's own are taken; without a known city the place is not known."""

    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    province: Annotated[Text, Field(max_length=40)] = ""
    city: Annotated[Text, Field(max_length=40)] = ""

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)

    def roughly(self) -> "Destination":
        """The same to about a kilometre: a quarter, not a door."""
        if self.point is None:
            return self
        latitude, longitude = self.point
        return self.model_copy(update={"latitude": round(latitude, 2), "longitude": round(longitude, 2)})


class PlanLine(BaseModel):
    sku_id: RowId
    quantity: int = Field(ge=1, le=9999)


class Barred(BaseModel):
    """A location that is not to be asked, or not for one SKU."""

    location_id: RowId
    sku_id: RowId | None = None


class PlanRequest(BaseModel):
    """`store_pickup` names its store; lines that share a SKU are one."""

    promise: Promise = "standard"
    lines: list[PlanLine] = Field(min_length=1, max_length=100)
    destination: Destination = Destination()
    store_id: RowId | None = None
    channel: Annotated[Text, Field(max_length=20)] = "web"
    barred: list[Barred] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def names_its_store(self) -> Self:
        if self.promise == "store_pickup" and self.store_id is None:
            raise ValueError("store_pickup needs a store_id")
        return self


class Arrival(BaseModel):
    """`eta_minutes`: from now to the door, of an instant delivery only."""

    leaves_on: date
    arrives_from: date
    arrives_to: date
    eta_minutes: int | None = None


class Parcel(Arrival):
    location_id: int
    location: str
    picks: list[Pick]
    distance_km: float | None


class Ranked(BaseModel):
    """A location and what each rule says of it, in the order of the rules: lower is better."""

    location_id: int
    ranks: list[float]


class Infeasible(BaseModel):
    location_id: int
    location: str
    barrier: Barrier


class Decision(BaseModel):
    """Why a plan is as it is.

    `rounds`: one for each parcel, best first; the first rank in which two locations differ decided between
    them. Under the `cost` strategy there is one round with what a parcel of each location costs, in fen;
    `gap`: how much cheaper, as a share of the cost, another plan could still be (0: none is).
    `fewest_parcels`: the rules would have taken more parcels than the split limit. `batch`: the cheapest for
    many orders together; `cost_fen` and the ranks are as under `cost`, `gap` is that of the batch.
    """

    strategy: Strategy
    rules: list[RuleName]
    rounds: list[list[Ranked]]
    infeasible: list[Infeasible]
    cost_fen: int | None = None
    gap: float = 0


class Short(BaseModel):
    """`available`: where this promise can be kept; `elsewhere`: at locations that cannot keep it."""

    sku_id: int
    wanted: int
    available: int
    elsewhere: int


class Refusal(BaseModel):
    """`out_of_stock`: not enough anywhere; `not_deliverable`: enough, but not where the promise can be kept;
    `split_limit`: enough, but in too many places: `short` is then what the fullest of them lacks; `waits`:
    enough for this order alone, but in its batch others come first: `short` is then what they leave.
    """

    code: RefusalCode
    short: list[Short]


class Planned(BaseModel):
    """Which location sends what to where. `hour`: the one whose orders it adds to."""

    promise: Promise
    hour: datetime
    destination: Destination = Destination()
    parcels: list[Parcel]

    @property
    def picks(self) -> list[Pick]:
        """What is to be taken from where, as inventory takes it."""
        return sorted(pick for parcel in self.parcels for pick in parcel.picks)


class Decided(Planned):
    """A plan as it is kept with its order: the best few of each round, and who could not by what stopped it.

    Its destination is rounded to about a kilometre.
    """

    strategy: Strategy
    rules: list[RuleName]
    rounds: list[list[Ranked]]
    barriers: dict[Barrier, list[int]]
    cost_fen: int | None = None
    gap: float = 0


class Plan(Planned):
    """A refused plan has no parcels."""

    refusal: Refusal | None = None
    decision: Decision

    def decided(self) -> Decided:
        barriers: dict[Barrier, list[int]] = {}
        for each in self.decision.infeasible:
            barriers.setdefault(each.barrier, []).append(each.location_id)
        return Decided(
            promise=self.promise,
            hour=self.hour,
            destination=self.destination.roughly(),
            parcels=self.parcels,
            strategy=self.decision.strategy,
            rules=self.decision.rules,
            rounds=[ranked[:RANKS_KEPT] for ranked in self.decision.rounds],
            barriers=barriers,
            cost_fen=self.decision.cost_fen,
            gap=self.decision.gap,
        )


class RuleSetting(BaseModel):
    """A rule and the `step` below which a difference is a tie.

    Of `nearest` it is km, of `load` a share of the hour's orders, of `stock_cover` how many orders like this
    one are stock enough.
    """

    rule: RuleName
    step: float = Field(default=1, gt=0, le=10_000)


class Costs(BaseModel):
    """Fen: for each parcel, each km of its way, a fully loaded location, and the last piece on a shelf."""

    parcel_fen: int = Field(default=600, ge=0, le=100_000)
    km_fen: float = Field(default=0.5, ge=0, le=10_000)
    load_fen: int = Field(default=200, ge=0, le=100_000)
    stock_fen: int = Field(default=100, ge=0, le=100_000)


class Profile(BaseModel):
    """How a promise is planned: by `rules` in order, or for the least `cost`; at most `split_limit` parcels.

    `most_km`: how far a parcel may go; for an instant one a location's own area decides.
    """

    strategy: Literal["rules", "cost"] = "rules"
    rules: list[RuleSetting] = Field(min_length=1, max_length=10)
    split_limit: int = Field(ge=1, le=10)
    most_km: float | None = Field(default=None, gt=0, le=20_000)
    costs: Costs = Costs()


class Terms(BaseModel):
    """What a location does: which promises it keeps, for whom, and how much of it.

    `area`: corners of a polygon, [latitude, longitude]; it goes before `radius_km`. `hourly_orders`: how many
    it takes in an hour, None for any number.
    """

    priority: int = Field(default=100, ge=0, le=10_000)
    ships: bool = False
    pickup: bool = False
    instant: bool = False
    radius_km: float | None = Field(default=None, gt=0, le=500)
    area: list[Point] | None = Field(default=None, min_length=3, max_length=500)
    hourly_orders: int | None = Field(default=None, ge=0, le=1_000_000)
    prepare_minutes: int = Field(default=15, ge=0, le=24 * 60)
    calendar: CalendarName = "daily"


class CalendarTerms(BaseModel):
    """When parcels leave: on these weekdays (1 is Monday), ordered before `cut_off`.

    `days`: what differs from the weekdays, a holiday false and a Saturday made up for it true.
    """

    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(default=[1, 2, 3, 4, 5, 6, 7], max_length=7)
    cut_off: Clock = "17:00"
    days: dict[date, bool] = Field(default={}, max_length=1000)


class LocationTerms(BaseModel):
    location: LocationView
    terms: Terms


class LocationTermsList(BaseModel):
    locations: list[LocationTerms]
    total: int


class HourLoad(BaseModel):
    """An hour of a location: `taken` orders; `most` when this hour has a limit of its own."""

    hour: datetime
    taken: int
    most: int | None
