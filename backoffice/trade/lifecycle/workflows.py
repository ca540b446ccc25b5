"""The workflow of an order: durable, by DBOS, one for each order, its id the order's number.

What was placed waits for its money, without a thread or a transaction, until it must be paid. Then it is
given to the locations that send it, or undone. Each step is a transaction of the shop's database that reads
what is there, so it may be done twice; messages only wake. What follows takes days and needs no workflow:
whatever locations and carriers do is an event that `fulfilling` takes, with the same step.

step                    undone by
stock held (placing)    let go, when it is not paid in time or cancelled
paid (paying)           refunded
stock allocated         let go
capacity claimed        given back
parts made              cancelled
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog
from dbos import DBOS, SetWorkflowID
from dbos import error as failures

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.inventory import holds
from backoffice.kit.database import Database
from backoffice.kit.time import now
from backoffice.trade import history_repository, repository
from backoffice.trade.lifecycle import sourcing
from backoffice.trade.payments.ports import PaymentAway

log = structlog.get_logger()

NEWS = "news"
FIRST_WAIT, LONGEST_WAIT = 5.0, 600.0
step = partial(DBOS.step, retries_allowed=True, interval_seconds=0.5, max_attempts=13, backoff_rate=2.0)
"""Tried again for half an hour when the database is away."""
Lapse = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Means:
    """What the steps work with. `lapse` cancels an order unless it turns out to be paid."""

    database: Database
    lapse: Lapse


_means: list[Means] = []


def use(database: Database, lapse: Lapse) -> None:
    """Before DBOS is launched: what the steps of this process work with."""
    _means[:] = [Means(database, lapse)]


@DBOS.workflow(name="order", max_recovery_attempts=None)
async def order(order_id: int) -> str:
    """From placed to given to its locations, or cancelled; the order's state then.

    A step that could not be done in all its tries is begun anew after a while: no order is left alone.
    """
    while True:
        try:
            return await follow(order_id)
        except failures.DBOSMaxStepRetriesExceeded as stuck:
            log.error("order_stuck", order=order_id, step=stuck.step_name, error=repr(stuck.errors[-1:]))
            await DBOS.sleep_async(LONGEST_WAIT)


async def follow(order_id: int) -> str:
    wait = FIRST_WAIT
    seconds = await payable_for(order_id)
    while seconds is not None:
        if seconds > 0:
            await DBOS.recv_async(NEWS, timeout_seconds=seconds)
        elif not await lapse(order_id):
            await DBOS.sleep_async(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        seconds = await payable_for(order_id)
    return await source(order_id)


@step(name="payable_for")
async def payable_for(order_id: int) -> float | None:
    """Seconds in which an order can still be paid, 0 when they are over; None when it is not unpaid."""
    async with _means[0].database.read() as session:
        found = await repository.order_by_id(session, order_id)
    if found is None or found.state != "unpaid" or found.pay_by is None:
        return None
    return max((found.pay_by - now()).total_seconds(), 0.0)


@step(name="lapse")
async def lapse(order_id: int) -> bool:
    """Cancel the order unless there is money for it; False when nobody could say whether there is."""
    try:
        await _means[0].lapse(order_id)
    except PaymentAway:
        return False
    return True


@step(name="source")
async def source(order_id: int) -> str:
    """Give what was paid to the locations that send it."""
    async with _means[0].database.write() as session:
        return await sourcing.source(session, order_id)


class Workflows:
    """Starts and wakes workflows with what the relay passes on; twice does no more than once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, relay: Relay) -> None:
        for topic in ("order.placed", "order.restored"):
            relay.subscribe(topic, self.placed)
        for topic in ("order.paid", "order.cancelled"):
            relay.subscribe(topic, self.news)
        relay.subscribe(holds.EXPIRED, self.hold_ended)

    async def placed(self, event: Event) -> None:
        await self.begin(int(event.payload["order_id"]), str(event.payload["number"]))

    async def news(self, event: Event) -> None:
        await self.wake(int(event.payload["order_id"]), str(event.payload["number"]), event)

    async def hold_ended(self, event: Event) -> None:
        """The order's time to be paid is over too."""
        order_id = holds.order_of(str(event.payload["holder"]))
        if order_id is not None:
            async with self._database.read() as session:
                found = await repository.owner(session, order_id)
            if found:
                await self.wake(order_id, found[1], event)

    async def begin(self, order_id: int, number: str) -> str:
        """Have an order followed; the workflow's id. One that was cancelled and restored has another."""
        async with self._database.read() as session:
            restored = await history_repository.count(session, order_id, "restored")
        id = f"{number}-{restored}" if restored else number
        with SetWorkflowID(id):
            await DBOS.start_workflow_async(order, order_id)
        return id

    async def wake(self, order_id: int, number: str, event: Event) -> None:
        """Tell the workflow to look again; an order from before there were workflows gets one."""
        id = await self.begin(order_id, number)
        await DBOS.send_async(id, event.topic, NEWS, idempotency_key=f"{id}:{event.id}")
