"""All SQL of the knowledge."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from backoffice.kit.database import ReadSession, WriteSession, upsert
from backoffice.kit.paging import Page
from backoffice.knowledge.models import Article


async def articles(session: ReadSession) -> list[Article]:
    return list(await session.scalars(select(Article).order_by(Article.slug)))


async def page(session: ReadSession, page: Page) -> tuple[list[Article], int]:
    wanted = select(Article).order_by(Article.slug).limit(page.limit).offset(page.offset)
    total = await session.scalar(select(func.count()).select_from(Article))
    return list(await session.scalars(wanted)), total or 0


async def fingerprint(session: ReadSession) -> tuple[object, ...]:
    """Differs whenever an article came, went or changed."""
    return tuple((await session.execute(select(func.count(), func.max(Article.updated_at)))).one())


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
