"""What happens to cases when nobody does anything: any number of processes may look at once."""

from datetime import datetime, timedelta
from functools import partial

from backoffice.kit.database import Database
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now
from backoffice.returns import handling, repository
from backoffice.returns.models import Return
from backoffice.returns.rules import rules
from backoffice.returns.schemas import Verdict
from backoffice.returns.service import told
from backoffice.returns.withdrawing import withdraw

SWEEP_SECONDS = 60
BATCH = 100
BY = "system"


class Deadlines:
    """Each case is changed in a transaction of its own, by whichever process comes first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Sweep now and every minute, until cancelled."""
        await again(lambda: self.sweep(now()), SWEEP_SECONDS, "returns_sweep_failed")

    async def sweep(self, moment: datetime) -> None:
        soon = moment + timedelta(days=rules().remind_days)
        approved, over = Return.state == "approved", Return.hand_over_by <= moment
        late = (Return.state == "received", Return.inspect_by <= moment)
        settling = rules().late_inspection == "refunded"
        async with self._database.read() as session:
            reminded = await repository.due(
                session, approved, Return.hand_over_by <= soon, Return.reminded_at.is_(None), limit=BATCH
            )
            expired = await repository.due(session, approved, over, limit=BATCH)
            refunded = (
                await repository.due(session, *late, Return.kind == "return", limit=BATCH) if settling else []
            )
            overdue = await repository.due(session, *late, Return.overdue_at.is_(None), limit=BATCH)
        remind = partial(self._mark, moment, "return.reminded", "approved", "reminded_at")
        overrun = partial(self._mark, moment, "return.overdue", "received", "overdue_at")
        await each_of(expired, partial(self._expire, moment), "return_not_expired")
        await each_of(reminded, remind, "return_not_reminded")
        await each_of(refunded, partial(self._refund, moment), "return_not_refunded")
        await each_of(overdue, overrun, "return_not_marked_overdue")

    async def _expire(self, moment: datetime, number: str) -> None:
        """Withdraw what was not handed over in time."""
        async with self._database.write() as session:
            found = await handling.case(session, number)
            late = (Return.state == "approved", Return.hand_over_by <= moment)
            if await withdraw(session, found, moment, BY, *late):
                await told(session, "return.expired", found)

    async def _mark(self, moment: datetime, topic: str, state: str, mark: str, number: str) -> None:
        """Mark a case that is still in this state, and tell of it, unless another did."""
        async with self._database.write() as session:
            found = await handling.case(session, number)
            unmarked = (Return.state == state, getattr(Return, mark).is_(None))
            if await repository.change(session, found.id, *unmarked, **{mark: moment}):
                await told(session, topic, found)

    async def _refund(self, moment: datetime, number: str) -> None:
        """Pay back what was received and nobody inspected; it is not put on a shelf."""
        async with self._database.write() as session:
            found = await handling.case(session, number)
            if not await repository.hold(session, found.id, ("received",)):
                return
            found = await handling.case(session, number)
            verdicts = {
                line.line_id: Verdict(
                    line_id=line.line_id, written_off=line.received, note="not inspected in time"
                )
                for line in found.standing
            }
            await handling.settle(session, found, "received", verdicts, BY, moment)
