"""Which locations can keep a promise, and when the goods arrive: pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil

from backoffice.fulfillment import domain
from backoffice.fulfillment.planning.schemas import (
    Arrival,
    Barrier,
    CalendarTerms,
    Destination,
    Profile,
    Promise,
    Terms,
)
from backoffice.inventory.schemas import LocationView
from backoffice.inventory.service import open_at
from backoffice.kit.geo import inside
from backoffice.kit.time import SHOP_ZONE, shop_date

COURIER_KMH = 18
WINDING = 1.3
"""A way through streets is so much longer than the flight of a bird."""
LONGEST_CLOSED = 60
"""A calendar without a working day among so many never works."""


@dataclass(frozen=True)
class Site:
    """A location with what is free there of what is wanted (SKU to pieces), and how busy its hour is."""

    place: LocationView
    free: Mapping[int, int]
    terms: Terms
    calendar: CalendarTerms
    taken: int = 0
    most: int | None = None

    @property
    def load(self) -> float:
        """The share of the hour's orders that is taken; 0 where any number may come."""
        if self.most is None:
            return 0
        return min(1, self.taken / self.most) if self.most else 1


@dataclass(frozen=True)
class Candidate:
    """A site that can keep the promise."""

    site: Site
    distance_km: float | None
    arrival: Arrival

    @property
    def id(self) -> int:
        return self.site.place.id


def works(calendar: CalendarTerms, day: date) -> bool:
    return calendar.days.get(day, day.isoweekday() in calendar.weekdays)


def leaves_on(calendar: CalendarTerms, moment: datetime) -> date | None:
    """The day a parcel ordered at `moment` leaves; None when that is not in sight."""
    local = moment.astimezone(SHOP_ZONE)
    day = local.date() + timedelta(days=local.time() >= time.fromisoformat(calendar.cut_off))
    coming = (day + timedelta(days=ahead) for ahead in range(LONGEST_CLOSED))
    return next((each for each in coming if works(calendar, each)), None)


def minutes_to(prepare_minutes: int, distance_km: float) -> int:
    """From now to the door by a courier."""
    return prepare_minutes + ceil(distance_km * WINDING / COURIER_KMH * 60)


def barrier(site: Site, promise: Promise, moment: datetime) -> Barrier | None:
    """What keeps a site from a promise wherever the goods go; None: nothing."""
    terms = site.terms
    if promise == "store_pickup":
        return None if terms.pickup else "no_pickup"
    if promise == "instant":
        if not terms.instant:
            return "no_instant"
        handed_over = moment + timedelta(minutes=terms.prepare_minutes)
        if not (open_at(site.place.hours, moment) and open_at(site.place.hours, handed_over)):
            return "closed"
        return "full" if site.most is not None and site.taken >= site.most else None
    if not terms.ships:
        return "does_not_ship"
    leaves = leaves_on(site.calendar, moment)
    if leaves is None:
        return "never_works"
    return "cut_off_passed" if promise == "next_day" and leaves != shop_date(moment) else None


def way_barrier(
    terms: Terms, promise: Promise, to: Destination, distance_km: float | None, profile: Profile
) -> Barrier | None:
    """What keeps a site from a promise because of the way; None: nothing."""
    if promise == "store_pickup":
        return None
    if distance_km is None or to.point is None:
        return None if promise == "standard" else "place_unknown"
    if promise == "instant":
        if terms.area is not None:
            return None if inside(*to.point, terms.area) else "out_of_area"
        return "out_of_area" if terms.radius_km is None or distance_km > terms.radius_km else None
    if profile.most_km is not None and distance_km > profile.most_km:
        return "too_far"
    late = promise == "next_day" and domain.express_days(distance_km, domain.is_remote(to.province))[0] > 1
    return "too_far" if late else None


def arrival(
    site: Site, promise: Promise, moment: datetime, to: Destination, distance_km: float | None
) -> Arrival:
    """When goods of a site that can keep the promise arrive."""
    today = shop_date(moment)
    if promise == "store_pickup":
        return Arrival(leaves_on=today, arrives_from=today, arrives_to=today)
    if promise == "instant":
        minutes = minutes_to(site.terms.prepare_minutes, distance_km or 0)
        at_door = shop_date(moment + timedelta(minutes=minutes))
        return Arrival(leaves_on=today, arrives_from=at_door, arrives_to=at_door, eta_minutes=minutes)
    leaves = leaves_on(site.calendar, moment) or today
    if promise == "next_day":
        first, last = 1, 1
    elif distance_km is None:
        first, last = 2, 5
    else:
        first, last = domain.standard_days(distance_km, domain.is_remote(to.province))
    return Arrival(
        leaves_on=leaves,
        arrives_from=leaves + timedelta(days=first),
        arrives_to=leaves + timedelta(days=last),
    )
