"""Answers over HTTP: open to read, admins write."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import HTMLResponse

from backoffice.kit.database import Reading, Writing
from backoffice.kit.fields import Text
from backoffice.kit.paging import Paging
from backoffice.knowledge import service
from backoffice.knowledge.schemas import (
    ArticleList,
    ArticleText,
    ArticleView,
    FoundArticle,
    FoundArticles,
    QuestionGroups,
)
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])
Staff = Annotated[StaffView, Depends(staff())]
Admin = Annotated[StaffView, Depends(staff("admin"))]
Slug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
SEALED = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("")
async def answer(
    session: Reading,
    q: Annotated[str, Query(max_length=2000)] = "",
    intent: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=20)] = 3,
) -> FoundArticles:
    return await service.answer(session, q, intent, limit)


@router.get("/articles")
async def articles(_: Staff, session: Reading, page: Paging) -> ArticleList:
    return await service.articles(session, page)


@router.get("/articles/{slug}")
async def article(session: Reading, slug: Slug) -> FoundArticle:
    return await service.article(session, slug)


@router.get("/articles/{slug}/page", response_class=HTMLResponse)
async def page(session: Reading, slug: Slug) -> HTMLResponse:
    return HTMLResponse(await service.page(session, slug), headers=SEALED)


@router.put("/articles/{slug}")
async def put(admin: Admin, session: Writing, slug: Slug, text: ArticleText) -> ArticleView:
    return await service.put(session, slug, text, admin.login)


@router.delete("/articles/{slug}", status_code=204)
async def remove(_: Admin, session: Writing, slug: Slug) -> None:
    await service.remove(session, slug)


@router.get("/questions")
async def questions(_: Staff, session: Reading, page: Paging) -> QuestionGroups:
    return await service.open_questions(session, page)


@router.delete("/questions", status_code=204)
async def close_question(
    _: Admin, session: Writing, text: Annotated[Text, Query(min_length=1, max_length=200)]
) -> None:
    """Done with: an article answers it now, or none ever will."""
    await service.close_question(session, text)
