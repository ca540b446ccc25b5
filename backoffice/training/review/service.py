"""What the review shows: the queue, a group, counts; and what others learn from it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from backoffice.kit.database import ReadSession
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.training.review import decision_repository, repository
from backoffice.training.review.deciding import MOST, unmasked_shape
from backoffice.training.review.models import ReviewGroup
from backoffice.training.review.schemas import Confusion, Counts, Decided, Group, Misread, MisreadReport

WEEK = timedelta(days=7)
AT_ONCE, SHOWN = 30, 30


async def queue(
    session: ReadSession, after: ReviewGroup | None = None, limit: int = AT_ONCE
) -> Sequence[ReviewGroup]:
    """Groups with messages that wait, the most harmful first, those after a group as it was shown."""
    below = (after.harm, after.id) if after else None
    return await repository.queue(session, below, limit)


async def group(session: ReadSession, group_id: int, shown: int = SHOWN) -> Group:
    """A group with the first of its members that wait. Raises `NotFound` (`group_not_found`)."""
    row = await repository.group(session, group_id)
    if row is None:
        raise NotFound("group_not_found")
    ids = await repository.member_ids(session, group_id, MOST)
    return Group(row, ids, await repository.members(session, group_id, shown))


async def counts(session: ReadSession) -> Counts:
    labelled, examples = await decision_repository.work(session, now() - WEEK)
    return Counts(
        left=await repository.left(session),
        ready=await decision_repository.ready(session),
        wanted=await decision_repository.how_many(session, "wanted"),
        disagreed=await decision_repository.how_many(session, "disagreed"),
        labelled=labelled,
        examples=examples,
    )


async def decided(session: ReadSession, since: datetime, until: datetime) -> list[Decided]:
    """The messages that were decided in [since, until), without those skipped or disputed."""
    rows = await decision_repository.reviewed(session, since, until)
    return [Decided(unmasked_shape(text), intent, also) for text, intent, also in rows]


async def misread(session: ReadSession, since: date, until: date) -> MisreadReport:
    """For each of the shop's days in [since, until) that heard something; confusions most frequent first."""
    judged: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0])
    confusions: Counter[tuple[str, str]] = Counter()
    for day, read_as, intent, also, count in await decision_repository.readings(session, since, until):
        judged[day][0] += count
        if read_as not in (intent, also):
            judged[day][1] += count
            confusions[read_as, intent] += count
    heard = await repository.days(session, since, until)
    return MisreadReport(
        [Misread(day, read, *judged[day]) for day, read in sorted(heard.items())],
        [Confusion(*pair, count) for pair, count in confusions.most_common()],
    )


async def meant(session: ReadSession, turn_ids: Collection[str]) -> dict[str, str]:
    """What people said these turns meant, as far as they did."""
    return await repository.labels_of(session, turn_ids)
