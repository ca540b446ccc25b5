"""Answers over HTTP: open to read, admins write."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import HTMLResponse

from backoffice.kit.database import Reading, Writing
from backoffice.kit.fields import Text
from backoffice.kit.paging import Paging
from backoffice.knowledge import editing, questions, service, use
from backoffice.knowledge.schemas import (
    Answered,
    ArticleEdit,
    ArticleHistory,
    ArticleList,
    ArticleView,
    FoundArticle,
    FoundArticles,
    Preview,
    PreviewOf,
    Publication,
    QuestionGroups,
    Show,
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
async def articles(
    _: Staff,
    session: Reading,
    page: Paging,
    q: Annotated[str, Query(max_length=100)] = "",
    show: Show = "all",
) -> ArticleList:
    """The newest version of each with how it does, those shown most lately first."""
    return await use.articles(session, page, q, show)


@router.post("/preview")
async def preview(_: Admin, session: Reading, tried: PreviewOf) -> Preview:
    """What shoppers would get with this text published."""
    return await editing.preview(session, tried)


@router.get("/articles/{slug}")
async def article(session: Reading, slug: Slug) -> FoundArticle:
    return await service.article(session, slug)


@router.get("/articles/{slug}/page", response_class=HTMLResponse)
async def page(session: Reading, slug: Slug) -> HTMLResponse:
    return HTMLResponse(await service.page(session, slug), headers=SEALED)


@router.get("/articles/{slug}/versions")
async def versions(_: Staff, session: Reading, slug: Slug, page: Paging) -> ArticleHistory:
    """Who wrote which version, who published which, when and why."""
    return await editing.history(session, slug, page)


@router.put("/articles/{slug}")
async def save(admin: Admin, session: Writing, slug: Slug, edit: ArticleEdit) -> ArticleView:
    """Add a version, which shoppers do not get until it is published.

    When somebody was faster the answer is 409 `article_changed` with `theirs`.
    """
    return await editing.save(session, admin, slug, edit)


@router.put("/articles/{slug}/live")
async def publish(admin: Admin, session: Writing, slug: Slug, wanted: Publication) -> ArticleView:
    """Have shoppers get this version with their next question; an older one: go back; 0: take it away."""
    return await editing.publish(session, admin, slug, wanted)


@router.delete("/articles/{slug}", status_code=204)
async def remove(admin: Admin, session: Writing, slug: Slug) -> None:
    """With its versions; only an article that shoppers do not get."""
    await editing.remove(session, admin, slug)


@router.get("/questions")
async def open_questions(_: Staff, session: Reading, page: Paging) -> QuestionGroups:
    return await questions.open_questions(session, page)


@router.post("/questions/answered")
async def answered(admin: Admin, session: Writing, found: Answered) -> ArticleView:
    """Have an article take over a group of open questions."""
    return await editing.answered(session, admin, found)


@router.delete("/questions", status_code=204)
async def close_question(
    _: Admin, session: Writing, text: Annotated[Text, Query(min_length=1, max_length=200)]
) -> None:
    """Done with: an article answers it now, or none ever will."""
    await questions.close(session, text)
