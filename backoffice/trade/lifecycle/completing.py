"""An order is complete when its shopper has had it for a while: what it earns is earned then."""

from datetime import datetime, timedelta
from functools import partial

from backoffice.kit.database import Database
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now
from backoffice.trade import repository
from backoffice.trade.history_repository import change
from backoffice.trade.models import Order
from backoffice.trade.telling import told

AFTER = timedelta(days=7)
SWEEP_SECONDS = 300.0
BATCH = 100


class Completing:
    """Completes orders in the background; any number of processes may, each order is completed once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Sweep now and every five minutes, until cancelled."""
        await again(lambda: self.sweep(now()), SWEEP_SECONDS, "orders_not_completed")

    async def sweep(self, moment: datetime) -> int:
        """How many orders were completed."""
        completed = 0
        while True:
            async with self._database.read() as session:
                due = await repository.delivered_before(session, moment - AFTER, BATCH)
            done = await each_of(due, partial(self._complete, moment), "order_not_completed")
            completed += done
            if len(due) < BATCH or not done:
                return completed

    async def _complete(self, moment: datetime, order: Order) -> int:
        async with self._database.write() as session:
            if not await change(session, order.id, "completed", "system", completed_at=moment):
                return 0
            await told(session, "order.completed", order)
            return 1
