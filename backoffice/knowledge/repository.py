"""All SQL of the knowledge."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from backoffice.kit.database import Base, ReadSession, WriteSession, insert_once, upsert
from backoffice.kit.paging import Page
from backoffice.knowledge.models import (
    Article,
    ArticlesVersion,
    ArticleVersion,
    ArticleVote,
    ArticleWeek,
    OpenQuestion,
)

LIVE = (ArticleVersion.slug == Article.slug) & (ArticleVersion.number == Article.live)
HEAD = (ArticleVersion.slug == Article.slug) & (ArticleVersion.number == Article.head)


class Standing(NamedTuple):
    """The newest version of an article, and the one shoppers get (0: none)."""

    head: int
    live: int


class Week(NamedTuple):
    """How an article did in one week: answers given, and people whom it helped or did not."""

    slug: str
    week: date
    shown: int
    helpful: int
    unhelpful: int


async def published(session: ReadSession) -> list[ArticleVersion]:
    found = select(ArticleVersion).join(Article, LIVE).order_by(ArticleVersion.slug)
    return list(await session.scalars(found))


async def published_one(session: ReadSession, slug: str) -> ArticleVersion | None:
    wanted = select(ArticleVersion).join(Article, LIVE).where(Article.slug == slug)
    found: ArticleVersion | None = await session.scalar(wanted)
    return found


async def heads(session: ReadSession) -> list[tuple[ArticleVersion, int]]:
    """The newest version of every article, with the number of the one shoppers get."""
    wanted = select(ArticleVersion, Article.live).join(Article, HEAD).order_by(ArticleVersion.slug)
    return [(version, live) for version, live in await session.execute(wanted)]


async def published_at(session: ReadSession) -> dict[str, datetime]:
    """When the version that shoppers get was written, by slug."""
    wanted = select(ArticleVersion.slug, ArticleVersion.at).join(Article, LIVE)
    return {slug: at for slug, at in await session.execute(wanted)}


async def standing(session: ReadSession, slug: str) -> Standing | None:
    row = (
        await session.execute(select(Article.head, Article.live).where(Article.slug == slug))
    ).one_or_none()
    return Standing(*row) if row else None


async def version(session: ReadSession, slug: str, number: int) -> ArticleVersion | None:
    return await session.get(ArticleVersion, (slug, number))


async def versions(session: ReadSession, slug: str, page: Page) -> list[ArticleVersion]:
    """Newest first."""
    wanted = select(ArticleVersion).where(ArticleVersion.slug == slug).order_by(ArticleVersion.number.desc())
    return list(await session.scalars(wanted.limit(page.limit).offset(page.offset)))


async def writes(session: ReadSession) -> int:
    """Grows with every write to what is published."""
    return await session.scalar(select(ArticlesVersion.number)) or 0


async def count_write(session: WriteSession) -> None:
    """Tell everybody who keeps the articles that they changed; writers take turns here."""
    await session.execute(
        upsert(session, ArticlesVersion)
        .values(id=1, number=1)
        .on_conflict_do_update(index_elements=["id"], set_={"number": ArticlesVersion.number + 1})
    )


async def begin(session: WriteSession, slug: str, live: int = 0) -> bool:
    """Take a slug for a new article whose version 1 is to be added; False when it is taken."""
    return await insert_once(session, Article, slug=slug, head=1, live=live)


async def advance(session: WriteSession, slug: str, base: int | None = None) -> Standing | None:
    """Count the newest version up, if that is `base` (None: whichever it is); None when it is not.

    The version itself is to be added; rivals wait until this one has committed.
    """
    wanted = update(Article).where(Article.slug == slug).values(head=Article.head + 1)
    if base is not None:
        wanted = wanted.where(Article.head == base)
    row = (await session.execute(wanted.returning(Article.head, Article.live))).one_or_none()
    return Standing(*row) if row else None


async def add(
    session: WriteSession, slug: str, number: int, text: dict[str, Any], by: str, why: str, at: datetime
) -> None:
    await insert_once(session, ArticleVersion, slug=slug, number=number, by=by, why=why, at=at, **text)


async def show(session: WriteSession, slug: str, number: int, over: int) -> bool:
    """Have shoppers get a version, if they get `over` now; False when they do not."""
    wanted = update(Article).where(Article.slug == slug, Article.live == over).values(live=number)
    return await session.scalar(wanted.returning(Article.slug)) is not None


async def renew(session: WriteSession, slug: str, head: int) -> bool:
    """Count the newest version up and have shoppers get it, if they get that one now."""
    same = (Article.slug == slug) & (Article.head == head) & (Article.live == head)
    wanted = update(Article).where(same).values(head=head + 1, live=head + 1)
    return await session.scalar(wanted.returning(Article.slug)) is not None


async def remove(session: WriteSession, slug: str) -> bool:
    """With all its versions, if shoppers do not get it."""
    statement = delete(Article).where(Article.slug == slug, Article.live == 0).returning(Article.slug)
    return await session.scalar(statement) is not None


async def count_shown(session: WriteSession, slugs: Iterable[str], week: date) -> None:
    """In the order of the slugs: rivals who count several do not wait for each other in a circle."""
    for slug in sorted(slugs):
        await session.execute(once_more(session.get_bind().dialect.name), {"slug": slug, "week": week})


@cache
def once_more(dialect: str) -> Any:
    """Built once, of the table and not of the entity: every turn with an article comes by."""
    weeks = Base.metadata.tables[ArticleWeek.__tablename__]
    made = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(weeks)
    counted = made.values(slug=bindparam("slug"), week=bindparam("week"), shown=1)
    return counted.on_conflict_do_update(index_elements=["slug", "week"], set_={"shown": weeks.c.shown + 1})


async def vote(session: WriteSession, voter: str, slug: str, week: date, helpful: bool) -> None:
    await session.execute(
        upsert(session, ArticleVote)
        .values(voter=voter, slug=slug, week=week, helpful=helpful)
        .on_conflict_do_update(index_elements=["voter", "slug", "week"], set_={"helpful": helpful})
    )


async def weeks(session: ReadSession, since: date) -> list[Week]:
    """How every article did in each week since that Monday; a week in which nothing happened is left out."""
    shown = select(ArticleWeek).where(ArticleWeek.week >= since)
    told = {
        (each.slug, each.week): Week(each.slug, each.week, each.shown, 0, 0)
        for each in await session.scalars(shown)
    }
    helpful = func.sum(case((ArticleVote.helpful, 1), else_=0))
    votes = (
        select(ArticleVote.slug, ArticleVote.week, helpful, func.count())
        .where(ArticleVote.week >= since)
        .group_by(ArticleVote.slug, ArticleVote.week)
    )
    for slug, week, good, all in await session.execute(votes):
        before = told.get((slug, week), Week(slug, week, 0, 0, 0))
        told[slug, week] = before._replace(helpful=good, unhelpful=all - good)
    return sorted(told.values())


async def last_shown(session: ReadSession) -> dict[str, date]:
    """The last week in which each article was shown."""
    wanted = select(ArticleWeek.slug, func.max(ArticleWeek.week)).group_by(ArticleWeek.slug)
    return {slug: week for slug, week in await session.execute(wanted)}


async def note_question(
    session: WriteSession, key: str, text: str, intent: str, article: str, missed: int, at: datetime
) -> None:
    """Count a question once more; `missed` is 1 when nothing was found, 0 when the answer did not help."""
    unhelpful = 1 - missed
    await session.execute(
        upsert(session, OpenQuestion)
        .values(
            key=key,
            text=text,
            intent=intent,
            article=article,
            missed=missed,
            unhelpful=unhelpful,
            first_at=at,
            last_at=at,
        )
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "missed": OpenQuestion.missed + missed,
                "unhelpful": OpenQuestion.unhelpful + unhelpful,
                "last_at": at,
                **({"article": article} if article else {}),
            },
        )
    )


async def open_questions(session: ReadSession, limit: int) -> list[OpenQuestion]:
    """Those asked last, newest first."""
    newest = select(OpenQuestion).order_by(OpenQuestion.last_at.desc(), OpenQuestion.key)
    return list(await session.scalars(newest.limit(limit)))


async def remove_questions(session: WriteSession, keys: Sequence[str]) -> set[str]:
    """The keys of those that were still there."""
    statement = delete(OpenQuestion).where(OpenQuestion.key.in_(keys)).returning(OpenQuestion.key)
    return set(await session.scalars(statement))
