"""Answers out of the articles that are published, and the articles that come with the shop."""

from html import escape
from pathlib import Path
from string import Template
from typing import Any
from weakref import WeakKeyDictionary

import yaml

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.knowledge import repository
from backoffice.knowledge.domain import Corpus, Entry
from backoffice.knowledge.schemas import ArticleText, FoundArticle, FoundArticles

ARTICLES = Path(__file__).with_name("articles.yml")
PAGE = Template(Path(__file__).with_name("article.html").read_text(encoding="utf8"))
LONGEST_QUESTION = 300
"""What a question says after so many letters does not change which article answers it."""

_corpora: WeakKeyDictionary[Any, tuple[int, Corpus]] = WeakKeyDictionary()


async def corpus(session: ReadSession) -> Corpus:
    """Every published article, kept until a write of any process counts the version up."""
    engine, version = session.get_bind().engine, await repository.writes(session)
    kept = _corpora.get(engine)
    if kept and kept[0] == version:
        return kept[1]
    found = Corpus(
        Entry(each.slug, each.title, each.answer, tuple(each.intents), tuple(each.questions))
        for each in await repository.published(session)
    )
    _corpora[engine] = (version, found)
    return found


def page_of(slug: str) -> str:
    return f"/api/knowledge/articles/{slug}/page"


def shown(entry: Entry, score: int) -> FoundArticle:
    return FoundArticle(
        slug=entry.slug, title=entry.title, answer=entry.answer, url=page_of(entry.slug), score=score
    )


async def answer(session: ReadSession, q: str, intent: str, limit: int) -> FoundArticles:
    """The articles that answer a question, those of the understood intent first."""
    known = await corpus(session)
    ranked = known.rank(q[:LONGEST_QUESTION], intent, 2 * limit)
    general = known.general(intent)
    return FoundArticles(
        articles=[shown(each.entry, each.score) for each in ranked if each.fits][:limit],
        near=[shown(each.entry, each.score) for each in ranked if not each.fits][:limit],
        general=shown(general, 0) if general else None,
    )


async def article(session: ReadSession, slug: str) -> FoundArticle:
    """A published article. Raises `NotFound` (`article_not_found`)."""
    found = await repository.published_one(session, slug)
    if found is None:
        raise NotFound("article_not_found")
    return FoundArticle(slug=slug, title=found.title, answer=found.answer, url=page_of(slug), score=100)


async def page(session: ReadSession, slug: str) -> str:
    """A published article as a page, its text escaped. Raises `NotFound` (`article_not_found`)."""
    found = await article(session, slug)
    return PAGE.substitute(title=escape(found.title), answer=escape(found.answer))


async def load(session: WriteSession, path: Path = ARTICLES) -> int:
    """Bring the articles of a YAML file in and publish them; one that an admin touched is left alone.

    The file maps slugs to title, intents, questions and answer. Returns how many it has. Raises `ValueError`
    when it doesn't.
    """
    written = yaml.safe_load(path.read_text(encoding="utf8"))
    texts = {slug: ArticleText.model_validate(text) for slug, text in written.items()}
    at = now()
    for slug, text in texts.items():
        number = 1
        if not await repository.begin(session, slug, live=1):
            number = await renewed(session, slug, text)
        if number:
            await repository.add(session, slug, number, text.model_dump(), "", "", at)
    await repository.count_write(session)
    return len(texts)


async def renewed(session: WriteSession, slug: str, text: ArticleText) -> int:
    """The number of the version to be added for a text that the shop brings; 0 when none is needed."""
    standing = await repository.standing(session, slug)
    newest = standing and await repository.version(session, slug, standing.head)
    if not standing or not newest or newest.by:
        return 0
    same = ArticleText.model_validate(newest, from_attributes=True) == text
    return 0 if same or not await repository.renew(session, slug, standing.head) else standing.head + 1
