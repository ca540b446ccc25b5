"""SQL that cuts conversations into episodes, for the reports.

Each step is a table of the next: marks (whatever happened), cut (each in its episode), episodes, parts (of
each agent in an episode) and facts (what is measured of an episode). Times are milliseconds since 1970, the
rest of them cut off, so that both engines count alike.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from backoffice.conversations.models import Conversation, Message, OwnershipChange, Rating, Reading
from backoffice.kit.time import SHOP_ZONE

SILENCE = timedelta(hours=24)
LINE, CHANGE, READING, RATING = range(4)
DAY_MS, HOUR_MS = 86_400_000, 3_600_000


class Scope(NamedTuple):
    """Episodes that begin in [since, until), all or only those of a channel, an agent, an intent."""

    since: datetime
    until: datetime
    channel: str = ""
    agent_id: int | None = None
    intent: str = ""


class milliseconds(FunctionElement[int]):
    """Of a time, since 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(milliseconds)
def _of_timestamp(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    time = compiler.process(element.clauses, **more)
    return f"CAST(floor(extract(epoch FROM {time}) * 1000) AS BIGINT)"


@compiles(milliseconds, "sqlite")
def _of_text(element: Any, compiler: SQLCompiler, **more: Any) -> str:
    time = compiler.process(element.clauses, **more)
    return f"(strftime('%s', substr({time}, 1, 19)) * 1000 + CAST(substr({time}, 21, 3) AS INTEGER))"


def ms(of: datetime | timedelta) -> int:
    return (of if isinstance(of, timedelta) else of - datetime.fromtimestamp(0, of.tzinfo)) // timedelta(
        milliseconds=1
    )


def marks(scope: Scope) -> CTE:
    """Lines, changes of owner, what the bot read and ratings of the conversations that the period touches.

    `what` is a line's author or a change's kind, `word` its channel, reason or intent, `who` an agent.
    """
    touched = select(Conversation.id).where(
        Conversation.updated_at >= scope.since, Conversation.opened_at < scope.until
    )
    nothing, nobody = literal(""), cast(None, BigInteger)

    def rows(
        table: Any, place: int, number: Any, what: Any, word: Any, who: Any, stars: Any, moved: Any
    ) -> Select[Any]:
        return select(
            table.conversation_id.label("conversation_id"),
            milliseconds(Message.at if table is Rating else table.at).label("at"),
            literal(place).label("place"),
            number.label("number"),
            what.label("what"),
            word.label("word"),
            who.label("who"),
            stars.label("stars"),
            moved[0].label("from_owner"),
            moved[1].label("to_owner"),
        ).where(table.conversation_id.in_(touched))

    stay = (nothing, nothing)
    no_stars, no_number = cast(None, Integer), literal(0)
    lines = rows(
        Message, LINE, Message.event, Message.author, Message.channel, Message.staff_id, no_stars, stay
    ).where(or_(Message.command.is_(None), ~Message.command.startswith("/rate")))
    moves = (OwnershipChange.from_owner, OwnershipChange.to_owner)
    changes = rows(
        OwnershipChange,
        CHANGE,
        OwnershipChange.id,
        OwnershipChange.kind,
        OwnershipChange.reason,
        OwnershipChange.agent_id,
        no_stars,
        moves,
    )
    readings = rows(Reading, READING, no_number, literal("read"), Reading.intent, nobody, no_stars, stay)
    ratings = rows(
        Rating, RATING, Rating.asked_event, literal("rated"), nothing, Rating.agent_id, Rating.stars, stay
    ).join_from(
        Rating,
        Message,
        and_(Message.conversation_id == Rating.conversation_id, Message.event == Rating.asked_event),
    )
    return union_all(lines, changes, readings, ratings).cte("marks")


def cut(scope: Scope) -> CTE:
    """Marks with their order `n` within the conversation, their `episode` and whether it `begins` there."""
    found = marks(scope).c
    numbered = select(
        *found,
        func.row_number()
        .over(
            partition_by=found.conversation_id,
            order_by=(found.at, found.place, found.number, found.word),
        )
        .label("n"),
    ).cte("numbered")
    mark = numbered.c

    def before(value: ColumnElement[Any], condition: ColumnElement[bool]) -> ColumnElement[int]:
        """The greatest value of the marks before this one that fulfil the condition; 0 when none does."""
        latest = func.max(case((condition, value))).over(
            partition_by=mark.conversation_id, order_by=mark.n, rows=(None, -1)
        )
        return func.coalesce(latest, 0)

    changed = mark.place == CHANGE
    standing = select(
        *mark,
        before(mark.at, mark.place == LINE).label("line_before"),
        before(mark.n, mark.what.in_(("shopper", "reopened"))).label("opened_before"),
        before(mark.n, mark.what == "resolved").label("resolved_before"),
        (
            before(mark.n, changed & (mark.to_owner != "bot"))
            > before(mark.n, changed & (mark.to_owner == "bot"))
        ).label("people_before"),
        case(
            (
                changed,
                func.lead(mark.at).over(partition_by=(mark.conversation_id, mark.place), order_by=mark.n),
            )
        ).label("until"),
    ).cte("standing")
    mark = standing.c
    begins = (mark.what == "shopper") & (
        (mark.at - mark.line_before >= ms(SILENCE)) | (mark.resolved_before > mark.opened_before)
    )
    begun = select(*mark, case((begins, 1), else_=0).label("begins")).cte("begun")
    mark = begun.c
    episode = func.sum(mark.begins).over(partition_by=mark.conversation_id, order_by=mark.n, rows=(None, 0))
    counted = select(*mark, episode.label("episode")).cte("counted")
    mark = counted.c
    inherits = (mark.begins == 1) & mark.people_before
    asks = inherits | ((mark.place == CHANGE) & (mark.from_owner == "bot") & (mark.to_owner == "queue"))
    key = (mark.conversation_id, mark.episode)
    return (
        select(
            *mark,
            flag(inherits, "inherits"),
            func.min(case((asks, mark.n))).over(partition_by=key).label("asked_n"),
            func.max(case((mark.place == LINE, mark.at))).over(partition_by=key).label("last_line"),
        )
        .where(mark.episode > 0)
        .cte("cut")
    )


