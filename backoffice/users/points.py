"""Points as a ledger: entries are the truth, the customer's counters change with them in one transaction.

An entry is unique by customer, kind and reference: what is asked for twice is done once, and the verb says
whether this time did it. The same reference with other points raises `Conflict` (`points_entry_differs`).
A customer's `points` less their `points_debt` are the sum of their entries.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.messages import message
from backoffice.kit.repeating import again, each_of
from backoffice.kit.time import now
from backoffice.users import points_repository as repository
from backoffice.users import repository as customers
from backoffice.users.domain import PointsKind, oldest_that_last, points_for
from backoffice.users.schemas import PointsDifference

SWEEP_SECONDS = 6 * 3600.0
BATCH = 500


async def earn(
    session: WriteSession, customer_id: int, points: int, reference: str, reason: str = ""
) -> bool:
    """Give points for a purchase, a check-in, a birthday; they make the level too. A debt is paid first."""
    return await change(session, customer_id, "earned", positive(points), reference, reason)


async def spend(
    session: WriteSession, customer_id: int, points: int, reference: str, reason: str = ""
) -> bool:
    """Raises `Conflict` (`not_enough_points`, `left`: how many there are); nothing has changed then."""
    return await change(session, customer_id, "spent", -positive(points), reference, reason)


async def give_back(
    session: WriteSession, customer_id: int, points: int, reference: str, reason: str = ""
) -> bool:
    """Return spent points, as with a refund; they last as long as points got today, and make no level.

    That no more comes back than was spent is for whom they were spent with to see to.
    """
    return await change(session, customer_id, "returned", positive(points), reference, reason)


async def take_back(
    session: WriteSession, customer_id: int, points: int, reference: str, reason: str = ""
) -> bool:
    """Undo what was earned, as with a refund; what is spent already is a debt that the next points pay."""
    return await change(session, customer_id, "taken_back", -positive(points), reference, reason)


async def adjust(session: WriteSession, customer_id: int, delta: int, reference: str, reason: str) -> bool:
    """Correct by hand, up or down.

    Raises `Conflict` (`not_enough_points`) and `NotFound` (`no_such_customer`).
    """
    if await repository.balance(session, customer_id) is None:
        raise NotFound("no_such_customer")
    return await change(session, customer_id, "adjusted", delta, reference, reason)


async def earn_for(session: WriteSession, customer_id: int, paid_fen: int, reference: str) -> bool:
    """Points for so much paid for goods, as many as the level of now gives; none for too little."""
    await customers.hold(session, customer_id)
    if await repository.delta_of(session, customer_id, "earned", reference) is not None:
        return False
    points = points_for(await repository.level(session, customer_id), paid_fen)
    return points > 0 and await earn(session, customer_id, points, reference)


async def hold(session: WriteSession, customer_id: int) -> None:
    """Let nobody else change a customer's points until this transaction ends."""
    await customers.hold(session, customer_id)


async def sum_of(
    session: ReadSession, customer_id: int, kinds: Sequence[PointsKind], *references: str
) -> int:
    """The sum of a customer's entries of these kinds for these references and those below them (`…:`)."""
    return await repository.sum_of(session, customer_id, kinds, references)


async def expire(session: WriteSession, customer_id: int, moment: datetime) -> int:
    """End what is left of points too old by the yearly rule; how many that were.

    The oldest points are spent first. Once a year and customer: what was spent in time has not expired.
    """
    await customers.hold(session, customer_id)
    last = oldest_that_last(moment)
    left = await repository.left_of(session, customer_id, last)
    if left <= 0 or not await change(session, customer_id, "expired", -left, f"before:{last.year}"):
        return 0
    return left


async def count_customers(session: ReadSession) -> int:
    """How many customers `points_audit` goes through."""
    return await repository.count_customers(session)


async def points_audit(session: ReadSession, after: int = 0, limit: int = 1000) -> list[PointsDifference]:
    """Customers with an id above `after` whose counters differ from their entries; nothing is repaired."""
    return await repository.differences(session, after, limit)


def positive(points: int) -> int:
    if points <= 0:
        raise ValueError(f"{points} points are none to give or take")
    return points


async def change(
    session: WriteSession, customer_id: int, kind: PointsKind, delta: int, reference: str, reason: str = ""
) -> bool:
    reason = reason or message("users", f"points.{kind}")
    async with session.begin_nested():
        if not await repository.add_entry(session, customer_id, kind, reference, delta, reason, now()):
            if await repository.delta_of(session, customer_id, kind, reference) != delta:
                raise Conflict("points_entry_differs", f"{kind} {reference} stands for other points")
            return False
        if not await repository.count(session, customer_id, kind, delta):
            left = await repository.balance(session, customer_id) or 0
            raise Conflict("not_enough_points", f"{left} points are left", left=left)
    return True


class Expiry:
    """Ends old points in the background: a few at a time, again after any crash."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Sweep now and every six hours, until cancelled."""
        await again(lambda: self.sweep(now()), SWEEP_SECONDS, "points_expiry_failed")

    async def sweep(self, moment: datetime) -> int:
        """How many customers lost points."""
        lost = after = 0
        last = oldest_that_last(moment)
        while True:
            async with self._database.read() as session:
                old = await repository.with_old_points(session, last, after, BATCH)
            if not old:
                return lost
            lost += await each_of(old, partial(self._expire, moment), "points_not_expired")
            after = old[-1]

    async def _expire(self, moment: datetime, customer_id: int) -> bool:
        async with self._database.write() as session:
            return bool(await expire(session, customer_id, moment))
