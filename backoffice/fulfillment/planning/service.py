"""Which location sends what: plans for orders, and what planning is told."""

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from backoffice.fulfillment.planning import repository
from backoffice.fulfillment.planning.deciding import decide, hour_of
from backoffice.fulfillment.planning.feasibility import Site
from backoffice.fulfillment.planning.models import LocationHour, LocationTermsRow
from backoffice.fulfillment.planning.picture import picture
from backoffice.fulfillment.planning.schemas import (
    CalendarTerms,
    Decided,
    Plan,
    Planned,
    PlanRequest,
    Profile,
    Promise,
    Terms,
)
from backoffice.fulfillment.planning.words import Spot
from backoffice.inventory import service as inventory
from backoffice.inventory.schemas import LocationView, Shelf
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now


@cache
def usual_profiles() -> dict[str, Profile]:
    """How each promise is planned unless the shop says otherwise."""
    told: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("planning.yml").read_text("utf8"))
    return {promise: Profile.model_validate(profile) for promise, profile in told.items()}


def usual_terms(place: LocationView) -> Terms:
    return Terms(ships=place.kind == "warehouse", pickup=place.kind == "store")


async def plan(session: ReadSession, wanted: PlanRequest, moment: datetime | None = None) -> Plan:
    """Which locations send an order of this `moment`, now if None; nothing is promised or counted by it.

    A plan that cannot be made has a `refusal`; it never raises for a shortage.
    """
    moment = moment or now()
    wanted = await located(session, wanted)
    profile, sites = await surroundings(
        session, wanted.promise, [line.sku_id for line in wanted.lines], wanted.channel, moment
    )
    if profile.strategy == "cost":
        return await asyncio.to_thread(decide, sites, wanted, profile, moment)
    return decide(sites, wanted, profile, moment)


async def located(session: ReadSession, wanted: PlanRequest) -> PlanRequest:
    """The request with the coordinates of its city where it has none of its own."""
    to = wanted.destination
    if to.point or not (to.province or to.city):
        return wanted
    place = await inventory.place(session, to.province + to.city)
    if place is None:
        return wanted
    here = {"latitude": place.latitude, "longitude": place.longitude}
    return wanted.model_copy(update={"destination": to.model_copy(update=here)})


async def surroundings(
    session: ReadSession, promise: Promise, sku_ids: Iterable[int], channel: str, moment: datetime
) -> tuple[Profile, list[Site]]:
    """How a promise is planned, and the sites that have any of the SKUs for a channel: three reads."""
    shelves = await inventory.shelves(session, sorted(set(sku_ids)), channel)
    told, calendars = await repository.how(session, promise)
    terms = await repository.terms(session, [shelf.place.id for shelf in shelves], hour_of(moment))
    profile = Profile.model_validate(told) if told else usual_profiles()[promise]
    made = {name: CalendarTerms.model_validate(row, from_attributes=True) for name, row in calendars.items()}
    return profile, [site(shelf, terms.get(shelf.place.id), made) for shelf in shelves]


def site(
    shelf: Shelf,
    told: tuple[LocationTermsRow, LocationHour | None] | None,
    calendars: dict[str, CalendarTerms],
) -> Site:
    row, hour = told or (None, None)
    terms = Terms.model_validate(row, from_attributes=True) if row else usual_terms(shelf.place)
    most = terms.hourly_orders if hour is None or hour.most is None else hour.most
    return Site(
        place=shelf.place,
        free=shelf.free,
        terms=terms,
        calendar=calendars.get(terms.calendar) or CalendarTerms(),
        taken=hour.taken if hour else 0,
        most=most,
    )


async def claim(session: WriteSession, made: Planned) -> None:
    """Count a plan in the hour of each of its locations, in the transaction that allocates its picks.

    Raises `Conflict` (`location_full`, with `location_id`) when an instant order comes after the last that
    its location takes in this hour: plan again.
    """
    for location_id in sorted({parcel.location_id for parcel in made.parcels}):
        if not await claim_at(session, location_id, made.hour, bounded=made.promise == "instant"):
            raise Conflict("location_full", "no more orders in this hour", location_id=location_id)


async def unclaim(session: WriteSession, made: Planned) -> None:
    """Take a claimed plan out of its hour again; once for each claim."""
    for location_id in sorted({parcel.location_id for parcel in made.parcels}):
        await unclaim_at(session, location_id, made.hour)


async def claim_at(session: WriteSession, location_id: int, moment: datetime, bounded: bool = False) -> bool:
    """Count one order in a location's hour; False when it is `bounded` and the hour is full."""
    return await repository.take(session, location_id, hour_of(moment), bounded)


async def unclaim_at(session: WriteSession, location_id: int, moment: datetime) -> None:
    """Take one order out of a location's hour again; once for each claim."""
    await repository.give_back(session, location_id, hour_of(moment))


async def record(session: WriteSession, order_id: int, made: Plan | Decided) -> None:
    """Keep with an order how it was planned, in the transaction that takes its picks; earlier plans stay."""
    kept = made.decided() if isinstance(made, Plan) else made
    await repository.add_decision(session, order_id, kept.model_dump(mode="json"), now())


async def decision(session: ReadSession, order_id: int) -> Decided | None:
    """How an order was planned last; None for one that was placed before plans were kept."""
    found = await decisions(session, order_id, 1)
    return found[0] if found else None


async def decisions(session: ReadSession, order_id: int, limit: int = 10) -> list[Decided]:
    """How an order was planned, newest first: as a whole, and then what had to come from elsewhere."""
    return [Decided.model_validate(each) for each in await repository.decisions(session, order_id, limit)]


async def decided(session: ReadSession, order_ids: Collection[int]) -> set[int]:
    """The orders of which it is kept how they were planned."""
    return await repository.decided(session, order_ids)


async def drawn(session: ReadSession, made: Decided) -> str:
    """A plan as a picture: SVG with its words in it."""
    places = [*await inventory.locations(session, "warehouse"), *await inventory.locations(session, "store")]
    spots = {each.id: Spot(each.name, each.latitude, each.longitude) for each in places}
    return picture(made, spots)
