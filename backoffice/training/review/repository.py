"""All SQL of the candidates, their groups and the counts by day."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, select, tuple_, update

from backoffice.kit.database import ReadSession, WriteSession, insert_once, upsert
from backoffice.training.review.domain import Said
from backoffice.training.review.models import ReviewCandidate, ReviewDay, ReviewGroup

OPEN = ReviewCandidate.state == "open"
AT_ONCE = 500


class Known(NamedTuple):
    """What is stored of a turn's signs."""

    id: int
    signals: list[str]
    shadow: str


class Held(NamedTuple):
    """A candidate whose group is locked."""

    id: int
    group_id: int
    state: str
    harm: int
    day: date
    text: str
    decision_id: int | None


async def leaders(session: ReadSession, after: int, limit: int) -> list[tuple[int, Said]]:
    """The newest groups whose id is greater than that, in the order of their ids."""
    wanted = select(ReviewGroup.id, ReviewGroup.title, ReviewGroup.read_as).where(ReviewGroup.id > after)
    rows = (await session.execute(wanted.order_by(ReviewGroup.id.desc()).limit(limit))).all()
    return [(id, Said(title, read_as)) for id, title, read_as in reversed(rows)]


async def known(session: ReadSession, turn_ids: Sequence[str]) -> dict[str, Known]:
    columns = (ReviewCandidate.turn_id, ReviewCandidate.id, ReviewCandidate.signals, ReviewCandidate.shadow)
    found: dict[str, Known] = {}
    for start in range(0, len(turn_ids), AT_ONCE):
        some = turn_ids[start : start + AT_ONCE]
        rows = await session.execute(select(*columns).where(ReviewCandidate.turn_id.in_(some)))
        found |= {turn_id: Known(id, signals, shadow) for turn_id, id, signals, shadow in rows}
    return found


async def lock(session: WriteSession, group_ids: Collection[int]) -> set[int]:
    """Keep these groups from others until the transaction ends; those that are there."""
    wanted = select(ReviewGroup.id).where(ReviewGroup.id.in_(group_ids)).order_by(ReviewGroup.id)
    return set(await session.scalars(wanted.with_for_update()))


async def groups_of(session: ReadSession, ids: Collection[int]) -> set[int]:
    wanted = select(ReviewCandidate.group_id).where(ReviewCandidate.id.in_(ids)).distinct()
    return set(await session.scalars(wanted))


async def held(session: ReadSession, ids: Collection[int]) -> list[Held]:
    columns = (getattr(ReviewCandidate, name) for name in Held._fields)
    wanted = select(*columns).where(ReviewCandidate.id.in_(ids)).order_by(ReviewCandidate.id)
    return [Held(*row) for row in await session.execute(wanted)]


async def add_group(session: WriteSession, said: Said, at: datetime) -> int:
    made = insert(ReviewGroup).values(title=said.text, read_as=said.read_as, at=at)
    return int((await session.execute(made.returning(ReviewGroup.id))).scalar_one())


async def add(session: WriteSession, **values: Any) -> bool:
    """False when the turn has a candidate already."""
    return await insert_once(session, ReviewCandidate, **values)


async def judge(session: WriteSession, id: int, signals: list[str], shadow: str, harm: int) -> None:
    values = {"signals": signals, "shadow": shadow, "harm": harm}
    await session.execute(update(ReviewCandidate).where(ReviewCandidate.id == id).values(values))


async def move(session: WriteSession, ids: Collection[int], group_id: int) -> None:
    await session.execute(
        update(ReviewCandidate).where(ReviewCandidate.id.in_(ids)).values(group_id=group_id)
    )


async def name(session: WriteSession, group_id: int, said: Said) -> None:
    values = {"title": said.text, "read_as": said.read_as}
    await session.execute(update(ReviewGroup).where(ReviewGroup.id == group_id).values(values))


