"""How articles change: drafts, what a draft would change, publishing, going back, and who did what."""

import asyncio
from collections.abc import Iterable

from backoffice.events import audit
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.knowledge import repository
from backoffice.knowledge.domain import Entry, plain
from backoffice.knowledge.measuring import Probe, Shift, probes_of, shifts, with_draft
from backoffice.knowledge.models import ArticleVersion
from backoffice.knowledge.questions import GROUPED, take
from backoffice.knowledge.schemas import (
    MOST_QUESTIONS,
    Answered,
    ArticleEdit,
    ArticleHistory,
    ArticleName,
    ArticleText,
    ArticleVersionView,
    ArticleView,
    Deed,
    Preview,
    PreviewOf,
    Publication,
    ShiftView,
)
from backoffice.knowledge.service import corpus, shown
from backoffice.staff import service as staff
from backoffice.staff.schemas import StaffView

PUBLISHED = "article_published"
MOST_SHIFTS = 200


def subject(slug: str) -> str:
    """What the audit calls an article."""
    return f"article:{slug}"


async def article(session: ReadSession, slug: str) -> ArticleView:
    """The newest version. Raises `NotFound` (`article_not_found`)."""
    standing = await repository.standing(session, slug)
    newest = standing and await repository.version(session, slug, standing.head)
    if not standing or not newest:
        raise NotFound("article_not_found")
    return ArticleView(**viewed(newest).model_dump(), live=standing.live)


def viewed(version: ArticleVersion) -> ArticleVersionView:
    return ArticleVersionView.model_validate(version, from_attributes=True)


async def save(session: WriteSession, editor: StaffView, slug: str, edit: ArticleEdit) -> ArticleView:
    """Add a version, which shoppers do not get yet.

    Raises `Conflict` (`article_changed`, with the version that came first as `theirs`; `slug_taken` for a
    new article), `NotFound` (`article_not_found`; `question_not_found` for what it takes over).
    """
    live = 0
    if edit.base:
        advanced = await repository.advance(session, slug, edit.base)
        if advanced is None:
            theirs = viewed_now = await article(session, slug)
            raise Conflict(
                "article_changed",
                f"version {viewed_now.number} was written meanwhile",
                theirs=theirs.model_dump(mode="json"),
            )
        live = advanced.live
    elif not await repository.begin(session, slug):
        raise Conflict("slug_taken", "there is an article under this slug")
    taken = await take(session, edit.takes) if edit.takes else []
    text = with_questions(ArticleText(**edit.model_dump(include=set(ArticleText.model_fields))), taken)
    return await add(session, editor, slug, edit.base + 1, live, text, edit.why)


async def add(
    session: WriteSession,
    editor: StaffView,
    slug: str,
    number: int,
    live: int,
    text: ArticleText,
    why: str,
) -> ArticleView:
    at = now()
    await repository.add(session, slug, number, text.model_dump(), editor.login, why, at)
    return ArticleView(
        slug=slug, number=number, live=live, by=editor.login, why=why, at=at, **text.model_dump()
    )


def with_questions(text: ArticleText, more: Iterable[str]) -> ArticleText:
    """The text with those questions that it does not have yet. Raises `Invalid` (`too_many_questions`)."""
    known = {plain(each) for each in text.questions}
    new = [each for each in more if plain(each) not in known]
    questions = [*text.questions, *new][:MOST_QUESTIONS]
    if new and len(questions) == len(text.questions):
        raise Invalid("too_many_questions", f"an article has {MOST_QUESTIONS} at most")
    return text.model_copy(update={"questions": questions})


