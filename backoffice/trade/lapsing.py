"""Orders that were not paid in time are cancelled when their pieces are free again."""

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.inventory import holds
from backoffice.kit.database import Database
from backoffice.trade import cancelling
from backoffice.trade.collecting import Collecting

ORDER = "order:"


class Lapsing:
    """Takes what the relay passes on; twice does no more than once."""

    def __init__(self, database: Database, collecting: Collecting) -> None:
        self._database, self._collecting = database, collecting

    def subscribe(self, relay: Relay) -> None:
        relay.subscribe(holds.EXPIRED, self.hold_ended)

    async def hold_ended(self, event: Event) -> None:
        """Providers are asked first. Raises `PaymentAway`: it is tried again."""
        holder = str(event.payload["holder"])
        if holder.startswith(ORDER):
            order_id = int(holder.removeprefix(ORDER))
            await self._collecting.find_lost(order_id)
            async with self._database.write() as session:
                await cancelling.lapse(session, order_id)