async def label(session: WriteSession, group_ids: Collection[int]) -> None:
    """Name the intent that was decided last for a member, of those decisions that stand."""
    last = (
        select(ReviewCandidate.meant)
        .where(
            ReviewCandidate.group_id == ReviewGroup.id,
            ReviewCandidate.decision_id.is_not(None),
            ReviewCandidate.meant != "",
        )
        .order_by(ReviewCandidate.decision_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    named = update(ReviewGroup).where(ReviewGroup.id.in_(group_ids)).values(label=func.coalesce(last, ""))
    quietly: Any = {"synchronize_session": False}
    await session.execute(named, execution_options=quietly)


async def tally(session: WriteSession, group_ids: Collection[int]) -> None:
    """Count locked groups anew; those without any member go."""
    waiting = (ReviewCandidate.group_id == ReviewGroup.id) & OPEN
    counted = {
        "open": select(func.count()).where(waiting).scalar_subquery(),
        "harm": select(func.coalesce(func.sum(ReviewCandidate.harm), 0)).where(waiting).scalar_subquery(),
    }
    these = ReviewGroup.id.in_(group_ids)
    quietly: Any = {"synchronize_session": False}
    await session.execute(update(ReviewGroup).where(these).values(counted), execution_options=quietly)
    has_any = select(ReviewCandidate.id).where(ReviewCandidate.group_id == ReviewGroup.id).exists()
    empty = delete(ReviewGroup).where(these, ReviewGroup.open == 0, ~has_any)
    await session.execute(empty, execution_options=quietly)


async def count(session: WriteSession, days: Mapping[date, tuple[int, int]]) -> None:
    """Add to what was heard and what is left of these days."""
    rows = [{"day": day, "heard": heard, "left": left} for day, (heard, left) in sorted(days.items())]
    if rows:
        added = upsert(session, ReviewDay).values(rows)
        more = {name: getattr(ReviewDay, name) + added.excluded[name] for name in ("heard", "left")}
        await session.execute(added.on_conflict_do_update(index_elements=[ReviewDay.day], set_=more))


async def waiting(session: ReadSession, limit: int) -> list[tuple[int, int, Said]]:
    """Id, group and words of the newest candidates that wait for a decision."""
    wanted = select(
        ReviewCandidate.id, ReviewCandidate.group_id, ReviewCandidate.text, ReviewCandidate.read_as
    ).where(OPEN)
    rows = await session.execute(wanted.order_by(ReviewCandidate.id.desc()).limit(limit))
    return [(id, group_id, Said(text, read_as)) for id, group_id, text, read_as in rows]


async def queue(session: ReadSession, below: tuple[int, int] | None, limit: int) -> Sequence[ReviewGroup]:
    """Groups with members that wait, the most harmful first, after the one of this harm and id."""
    wanted = select(ReviewGroup).where(ReviewGroup.open > 0)
    if below:
        wanted = wanted.where(tuple_(ReviewGroup.harm, ReviewGroup.id) < below)
    ordered = wanted.order_by(ReviewGroup.harm.desc(), ReviewGroup.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def group(session: ReadSession, group_id: int) -> ReviewGroup | None:
    return await session.get(ReviewGroup, group_id, populate_existing=True)


async def members(session: ReadSession, group_id: int, limit: int) -> Sequence[ReviewCandidate]:
    """Those that wait, the most harmful first."""
    wanted = select(ReviewCandidate).where(ReviewCandidate.group_id == group_id, OPEN)
    ordered = wanted.order_by(ReviewCandidate.harm.desc(), ReviewCandidate.id.desc())
    return (await session.scalars(ordered.limit(limit))).all()


async def member_ids(session: ReadSession, group_id: int, limit: int) -> list[int]:
    """As `members`."""
    wanted = select(ReviewCandidate.id).where(ReviewCandidate.group_id == group_id, OPEN)
    ordered = wanted.order_by(ReviewCandidate.harm.desc(), ReviewCandidate.id.desc())
    return list(await session.scalars(ordered.limit(limit)))


async def settled(session: ReadSession, decision_id: int, limit: int) -> Sequence[ReviewCandidate]:
    """Those that a decision settled."""
    wanted = select(ReviewCandidate).where(ReviewCandidate.decision_id == decision_id)
    return (await session.scalars(wanted.order_by(ReviewCandidate.id).limit(limit))).all()


async def days(session: ReadSession, since: date, until: date) -> dict[date, int]:
    """What was heard on each day of [since, until)."""
    wanted = select(ReviewDay.day, ReviewDay.heard).where(ReviewDay.day >= since, ReviewDay.day < until)
    return {day: heard for day, heard in await session.execute(wanted)}


async def left(session: ReadSession) -> int:
    return int(await session.scalar(select(func.coalesce(func.sum(ReviewDay.left), 0))) or 0)


async def labels_of(session: ReadSession, turn_ids: Collection[str]) -> dict[str, str]:
    """The decided intents of these turns."""
    wanted = select(ReviewCandidate.turn_id, ReviewCandidate.meant)
    rows = await session.execute(
        wanted.where(ReviewCandidate.turn_id.in_(turn_ids), ReviewCandidate.meant != "")
    )
    return {turn_id: intent for turn_id, intent in rows}
