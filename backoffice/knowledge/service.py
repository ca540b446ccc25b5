"""Answers that admins edit as data."""

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import yaml

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.knowledge import repository
from backoffice.knowledge.domain import Corpus, Entry
from backoffice.knowledge.schemas import (
    ArticleList,
    ArticleText,
    ArticleView,
    FoundArticle,
    FoundArticles,
)

ARTICLES = Path(__file__).with_name("articles.yml")

_corpora: WeakKeyDictionary[Any, tuple[object, Corpus]] = WeakKeyDictionary()


async def corpus(session: ReadSession) -> Corpus:
    """Every article, kept until one changes."""
    engine, mark = session.get_bind().engine, await repository.fingerprint(session)
    kept = _corpora.get(engine)
    if kept and kept[0] == mark:
        return kept[1]
    found = Corpus(
        Entry(each.slug, each.title, each.answer, tuple(each.intents), tuple(each.questions))
        for each in await repository.articles(session)
    )
    _corpora[engine] = (mark, found)
    return found


async def answer(session: ReadSession, q: str, intent: str, limit: int) -> FoundArticles:
    """The articles that answer a question, those of the understood intent first; none when none is near."""
    return FoundArticles(
        articles=[
            FoundArticle(
                slug=each.entry.slug, title=each.entry.title, answer=each.entry.answer, score=each.score
            )
            for each in (await corpus(session)).rank(q, intent, limit)
        ]
    )


async def articles(session: ReadSession, page: Page) -> ArticleList:
    found, total = await repository.page(session, page)
    return ArticleList(
        articles=[ArticleView.model_validate(each, from_attributes=True) for each in found], total=total
    )


async def put(session: WriteSession, slug: str, text: ArticleText, by: str) -> ArticleView:
    """Write an article under a slug; `by` is the login of who wrote it."""
    at = now()
    await repository.put(session, slug, at, by, text.model_dump())
    return ArticleView(slug=slug, updated_at=at, updated_by=by, **text.model_dump())


async def remove(session: WriteSession, slug: str) -> None:
    """Raises `NotFound` (`article_not_found`)."""
    if not await repository.remove(session, slug):
        raise NotFound("article_not_found")


async def load(session: WriteSession, path: Path = ARTICLES) -> int:
    """Bring the articles of a YAML file in; what an admin wrote is kept. Returns how many the file has.

    The file maps slugs to title, intents, questions and answer. Raises `ValueError` when it doesn't.
    """
    written = yaml.safe_load(path.read_text(encoding="utf8"))
    texts = {slug: ArticleText.model_validate(text) for slug, text in written.items()}
    at = now()
    for slug, text in texts.items():
        await repository.load(session, slug, at, text.model_dump())
    return len(texts)
