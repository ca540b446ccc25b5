"""Sites and requests of planning tests, with whatever a test does not care about filled in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backoffice.fulfillment.planning.feasibility import Site
from backoffice.fulfillment.planning.schemas import (
    CalendarTerms,
    Destination,
    PlanLine,
    PlanRequest,
    Profile,
    Terms,
)
from backoffice.fulfillment.planning.service import usual_profiles
from backoffice.inventory.schemas import LocationView

TUESDAY_NOON = datetime(2026, 12, 1, 4, tzinfo=UTC)
"""12:00 of the shop's 1 December 2026."""
SHANGHAI = Destination(latitude=31.23, longitude=121.47, province="上海市", city="上海市")


def site(
    id: int,
    free: Mapping[int, int],
    at: tuple[float, float] = (31.23, 121.47),
    *,
    kind: str = "warehouse",
    hours: str = "00:00-24:00",
    calendar: CalendarTerms | None = None,
    taken: int = 0,
    most: int | None = None,
    **terms: Any,
) -> Site:
    place = LocationView(
        id=id,
        kind=kind,  # type: ignore[arg-type]
        name=f"{id}号",
        province="上海市",
        city="上海",
        district="某区",
        address="一号",
        latitude=at[0],
        longitude=at[1],
        hours=hours,
        phone="",
    )
    kept = Terms(**({"ships": True, "pickup": True} | terms))
    return Site(place, dict(free), kept, calendar or CalendarTerms(), taken, most)


def request(lines: Mapping[int, int], promise: str = "standard", **values: Any) -> PlanRequest:
    return PlanRequest(
        promise=promise,  # type: ignore[arg-type]
        lines=[PlanLine(sku_id=sku, quantity=quantity) for sku, quantity in lines.items()],
        **({"destination": SHANGHAI} | values),
    )


def profile(*rules: str, promise: str = "standard", **changes: Any) -> Profile:
    usual = usual_profiles()[promise].model_dump()
    if rules:
        changes["rules"] = [{"rule": rule, "step": 0.1 if rule == "load" else 1} for rule in rules]
    return Profile.model_validate(usual | changes)
