"""All SQL of reports: the figures of groups of episodes, and the episodes one by one."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, String, case, cast, func, literal, select, true, union_all

from backoffice.conversations.models import Conversation
from backoffice.conversations.reports.episodes import Scope, Tables, flag, handed_over, read, tables
from backoffice.kit.database import ReadSession

MEASURES = ("first_reply", "waiting", "handling", "resolution")
COUNTS = (
    "ended",
    "settled",
    "contained",
    "with_people",
    "asked",
    "answered",
    "resolved",
    "surveys",
    "rated",
    "good",
)
ROWS_AT_ONCE = 500


def grouped(found: Tables) -> CTE:
    """Facts once for each group they belong to: `kind` of `GROUPS` and `key` within it.

    An agent's group holds what they did themselves: their first replies, their handling; `with_people`,
    resolutions and ratings are of who had the episode last.
    """
    facts, parts, marked = found.facts, found.parts, found.marks
    fact, part, mark = facts.c, parts.c, marked.c
    counted = [fact[name] for name in (*COUNTS, *MEASURES, "stars")]

    def group(kind: str, key: Any, columns: Sequence[Any] = counted) -> Select[Any]:
        return select(literal(kind).label("kind"), cast(key, String).label("key"), *columns)

    def words(kind: str, condition: ColumnElement[bool]) -> Select[Any]:
        named = select(mark.conversation_id, mark.episode, mark.word).where(condition).distinct().subquery()
        same = (named.c.conversation_id == fact.conversation_id) & (named.c.episode == fact.episode)
        return group(kind, named.c.word).join_from(facts, named, same)

    first, last = part.replied_n == fact.replied_n, part.last_n == fact.last_n
    own = {
        "asked": flag(first, "asked"),
        "answered": flag(first, "answered"),
        "first_reply": case((first, fact.first_reply)).label("first_reply"),
        "waiting": case((first, fact.waiting)).label("waiting"),
        "handling": part.handling,
        "resolution": case((last, fact.resolution)).label("resolution"),
    } | {
        name: case((last, fact[name]), else_=0).label(name)
        for name in ("with_people", "resolved", "surveys", "rated", "good", "stars")
    }
    same = (part.conversation_id == fact.conversation_id) & (part.episode == fact.episode)
    agents = group("agent", part.who, [own.get(column.name, column) for column in counted])
    return union_all(
        group("all", literal("")).select_from(facts),
        *(group(kind, fact[kind]).select_from(facts) for kind in ("day", "hour", "channel")),
        agents.join_from(facts, parts, same),
        words("intent", read(marked)),
        words("reason", handed_over(marked)),
    ).cte("grouped")


async def figures(session: ReadSession, scope: Scope, moment: datetime) -> list[dict[str, Any]]:
    """One row for each group that has episodes: `kind`, `key`, counts, and percentiles by nearest rank."""
    rows = grouped(tables(scope, moment))
    row = rows.c
    group = (row.kind, row.key)
    ranks = [
        each
        for name in MEASURES
        for each in (
            func.row_number().over(partition_by=group, order_by=row[name].nulls_last()).label(f"{name}_rank"),
            func.count(row[name]).over(partition_by=group).label(f"{name}_count"),
        )
    ]
    ranked = select(*row, *ranks).cte("ranked").c

    def percentile(name: str, share: int) -> ColumnElement[int]:
        reached = ranked[f"{name}_rank"] * 100 >= ranked[f"{name}_count"] * share
        return func.min(case((reached, ranked[name]))).label(f"{name}_p{share}")

    wanted = select(
        ranked.kind,
        ranked.key,
        func.count().label("episodes"),
        *(func.sum(ranked[name]).label(name) for name in (*COUNTS, "stars")),
        *(percentile(name, share) for name in MEASURES for share in (50, 90)),
    ).group_by(ranked.kind, ranked.key)
    return [dict(each) for each in (await session.execute(wanted)).mappings()]


async def listed(
    session: ReadSession, scope: Scope, moment: datetime
) -> AsyncIterator[Sequence[dict[str, Any]]]:
    """The facts of each episode, oldest first, in portions.

    `agents`, `intents` and `reasons` are joined by commas, None when there are none.
    """
    found = tables(scope, moment)
    facts, fact = found.facts, found.facts.c

    def joined(table: CTE, word: Any, condition: ColumnElement[bool], name: str) -> Any:
        key = (table.c.conversation_id, table.c.episode)
        said = select(*key, cast(word, String).label("word")).where(condition).distinct().subquery()
        key = (said.c.conversation_id, said.c.episode)
        words = func.aggregate_strings(said.c.word, ",").label("words")
        return select(*key, words).group_by(*key).subquery(name)

    lists = (
        joined(found.parts, found.parts.c.who, true(), "agents"),
        joined(found.marks, found.marks.c.word, read(found.marks), "intents"),
        joined(found.marks, found.marks.c.word, handed_over(found.marks), "reasons"),
    )
    wanted = select(*fact, Conversation.customer_id, *(each.c.words.label(each.name) for each in lists))
    wanted = wanted.join_from(facts, Conversation, Conversation.id == fact.conversation_id)
    for each in lists:
        same = (each.c.conversation_id == fact.conversation_id) & (each.c.episode == fact.episode)
        wanted = wanted.join(each, same, isouter=True)
    streamed = await session.stream(
        wanted.order_by(fact.began, fact.conversation_id, fact.episode),
        execution_options={"yield_per": ROWS_AT_ONCE},
    )
    async for rows in streamed.mappings().partitions():
        yield [dict(row) for row in rows]
