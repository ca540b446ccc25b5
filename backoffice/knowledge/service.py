"""Answers that admins edit as data, and the questions that they do not answer yet."""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from weakref import WeakKeyDictionary

import yaml

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.knowledge import repository
from backoffice.knowledge.domain import Asked, Corpus, Entry, group, plain
from backoffice.knowledge.schemas import (
    ArticleList,
    ArticleText,
    ArticleView,
    FoundArticle,
    FoundArticles,
    Noted,
    QuestionGroup,
    QuestionGroups,
    QuestionNote,
)

ARTICLES = Path(__file__).with_name("articles.yml")
PAGE = Template(Path(__file__).with_name("article.html").read_text(encoding="utf8"))
LONGEST_QUESTION = 300
"""What a question says after so many letters does not change which article answers it."""
GROUPED = 1000
MOST_LIKE_IT = 20
PERSONAL = re.compile(r"\d{5,}|\S+@\S+")

_corpora: WeakKeyDictionary[Any, tuple[int, Corpus]] = WeakKeyDictionary()


async def corpus(session: ReadSession) -> Corpus:
    """Every published article, kept until a write of any process counts the version up."""
    engine, version = session.get_bind().engine, await repository.version(session)
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


async def articles(session: ReadSession, page: Page) -> ArticleList:
    found, total = await repository.page(session, page)
    return ArticleList(
        articles=[ArticleView.model_validate(each, from_attributes=True) for each in found], total=total
    )


async def put(session: WriteSession, slug: str, text: ArticleText, by: str) -> ArticleView:
    """Write an article under a slug; `by` is the login of who wrote it."""
    at = now()
    await repository.put(session, slug, at, by, text.model_dump())
    await repository.count_write(session)
    return ArticleView(slug=slug, updated_at=at, updated_by=by, **text.model_dump())


async def remove(session: WriteSession, slug: str) -> None:
    """Raises `NotFound` (`article_not_found`)."""
    if not await repository.remove(session, slug):
        raise NotFound("article_not_found")
    await repository.count_write(session)


async def load(session: WriteSession, path: Path = ARTICLES) -> int:
    """Bring the articles of a YAML file in; what an admin wrote is kept. Returns how many the file has.

    The file maps slugs to title, intents, questions and answer. Raises `ValueError` when it doesn't.
    """
    written = yaml.safe_load(path.read_text(encoding="utf8"))
    texts = {slug: ArticleText.model_validate(text) for slug, text in written.items()}
    at = now()
    for slug, text in texts.items():
        await repository.load(session, slug, at, text.model_dump())
    await repository.count_write(session)
    return len(texts)


async def note_question(session: WriteSession, note: QuestionNote) -> Noted:
    """Count a question that went unanswered; one without letters says nothing and is not kept."""
    text = PERSONAL.sub("*", note.text)[:200]
    key = plain(text)[:120]
    if not key:
        return Noted(noted=False)
    await repository.note_question(
        session, key, text, note.intent, note.article, int(note.kind == "missed"), now()
    )
    return Noted(noted=True)


async def open_questions(session: ReadSession, page: Page) -> QuestionGroups:
    """The questions that went unanswered lately, grouped by likeness, the most asked first."""
    rows = await repository.open_questions(session, GROUPED)
    known = await corpus(session)
    groups = group([Asked(each.text, each.missed, each.unhelpful) for each in rows])
    return QuestionGroups(
        groups=[
            QuestionGroup(
                text=each.text,
                count=each.missed + each.unhelpful,
                missed=each.missed,
                unhelpful=each.unhelpful,
                others=list(each.others[:MOST_LIKE_IT]),
                nearest=next(
                    (shown(one.entry, one.score) for one in known.rank(each.text, "", 1) if one.fits), None
                ),
            )
            for each in groups[page.offset : page.offset + page.limit]
        ],
        total=len(groups),
    )


async def close_question(session: WriteSession, text: str) -> int:
    """Forget a question and those that are alike; how many there were."""
    rows = await repository.open_questions(session, GROUPED)
    alike = next(
        (
            {each.text, *each.others}
            for each in group([Asked(row.text, row.missed, row.unhelpful) for row in rows])
            if text in (each.text, *each.others)
        ),
        set(),
    )
    return sum([await repository.remove_question(session, row.key) for row in rows if row.text in alike])
