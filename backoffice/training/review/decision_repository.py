"""All SQL of decisions."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import case, func, insert, literal, select, update

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.training.review.models import ReviewCandidate, ReviewDecision

STANDS = ReviewDecision.undone_at.is_(None)
READY = (
    STANDS
    & ReviewDecision.added_at.is_(None)
    & ReviewDecision.kind.in_(("label", "outside"))
    & ReviewDecision.second.in_(("", "agreed", "settled"))
)
QUIETLY: Any = {"synchronize_session": False}


async def add(session: WriteSession, **values: Any) -> int:
    made = insert(ReviewDecision).values(values).returning(ReviewDecision.id)
    return int((await session.execute(made)).scalar_one())


async def find(session: ReadSession, decision_id: int) -> ReviewDecision | None:
    return await session.get(ReviewDecision, decision_id, populate_existing=True)


async def settle(
    session: WriteSession, ids: Collection[int], decision_id: int, meant: str, also: str
) -> set[int]:
    """Those of the candidates that still waited."""
    taken = (
        update(ReviewCandidate)
        .where(ReviewCandidate.id.in_(ids), ReviewCandidate.state == "open")
        .values(state="decided", decision_id=decision_id, meant=meant, also=also)
        .returning(ReviewCandidate.id)
    )
    return set((await session.execute(taken, execution_options=QUIETLY)).scalars())


async def correct(session: WriteSession, decision_id: int, meant: str, also: str) -> None:
    """What was settled by a decision means something else."""
    corrected = update(ReviewCandidate).where(ReviewCandidate.decision_id == decision_id)
    await session.execute(corrected.values(meant=meant, also=also), execution_options=QUIETLY)


async def mark(session: WriteSession, candidate_id: int, spans: list[Any]) -> None:
    marked = update(ReviewCandidate).where(ReviewCandidate.id == candidate_id).values(spans=spans)
    await session.execute(marked, execution_options=QUIETLY)


async def undo(session: WriteSession, decision_id: int, staff_id: int, at: datetime) -> bool:
    """False when it is not theirs, undone already, or in the training data."""
    undone = (
        update(ReviewDecision)
        .where(
            ReviewDecision.id == decision_id,
            ReviewDecision.staff_id == staff_id,
            STANDS,
            ReviewDecision.added_at.is_(None),
        )
        .values(undone_at=at)
        .returning(ReviewDecision.id)
    )
    return (await session.execute(undone, execution_options=QUIETLY)).scalar() is not None


async def reopen(session: WriteSession, decision_id: int) -> None:
    reopened = (
        update(ReviewCandidate)
        .where(ReviewCandidate.decision_id == decision_id)
        .values(state="open", decision_id=None, meant="", also="", spans=[])
    )
    await session.execute(reopened, execution_options=QUIETLY)


async def last_of(session: ReadSession, staff_id: int) -> int | None:
    """The newest decision that this person can undo."""
    wanted = select(ReviewDecision.id).where(
        ReviewDecision.staff_id == staff_id, STANDS, ReviewDecision.added_at.is_(None)
    )
    return await session.scalar(wanted.order_by(ReviewDecision.id.desc()).limit(1))


async def settled_ids(session: ReadSession, decision_ids: Collection[int]) -> list[int]:
    wanted = select(ReviewCandidate.id).where(ReviewCandidate.decision_id.in_(decision_ids))
    return list(await session.scalars(wanted))


async def claim_ready(session: WriteSession, at: datetime, intents: Collection[str]) -> dict[int, str]:
    """The decisions for these intents that become examples now, with theirs; nobody else gets them."""
    claimed = (
        update(ReviewDecision)
        .where(READY, ReviewDecision.intent.in_(intents))
        .values(added_at=at)
        .returning(ReviewDecision.id, ReviewDecision.intent)
    )
    return {id: intent for id, intent in await session.execute(claimed, execution_options=QUIETLY)}


async def note_examples(session: WriteSession, decision_id: int, examples: int, revision: int) -> None:
    values = {"examples": examples, "revision": revision}
    await session.execute(
        update(ReviewDecision).where(ReviewDecision.id == decision_id).values(values),
        execution_options=QUIETLY,
    )


async def texts(session: ReadSession, decision_ids: Collection[int]) -> list[tuple[int, str, list[Any]]]:
    """Decision, text and spans of what these decisions settled."""
    wanted = select(ReviewCandidate.decision_id, ReviewCandidate.text, ReviewCandidate.spans)
    wanted = wanted.where(ReviewCandidate.decision_id.in_(decision_ids)).order_by(ReviewCandidate.id)
    return [(id or 0, text, spans) for id, text, spans in await session.execute(wanted)]


async def reviewed(session: ReadSession, since: datetime, until: datetime) -> list[tuple[str, str, str]]:
    """Text, intent and second intent of what was decided then and nobody disagrees about."""
    wanted = select(ReviewCandidate.text, ReviewDecision.intent, ReviewDecision.also).join(
        ReviewDecision, ReviewDecision.id == ReviewCandidate.decision_id
    )
    wanted = wanted.where(
        ReviewDecision.at >= since,
        ReviewDecision.at < until,
        ReviewDecision.kind != "skip",
        ReviewDecision.second != "disagreed",
    )
    rows = await session.execute(wanted.order_by(ReviewCandidate.id))
    return [(text, intent, also) for text, intent, also in rows]


async def readings(session: ReadSession, since: date, until: date) -> list[tuple[date, str, str, str, int]]:
    """Of each day of messages in [since, until): how they were read, what they mean, and how many."""
    key = (ReviewCandidate.day, ReviewCandidate.intent, ReviewCandidate.meant, ReviewCandidate.also)
    wanted = select(*key, func.count()).where(
        ReviewCandidate.day >= since, ReviewCandidate.day < until, ReviewCandidate.meant != ""
    )
    rows = await session.execute(wanted.group_by(*key))
    return [(day, read_as, intent, also, count) for day, read_as, intent, also, count in rows]


async def work(session: ReadSession, since: datetime) -> tuple[int, int]:
    """Messages labelled and examples added since then."""
    labelled = select(func.coalesce(func.sum(ReviewDecision.count), 0)).where(
        ReviewDecision.at >= since, STANDS, ReviewDecision.kind != "skip"
    )
    added = select(func.coalesce(func.sum(ReviewDecision.examples), 0)).where(
        ReviewDecision.added_at >= since
    )
    return int(await session.scalar(labelled) or 0), int(await session.scalar(added) or 0)


async def ready(session: ReadSession) -> int:
    """Messages whose decisions can become examples."""
    wanted = select(func.coalesce(func.sum(ReviewDecision.count), 0)).where(READY)
    return int(await session.scalar(wanted) or 0)


async def standing(
    session: ReadSession, second: str, below: int | None, limit: int, but: int | None = None
) -> Sequence[ReviewDecision]:
    """Decisions in this state of second reading, newest first, but those of one person."""
    wanted = select(ReviewDecision).where(ReviewDecision.second == second, STANDS)
    if below is not None:
        wanted = wanted.where(ReviewDecision.id < below)
    if but is not None:
        wanted = wanted.where(ReviewDecision.staff_id != but)
    return (await session.scalars(wanted.order_by(ReviewDecision.id.desc()).limit(limit))).all()


async def how_many(session: ReadSession, second: str) -> int:
    wanted = select(func.count()).where(ReviewDecision.second == second, STANDS)
    return int(await session.scalar(wanted) or 0)


async def unread(session: ReadSession, since: datetime) -> list[int]:
    """Decisions since then that nobody has been asked to read a second time and that are not in the data."""
    wanted = select(ReviewDecision.id).where(
        ReviewDecision.at >= since,
        STANDS,
        ReviewDecision.second == "",
        ReviewDecision.kind != "skip",
        ReviewDecision.added_at.is_(None),
    )
    return list(await session.scalars(wanted))


async def want_second(session: WriteSession, ids: Collection[int]) -> int:
    """How many of them a second reader is asked about now."""
    wanted = (
        update(ReviewDecision)
        .where(
            ReviewDecision.id.in_(ids),
            ReviewDecision.second == "",
            STANDS,
            ReviewDecision.added_at.is_(None),
        )
        .values(second="wanted")
        .returning(ReviewDecision.id)
    )
    return len((await session.execute(wanted, execution_options=QUIETLY)).all())


async def read_again(
    session: WriteSession, decision_id: int, staff_id: int, kind: str, intent: str, also: str, at: datetime
) -> str | None:
    """How the second reading stands to the first; None when it is their own, or read already."""
    same = (ReviewDecision.kind == kind) & (ReviewDecision.intent == intent) & (ReviewDecision.also == also)
    read = (
        update(ReviewDecision)
        .where(
            ReviewDecision.id == decision_id,
            ReviewDecision.second == "wanted",
            ReviewDecision.staff_id != staff_id,
            STANDS,
        )
        .values(
            second=case((same, literal("agreed")), else_=literal("disagreed")),
            second_staff_id=staff_id,
            second_kind=kind,
            second_intent=intent,
            second_also=also,
            second_at=at,
        )
        .returning(ReviewDecision.second)
    )
    return (await session.execute(read, execution_options=QUIETLY)).scalar()


async def end_dispute(session: WriteSession, decision_id: int, as_second: bool) -> tuple[str, str] | None:
    """The intents that it means now; None when there is no dispute."""
    values: dict[str, Any] = {"second": "settled"}
    if as_second:
        values |= {name: getattr(ReviewDecision, f"second_{name}") for name in ("kind", "intent", "also")}
    ended = (
        update(ReviewDecision)
        .where(ReviewDecision.id == decision_id, ReviewDecision.second == "disagreed", STANDS)
        .values(values)
        .returning(ReviewDecision.intent, ReviewDecision.also)
    )
    row = (await session.execute(ended, execution_options=QUIETLY)).one_or_none()
    return (row.intent, row.also) if row else None
