"""Collecting payments: what needs a provider's answer as well as a row. None is asked in a transaction."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog

from backoffice.kit.database import Database
from backoffice.kit.messages import message
from backoffice.kit.repeating import again
from backoffice.kit.time import now
from backoffice.trade import repository as orders
from backoffice.trade.lifecycle import cancelling
from backoffice.trade.payments import paying, repaying, repository
from backoffice.trade.payments.models import PaymentAttempt
from backoffice.trade.payments.ports import (
    Charge,
    Notice,
    Paid,
    PaymentAway,
    PaymentGateway,
    PaymentRefused,
    Standing,
)
from backoffice.trade.payments.schemas import AttemptView

log = structlog.get_logger()

POLL_SECONDS = 1.0
AT_ONCE = 20
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=5)


class Collecting:
    """`gateways` are the ways to pay that are offered, by code. Any number of processes may collect."""

    def __init__(self, database: Database, gateways: Mapping[str, PaymentGateway]) -> None:
        self._database, self.gateways = database, gateways

    @property
    def offered(self) -> Collection[str]:
        return self.gateways.keys()

    async def begin(self, reference: str) -> AttemptView:
        """Tell the provider of an attempt unless it knows, and keep what the shopper's side needs.

        Raises `NotFound`, `PaymentRefused` (it has failed then) or `PaymentAway` (ask again).
        """
        async with self._database.read() as session:
            found = await paying.attempt(session, reference)
            order = await orders.owner(session, found.order_id)
        over = found.state != "started" or found.expires_at <= now()
        if over or found.client is not None or order is None:
            return paying.attempt_view(found)
        subject = message("trade", "payment_subject", number=order[1])
        charge = Charge(reference, found.amount_fen, subject, found.expires_at)
        try:
            if found.method not in self.gateways:
                raise PaymentRefused("payment_refused", f"{found.method}: not taken any more")
            client = await self.gateways[found.method].start(charge)
        except PaymentRefused:
            async with self._database.write() as session:
                await repository.end_attempt(session, reference, "failed", now())
            raise
        async with self._database.write() as session:
            await repository.note_client(session, reference, client)
            return paying.attempt_view(await paying.attempt(session, reference))

    async def take(self, method: str, notice: Notice) -> None:
        """Take in what a provider tells. Raises as `paying.captured` and `repaying.heard` do."""
        async with self._database.write() as session:
            if isinstance(notice, Paid):
                await paying.captured(session, method, notice)
            else:
                await repaying.heard(session, method, notice)

    async def find_lost(self, order_id: int) -> None:
        """Ask all providers about what is open for an order, and take in what has arrived.

        What cannot be paid any more is closed. Raises `PaymentAway`: ask again before the order is given up.
        """
        async with self._database.read() as session:
            attempts = await repository.attempts(session, order_id)
        for each in attempts:
            if each.state == "started" and each.method in self.gateways:
                try:
                    await self.look(each)
                except PaymentRefused as refused:
                    log.error("payment_not_found_out", reference=each.reference, error=str(refused))

    async def lapse(self, order_id: int) -> None:
        """Cancel an order that was not paid in time, once that is sure. Raises `PaymentAway`."""
        await self.find_lost(order_id)
        async with self._database.write() as session:
            await cancelling.lapse(session, order_id)

    async def look(self, found: PaymentAttempt) -> None:
        """Ask what became of one attempt; close it when its order is dead. Raises `PaymentAway`,
        `PaymentRefused`.
        """
        gateway = self.gateways[found.method]
        standing = await gateway.query(found.reference)
        if standing.state in ("unknown", "open") and await self._is_dead(found):
            if standing.state == "open" and not await gateway.close(found.reference):
                standing = await gateway.query(found.reference)
            else:
                standing = Standing("closed")
        if standing.paid:
            await self.take(found.method, standing.paid)
        elif standing.state == "closed":
            async with self._database.write() as session:
                await repository.end_attempt(session, found.reference, "closed", now())

    async def run(self) -> None:
        """Until cancelled, every second."""
        await again(self.round, POLL_SECONDS, "collecting_failed")

    async def round(self) -> int:
        """Ask about attempts that are due, some of them; how many."""
        if not self.gateways:
            return 0
        moment = now()
        async with self._database.read() as session:
            due = await repository.due(session, sorted(self.gateways), moment, AT_ONCE)
        claimed = []
        for each in due:
            async with self._database.write() as session:
                if await repository.claim(session, each, next_look(each, moment)):
                    claimed.append(each)
        await asyncio.gather(*map(self._look_quietly, claimed))
        return len(claimed)

    async def _look_quietly(self, found: PaymentAttempt) -> None:
        try:
            await self.look(found)
        except (PaymentAway, PaymentRefused) as error:
            log.warning("payment_not_found_out", reference=found.reference, error=str(error))
        except Exception as error:
            log.error("payment_not_found_out", reference=found.reference, error=repr(error))

    async def _is_dead(self, found: PaymentAttempt) -> bool:
        if found.expires_at <= now():
            return True
        async with self._database.read() as session:
            order = await orders.order_by_id(session, found.order_id)
        return order is None or order.state != "unpaid"


def next_look(found: PaymentAttempt, moment: datetime) -> datetime:
    """Seldomer each time, but not past the moment when it expires."""
    later = moment + min(FIRST_WAIT * (1 << min(found.asked, 20)), LONGEST_WAIT)
    return min(later, found.expires_at) if moment < found.expires_at else later
