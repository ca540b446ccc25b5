"""All SQL of the knowledge."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from backoffice.kit.database import ReadSession, WriteSession, upsert
from backoffice.kit.paging import Page
from backoffice.knowledge.models import Article, ArticlesVersion, OpenQuestion


async def published(session: ReadSession) -> list[Article]:
    return list(await session.scalars(select(Article).where(Article.published).order_by(Article.slug)))


async def published_one(session: ReadSession, slug: str) -> Article | None:
    found: Article | None = await session.scalar(
        select(Article).where(Article.slug == slug, Article.published)
    )
    return found


async def page(session: ReadSession, page: Page) -> tuple[list[Article], int]:
    wanted = select(Article).order_by(Article.slug).limit(page.limit).offset(page.offset)
    total = await session.scalar(select(func.count()).select_from(Article))
    return list(await session.scalars(wanted)), total or 0


async def version(session: ReadSession) -> int:
    """Grows with every write to the articles."""
    return await session.scalar(select(ArticlesVersion.number)) or 0


async def count_write(session: WriteSession) -> None:
    """Tell everybody who keeps the articles that they changed; writers take turns here."""
    await session.execute(
        upsert(session, ArticlesVersion)
        .values(id=1, number=1)
        .on_conflict_do_update(index_elements=["id"], set_={"number": ArticlesVersion.number + 1})
    )


async def put(session: WriteSession, slug: str, at: datetime, by: str, values: dict[str, Any]) -> None:
    """Write an article, over an older one if there is one."""
    row = values | {"updated_at": at, "updated_by": by}
    await session.execute(
        upsert(session, Article)
        .values(slug=slug, **row)
        .on_conflict_do_update(index_elements=["slug"], set_=row)
    )


async def load(session: WriteSession, slug: str, at: datetime, values: dict[str, Any]) -> None:
    """Write an article of the shop's own file unless somebody edited it by hand."""
    row = values | {"updated_at": at}
    await session.execute(
        upsert(session, Article)
        .values(slug=slug, updated_by="", **row)
        .on_conflict_do_update(index_elements=["slug"], set_=row, where=Article.updated_by == "")
    )


async def remove(session: WriteSession, slug: str) -> bool:
    statement = delete(Article).where(Article.slug == slug).returning(Article.slug)
    return await session.scalar(statement) is not None


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


async def remove_question(session: WriteSession, key: str) -> bool:
    statement = delete(OpenQuestion).where(OpenQuestion.key == key).returning(OpenQuestion.key)
    return await session.scalar(statement) is not None
