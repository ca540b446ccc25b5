"""Orders follow what locations and carriers do to their parts."""

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.fulfillment import pickups
from backoffice.kit.database import Database
from backoffice.trade.lifecycle import sourcing

MOVED_ON = tuple(
    f"fulfilment.{state}" for state in ("declined", "shipped", "delivered", "collected", "returned", "lost")
)
GONE = ("parcel.returned", "parcel.lost")
LATE = "fulfilment.late"


class Fulfilling:
    """Takes what the relay passes on; in any order, and twice does no more than once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, relay: Relay) -> None:
        for topic in (*MOVED_ON, *GONE, pickups.EXPIRED):
            relay.subscribe(topic, self.moved_on)
        relay.subscribe(LATE, self.late)

    async def moved_on(self, event: Event) -> None:
        async with self._database.write() as session:
            await sourcing.source(session, int(event.payload["order_id"]))

    async def late(self, event: Event) -> None:
        order_id, fulfilment_id = int(event.payload["order_id"]), int(event.payload["fulfilment_id"])
        async with self._database.write() as session:
            await sourcing.too_late(session, order_id, fulfilment_id)
