"""A second reader: somebody else reads some decisions anew without seeing the first answer, and what two
people read differently is talked over and ended.
"""

import random
from collections.abc import Sequence
from datetime import datetime
from math import ceil

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.time import now
from backoffice.training.review import decision_repository, repository
from backoffice.training.review.models import ReviewDecision
from backoffice.training.review.schemas import Reading, Verdict

SHOWN = 5
"""Messages shown of a decision."""


async def want(session: WriteSession, decision_id: int) -> None:
    """Have somebody else read it too. Raises `Conflict` (`cannot_read_again`): asked before, or too late."""
    if not await decision_repository.want_second(session, [decision_id]):
        raise Conflict("cannot_read_again")


async def draw(session: WriteSession, since: datetime, share: float, chance: random.Random) -> int:
    """Have a share (0 to 1) of the decisions since then read by somebody else; how many.

    Drawn among those that nobody was asked about and that are not in the training data yet.
    """
    if not 0 < share <= 1:
        raise Invalid("bad_share", "a share is more than 0 and 1 at most")
    found = await decision_repository.unread(session, since)
    drawn = chance.sample(found, ceil(len(found) * share))
    return await decision_repository.want_second(session, drawn)


async def to_read(session: ReadSession, staff_id: int, below: int | None = None) -> Reading | None:
    """The newest decision of somebody else's that waits for a second reader, before that number."""
    found = await decision_repository.standing(session, "wanted", below, 1, but=staff_id)
    return (await with_members(session, found))[0] if found else None


async def read(session: WriteSession, staff_id: int, decision_id: int, verdict: Verdict) -> bool:
    """Whether the second reader says what the first said.

    `verdict` is one that was `checked`. Raises `Conflict` (`already_read`): it is theirs, or has been read.
    """
    answer = await decision_repository.read_again(
        session, decision_id, staff_id, verdict.kind, verdict.intent, verdict.also, now()
    )
    if answer is None:
        raise Conflict("already_read", "it is your own, or somebody has read it")
    return answer == "agreed"


async def disagreements(session: ReadSession, below: int | None = None, limit: int = 20) -> list[Reading]:
    """Decisions that two people read differently, newest first."""
    return await with_members(session, await decision_repository.standing(session, "disagreed", below, limit))


async def with_members(session: ReadSession, found: Sequence[ReviewDecision]) -> list[Reading]:
    return [Reading(each, await repository.settled(session, each.id, SHOWN)) for each in found]


async def end(session: WriteSession, staff_id: int, decision_id: int, as_second: bool) -> None:
    """It is what the second reader said after all, or what the first did.

    Raises `Conflict` (`no_dispute`): somebody ended it.
    """
    meant = await decision_repository.end_dispute(session, decision_id, as_second)
    if meant is None:
        raise Conflict("no_dispute")
    await decision_repository.correct(session, decision_id, *meant)
    subject = f"review_decision:{decision_id}"
    await audit.record(session, staff_id, "review_dispute_ended", subject, meant=meant[0])
