"""Refunds on their way: sent to the provider until it has paid them, or by people. Session first, no commit
inside, but for `Repaying`.

What becomes of one is told as `refund.settled` or `refund.failed`, keyed `order:<id>`. The order is locked
before its refunds.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from backoffice.events import service as events
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.messages import catalogue, message
from backoffice.kit.paging import Page
from backoffice.kit.repeating import again
from backoffice.kit.time import now
from backoffice.trade import invoicing
from backoffice.trade import repository as orders
from backoffice.trade.history import ANY
from backoffice.trade.history_repository import hold, record
from backoffice.trade.models import Payment, Refund
from backoffice.trade.payments import repaying_repository as repository
from backoffice.trade.payments.ports import PaymentAway, PaymentGateway, PaymentRefused, Repaid, Repayment
from backoffice.trade.payments.schemas import RefundCase, RefundCases, RefundState, method_label

log = structlog.get_logger()

POLL_SECONDS = 1.0
AT_ONCE = 20
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=10)
UNSETTLED = ("requested", "processing", "failed")


def sent_number(refund: Refund) -> str:
    """Under which number it is sent: one that failed for good is not sent under the same again."""
    return refund.number if refund.edition == 1 else f"{refund.number}-{refund.edition}"


async def heard(session: WriteSession, method: str, repaid: Repaid) -> None:
    """Take in what a provider tells of a repayment, in any order and however often.

    Raises `NotFound` (`refund_not_found`), `Invalid` (`refund_differs`) for another amount.
    """
    number, _, edition = repaid.number.partition("-")
    refund, payment = await known(session, number)
    if payment.method != method or not (edition or "1").isdecimal():
        raise NotFound("refund_not_found")
    if repaid.amount_fen != refund.amount_fen:
        raise Invalid("refund_differs", "it was to be another amount")
    if repaid.state == "settled":
        await settle(session, number, min(repaid.at, now()))
    elif repaid.state == "failed":
        await fail(session, number, int(edition or 1), repaid.why)


async def known(session: ReadSession, number: str) -> tuple[Refund, Payment]:
    """Raises `NotFound` (`refund_not_found`)."""
    found = await repository.numbered(session, number)
    if found is None:
        raise NotFound("refund_not_found")
    return found


async def settle(session: WriteSession, number: str, at: datetime, by: str = "system") -> bool:
    """Note that the money is back; False when that was noted before."""
    refund, payment = await known(session, number)
    await hold(session, refund.order_id, ANY)
    if not await repository.settle(session, refund.id, UNSETTLED, at):
        if (await known(session, number))[0].state == "withdrawn":
            log.error("withdrawn_refund_was_paid", number=number)
        return False
    await record(session, refund.order_id, "refund_settled", by, number=number, amount_fen=refund.amount_fen)
    await invoicing.correct(session, refund.order_id)
    await tell(session, "refund.settled", refund, payment.method)
    return True


async def fail(session: WriteSession, number: str, edition: int, why: str) -> bool:
    """Note that the provider does not pay it back: people must look; False when it is past."""
    refund, payment = await known(session, number)
    if not await repository.fail(session, refund.id, edition, why):
        return False
    log.warning("refund_failed", number=number, why=why)
    await tell(session, "refund.failed", refund, payment.method)
    return True


async def tell(session: WriteSession, topic: str, refund: Refund, method: str) -> None:
    customer_id, order_number = await orders.owner(session, refund.order_id) or (0, "")
    about = {"order_id": refund.order_id, "order_number": order_number, "customer_id": customer_id}
    told = {"number": refund.number, "amount_fen": refund.amount_fen, "reason": refund.reason}
    await events.publish(session, topic, f"order:{refund.order_id}", about | told | {"method": method})


# By staff


async def cases(session: ReadSession, states: list[RefundState], page: Page) -> RefundCases:
    """Refunds in these states, else those that people must see to: failed ones and those of no gateway."""
    found, total = await repository.listed(session, states or ["failed"], page)
    shown = [case(refund, payment, number) for refund, payment, number in found]
    return RefundCases(refunds=shown, total=total)


def case(refund: Refund, payment: Payment, order_number: str) -> RefundCase:
    reasons = catalogue("trade")["refund_reasons"]
    return RefundCase(
        number=refund.number,
        order_number=order_number,
        method=payment.method,
        method_label=method_label(payment.method),
        amount_fen=refund.amount_fen,
        state=refund.state,
        state_label=message("trade", f"refunds.{refund.state}"),
        reason=reasons.get(refund.reason, refund.reason),
        failure=refund.failure,
        by_hand=by_hand(refund, payment),
        requested_at=refund.requested_at,
        settled_at=refund.settled_at,
    )


def by_hand(refund: Refund, payment: Payment) -> bool:
    """Whether people are to pay it back: no provider is at it."""
    return refund.state == "failed" or (refund.state in UNSETTLED and payment.transaction_id is None)


async def retry(session: WriteSession, number: str) -> RefundCase:
    """Send a failed refund again. Raises `NotFound`, `Conflict` (`refund_not_failed`, `no_gateway`)."""
    refund, payment = await known(session, number)
    if payment.transaction_id is None:
        raise Conflict("no_gateway", "this payment came by no gateway")
    if not await repository.send_again(session, refund.id, now()):
        raise Conflict("refund_not_failed", f"it is {refund.state}", state=refund.state)
    return await shown(session, number)


async def settle_by_hand(session: WriteSession, number: str, by: str) -> RefundCase:
    """Note that people have paid it back. Raises `NotFound`, `Conflict` (`not_by_hand`)."""
    refund, _ = await known(session, number)
    await hold(session, refund.order_id, ANY)
    if not by_hand(*await known(session, number)) or not await settle(session, number, now(), by):
        raise Conflict("not_by_hand", "a provider pays it back, or it has ended")
    return await shown(session, number)


async def shown(session: ReadSession, number: str) -> RefundCase:
    refund, payment = await known(session, number)
    _, order_number = await orders.owner(session, refund.order_id) or (0, "")
    return case(refund, payment, order_number)


class Repaying:
    """Sends refunds and asks after them. Any number of processes may: each is claimed by one at a time."""

    def __init__(self, database: Database, gateways: Mapping[str, PaymentGateway]) -> None:
        self._database, self._gateways = database, gateways

    async def run(self) -> None:
        """Until cancelled, every second."""
        await again(self.round, POLL_SECONDS, "repaying_failed")

    async def round(self) -> int:
        """Send or ask after what is due, some of it; how much."""
        if not self._gateways:
            return 0
        moment = now()
        async with self._database.read() as session:
            due = await repository.due(session, sorted(self._gateways), moment, AT_ONCE)
        claimed = []
        for refund, payment in due:
            async with self._database.write() as session:
                if await repository.claim(session, refund, moment + wait(refund.tries)):
                    claimed.append((refund, payment))
        await asyncio.gather(*(self._send(refund, payment) for refund, payment in claimed))
        return len(claimed)

    async def _send(self, refund: Refund, payment: Payment) -> None:
        """An answer that was lost is found by asking after the number before it is sent again."""
        gateway, number = self._gateways[payment.method], sent_number(refund)
        reason = catalogue("trade")["refund_reasons"].get(refund.reason, refund.reason)
        repayment = Repayment(number, payment.reference, refund.amount_fen, payment.amount_fen, reason)
        try:
            repaid = await asked_after(gateway, repayment) if refund.tries else None
            repaid = repaid or await gateway.refund(repayment)
            async with self._database.write() as session:
                await heard(session, payment.method, repaid)
        except PaymentAway as away:
            log.warning("refund_not_sent", number=number, tries=refund.tries + 1, error=str(away))
        except PaymentRefused as refused:
            async with self._database.write() as session:
                await fail(session, refund.number, refund.edition, refused.detail or refused.code)
        except Exception as error:
            log.error("refund_not_sent", number=number, error=repr(error))


async def asked_after(gateway: PaymentGateway, repayment: Repayment) -> Repaid | None:
    """How far a repayment is that was sent before. Raises `PaymentAway` where the provider does not say: it
    may have paid, so nothing has failed.
    """
    try:
        return await gateway.query_refund(repayment)
    except PaymentRefused as refused:
        raise PaymentAway(refused.code, refused.detail) from refused


def wait(tries: int) -> timedelta:
    """How long until a provider is asked again, doubled each time."""
    return min(FIRST_WAIT * (1 << min(tries, 20)), LONGEST_WAIT)
