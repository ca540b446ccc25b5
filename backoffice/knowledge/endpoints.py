"""Answers over HTTP: open to read, admins write."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from backoffice.kit.database import Reading, Writing
from backoffice.kit.paging import Paging
from backoffice.knowledge import service
from backoffice.knowledge.schemas import ArticleList, ArticleText, ArticleView, FoundArticles
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])
Admin = Annotated[StaffView, Depends(staff("admin"))]
Slug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]


@router.get("")
async def answer(
    session: Reading,
    q: Annotated[str, Query(max_length=2000)] = "",
    intent: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 3,
) -> FoundArticles:
    return await service.answer(session, q, intent, limit)


@router.get("/articles")
async def articles(_: Annotated[StaffView, Depends(staff())], session: Reading, page: Paging) -> ArticleList:
    return await service.articles(session, page)


@router.put("/articles/{slug}")
async def put(admin: Admin, session: Writing, slug: Slug, text: ArticleText) -> ArticleView:
    return await service.put(session, slug, text, admin.login)


@router.delete("/articles/{slug}", status_code=204)
async def remove(_: Admin, session: Writing, slug: Slug) -> None:
    await service.remove(session, slug)
