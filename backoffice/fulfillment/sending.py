"""Sending and stopping parcels: what needs a carrier's answer as well as a row."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress

import structlog

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.fulfillment import parcels, worklist
from backoffice.fulfillment.fulfilment_schemas import FulfilmentView, NewParcel, Receiver
from backoffice.fulfillment.fulfilments import summed
from backoffice.fulfillment.models import Fulfilment
from backoffice.fulfillment.ports import Carrier, CarrierAway, CarrierRefused, Parcel
from backoffice.fulfillment.service import STOP, carrier_names
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, Problem

log = structlog.get_logger()


class Sending:
    """`carriers` are those that can be asked, by code; parcels of others go under a number that is known."""

    def __init__(self, database: Database, carriers: Mapping[str, Carrier]) -> None:
        self._database, self._carriers = database, carriers

    async def send(self, fulfilment_id: int, parcel: NewParcel) -> FulfilmentView:
        """Book a parcel with its carrier unless its number is known, and let it leave.

        Our reference makes a booking that is asked for twice one; what was booked and may not leave is
        cancelled again. Raises as `parcels.ship`, `Invalid` (`unknown_carrier`), `Conflict` (`no_receiver`,
        `carrier_not_connected`), `CarrierRefused` or `CarrierAway`.
        """
        if parcel.carrier not in {each.id for each in carrier_names()}:
            raise Invalid("unknown_carrier", f"we send nothing with {parcel.carrier}")
        if parcel.number is not None:
            async with self._database.write() as session:
                return await parcels.ship(session, fulfilment_id, parcel, parcel.number)
        async with self._database.read() as session:
            found = await worklist.known(session, fulfilment_id)
            if await parcels.sent_before(session, fulfilment_id, parcel):
                return await worklist.view(session, found)
        number = await self._book(found, parcel)
        try:
            async with self._database.write() as session:
                return await parcels.ship(session, fulfilment_id, parcel, number)
        except Problem:
            with suppress(CarrierAway, CarrierRefused):
                await self._carriers[parcel.carrier].cancel(number)
            raise

    def subscribe(self, relay: Relay) -> None:
        relay.subscribe(STOP, self.stop)

    async def stop(self, event: Event) -> None:
        """Ask the carrier to turn a parcel round; what it makes of that is heard with its tracking events.

        Raises `CarrierAway`: it is asked again.
        """
        carrier, number = self._carriers.get(event.payload["carrier"]), event.payload["number"]
        if carrier is None:
            return
        try:
            stopped = await carrier.cancel(number)
        except CarrierRefused:
            stopped = False
        log.info("parcel_stopped" if stopped else "parcel_not_stopped", number=number)

    async def _book(self, found: Fulfilment, parcel: NewParcel) -> str:
        carrier = self._carriers.get(parcel.carrier)
        if carrier is None:
            raise Conflict("carrier_not_connected", f"{parcel.carrier} needs a number: it cannot be asked")
        if found.state != "packed":
            raise Conflict("fulfilment_moved_on", f"it is {found.state}", state=found.state)
        if not found.receiver:
            raise Conflict("no_receiver", "nobody is named whom it goes to")
        pieces = sum(each.quantity for each in parcel.pieces) if parcel.pieces else found.pieces - found.sent
        to = Receiver(
            receiver=found.receiver,
            phone=found.phone,
            province=found.province,
            city=found.city,
            district=found.district,
            street=found.street,
        )
        return await carrier.book(Parcel(reference(found.id, parcel), found.location_id, to, pieces))


def reference(fulfilment_id: int, parcel: NewParcel) -> str:
    """The same for the same pieces under the same key only: who fails cancels no parcel of a rival."""
    pieces = sorted(summed(parcel.pieces).items()) if parcel.pieces else []
    return f"{fulfilment_id}-{parcel.key}-{hashlib.sha256(repr(pieces).encode()).hexdigest()[:8]}"