class Tables(NamedTuple):
    """From which figures are counted."""

    marks: CTE
    parts: CTE
    facts: CTE


def tables(scope: Scope, moment: datetime) -> Tables:
    """Episodes of the scope as they stand at `moment`, with each agent's part in them."""
    marked = cut(scope)
    parts = parts_of(marked)
    episode = episodes(marked).c
    ended = episode.resolved_at.is_not(None) | (episode.last_line <= ms(moment) - ms(SILENCE))
    settled = ended & (episode.began <= ms(moment) - ms(SILENCE))
    with_people = episode.people == 1
    local = episode.began + ms(moment.astimezone(SHOP_ZONE).utcoffset() or timedelta())
    facts = select(
        *episode,
        (local // DAY_MS).label("day"),
        (local % DAY_MS // HOUR_MS).label("hour"),
        flag(ended, "ended"),
        flag(settled, "settled"),
        flag(settled & ~with_people, "contained"),
        flag(ended & with_people, "with_people"),
        flag(episode.asked_at.is_not(None), "asked"),
        flag(episode.replied_n.is_not(None), "answered"),
        flag(with_people & episode.resolved_at.is_not(None), "resolved"),
        (episode.replied_at - episode.asked_at).label("first_reply"),
        case((with_people, episode.resolved_at - episode.began)).label("resolution"),
    ).where(episode.began >= ms(scope.since), episode.began < ms(scope.until))
    if scope.channel:
        facts = facts.where(episode.channel == scope.channel)
    if scope.agent_id is not None:
        facts = facts.where(has(parts, episode, parts.c.who == scope.agent_id))
    if scope.intent:
        facts = facts.where(has(marked, episode, read(marked) & (marked.c.word == scope.intent)))
    return Tables(marked, parts, facts.cte("facts"))


def episodes(marked: CTE) -> CTE:
    """What happened in each episode as a whole."""
    mark = marked.c
    people = or_(
        mark.what == "agent",
        (mark.place == CHANGE) & ((mark.from_owner != "bot") | (mark.to_owner != "bot")),
        mark.inherits == 1,
    )

    def last(what: str) -> ColumnElement[int]:
        return func.coalesce(func.max(case((mark.what == what, mark.n))), 0)

    resolved_at = func.max(case((mark.what == "resolved", mark.at)))
    return (
        select(
            mark.conversation_id,
            mark.episode,
            func.min(mark.at).label("began"),
            func.max(case((mark.begins == 1, mark.word))).label("channel"),
            func.max(mark.last_line).label("last_line"),
            func.max(case((people, 1), else_=0)).label("people"),
            func.min(case((mark.n == mark.asked_n, mark.at))).label("asked_at"),
            case((last("resolved") > last("reopened"), resolved_at)).label("resolved_at"),
            func.sum(case((mark.place == RATING, 1), else_=0)).label("surveys"),
            func.count(mark.stars).label("rated"),
            func.coalesce(func.sum(mark.stars), 0).label("stars"),
            func.sum(case((mark.stars >= 4, 1), else_=0)).label("good"),
            func.sum(case((mark.to_owner == "queue", mark.until - mark.at))).label("waiting"),
            *of_people(mark),
        )
        .group_by(mark.conversation_id, mark.episode)
        .cte("episodes")
    )


def parts_of(marked: CTE) -> CTE:
    """What each agent did in each episode."""
    mark = marked.c
    key = (mark.conversation_id, mark.episode, mark.who)
    involved = (mark.what == "agent") | (mark.to_owner == "agent")
    wanted = select(*key, *of_people(mark)).where(mark.who.is_not(None), involved)
    return wanted.group_by(*key).cte("parts")


def of_people(mark: Any) -> list[ColumnElement[Any]]:
    """The first reply, how long agents had it, and their last mark."""
    replies = (mark.what == "agent") & (mark.n > mark.asked_n)
    works = (mark.to_owner == "agent") & (mark.what != "snoozed")
    until = func.coalesce(mark.until, mark.last_line)
    return [
        func.min(case((replies, mark.at))).label("replied_at"),
        func.min(case((replies, mark.n))).label("replied_n"),
        func.sum(case((works & (until > mark.at), until - mark.at), (works, 0))).label("handling"),
        func.max(case(((mark.what == "agent") | (mark.to_owner == "agent"), mark.n))).label("last_n"),
    ]


def flag(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return case((condition, 1), else_=0).label(name)


def read(marked: CTE) -> ColumnElement[bool]:
    return marked.c.place == READING


def handed_over(marked: CTE) -> ColumnElement[bool]:
    return (marked.c.place == CHANGE) & (marked.c.from_owner == "bot") & (marked.c.to_owner != "bot")


def has(table: CTE, episode: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an episode has a row in the table that fulfils the condition."""
    there = select(table.c.conversation_id, table.c.episode).where(condition)
    return tuple_(episode.conversation_id, episode.episode).in_(there)