async def publish(session: WriteSession, editor: StaffView, slug: str, wanted: Publication) -> ArticleView:
    """Have shoppers get a version from now on, newer or older than what they get; 0: no more of this article.

    Raises `NotFound` (`article_not_found`, `version_not_found`), `Conflict` (`article_published_meanwhile`,
    with what shoppers get as `live`).
    """
    if wanted.number and await repository.version(session, slug, wanted.number) is None:
        await article(session, slug)
        raise NotFound("version_not_found")
    if not await repository.show(session, slug, wanted.number, wanted.over):
        live = (await article(session, slug)).live
        raise Conflict("article_published_meanwhile", "shoppers get another version by now", live=live)
    await repository.count_write(session)
    numbers = {"number": wanted.number, "over": wanted.over}
    await audit.record(session, editor.id, PUBLISHED, subject(slug), wanted.why, **numbers)
    return await article(session, slug)


async def answered(session: WriteSession, editor: StaffView, found: Answered) -> ArticleView:
    """Have an article take over an open question with its group.

    The new version is published at once if shoppers get the newest one; a draft of somebody's waits.
    Raises `NotFound` (`article_not_found`, `question_not_found`), `Invalid` (`too_many_questions`).
    """
    advanced = await repository.advance(session, found.slug)
    before = advanced and await repository.version(session, found.slug, advanced.head - 1)
    if not advanced or not before:
        raise NotFound("article_not_found")
    text = ArticleText.model_validate(before, from_attributes=True)
    taken = await take(session, found.text)
    view = await add(
        session, editor, found.slug, advanced.head, advanced.live, with_questions(text, taken), found.text
    )
    if advanced.live == advanced.head - 1:
        wanted = Publication(number=view.number, over=advanced.live, why=found.text)
        return await publish(session, editor, found.slug, wanted)
    return view


async def remove(session: WriteSession, editor: StaffView, slug: str) -> None:
    """With its versions. Raises `NotFound` (`article_not_found`), `Conflict` (`article_live`)."""
    if not await repository.remove(session, slug):
        await article(session, slug)
        raise Conflict("article_live", "shoppers get it: unpublish it first")
    await audit.record(session, editor.id, "article_removed", subject(slug))


async def history(session: ReadSession, slug: str, page: Page) -> ArticleHistory:
    """Who wrote which version, who published which, when and why. Raises `NotFound` (`article_not_found`)."""
    versions = await repository.versions(session, slug, page)
    if not versions and not page.offset:
        raise NotFound("article_not_found")
    entries = [each for each in await audit.entries(session, subject(slug)) if each.action == PUBLISHED]
    names = await staff.members(session, [each.staff_id for each in entries])
    return ArticleHistory(
        versions=[viewed(each) for each in versions],
        publications=[
            Deed(
                number=each.detail["number"],
                over=each.detail["over"],
                by=names[each.staff_id].login,
                why=each.reason,
                at=each.at,
            )
            for each in entries
        ],
    )


async def preview(session: ReadSession, tried: PreviewOf) -> Preview:
    """What shoppers would get with this text published, measured over the open questions and the questions
    of every article.
    """
    before = await corpus(session)
    draft = Entry(tried.slug, tried.title, tried.answer, tuple(tried.intents), tuple(tried.questions))
    asked = [
        Probe(each.text, each.intent, each.missed + each.unhelpful)
        for each in await repository.open_questions(session, GROUPED)
    ]

    def measured() -> Preview:
        after = with_draft(before, draft)
        ranked = after.rank(tried.question, tried.intent, 2)
        best = next((each for each in ranked if each.fits), None)
        probes = [*asked, *probes_of(before.entries)]
        found = shifts(before, after, tried.slug, probes)[:MOST_SHIFTS]
        return Preview(
            answer=shown(best.entry, best.score) if best else None,
            shifts=[shift_view(each) for each in found],
        )

    return await asyncio.to_thread(measured)


def shift_view(shift: Shift) -> ShiftView:
    def name(entry: Entry | None) -> ArticleName | None:
        return ArticleName(slug=entry.slug, title=entry.title) if entry else None

    return ShiftView(
        question=shift.probe.text,
        count=shift.probe.count,
        owner=shift.probe.owner,
        before=name(shift.before),
        after=name(shift.after),
    )
