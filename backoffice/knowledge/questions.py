"""The questions that no article answers, or not well."""

import asyncio
import re

from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import now, shop_date
from backoffice.knowledge import repository
from backoffice.knowledge.domain import Asked, Group, group, plain
from backoffice.knowledge.measuring import monday
from backoffice.knowledge.models import OpenQuestion
from backoffice.knowledge.schemas import Noted, QuestionGroup, QuestionGroups, QuestionNote
from backoffice.knowledge.service import corpus, shown

GROUPED = 1000
MOST_LIKE_IT = 20
PERSONAL = re.compile(r"\d{5,}|\S+@\S+")


async def note(session: WriteSession, note: QuestionNote, voter: str) -> Noted:
    """Count a question that went unanswered, and whether an article helped the `voter`: a conversation or a
    customer. A question without letters says nothing and is not kept.
    """
    moment = now()
    voted = note.kind != "missed" and bool(note.article)
    if voted:
        week = monday(shop_date(moment))
        await repository.vote(session, voter, note.article, week, note.kind == "helpful")
    text = PERSONAL.sub("*", note.text)[:200]
    key = plain(text)[:120]
    if note.kind == "helpful" or not key:
        return Noted(noted=voted)
    await repository.note_question(
        session, key, text, note.intent, note.article, int(note.kind == "missed"), moment
    )
    return Noted(noted=True)


async def open_questions(session: ReadSession, page: Page) -> QuestionGroups:
    """The questions that went unanswered lately, grouped by likeness, the most asked first."""
    groups, _ = await grouped(session)
    known = await corpus(session)
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


async def grouped(session: ReadSession) -> tuple[list[Group], list[OpenQuestion]]:
    """The open questions by likeness, and their rows. The turns of the bot go on meanwhile."""
    rows = await repository.open_questions(session, GROUPED)
    asked = [Asked(row.text, row.missed, row.unhelpful) for row in rows]
    return await asyncio.to_thread(group, asked), rows


async def close(session: WriteSession, text: str) -> list[str]:
    """Forget a question and those that are alike; those that were still there, the most asked first."""
    groups, rows = await grouped(session)
    alike = next(((each.text, *each.others) for each in groups if text in (each.text, *each.others)), ())
    gone = await repository.remove_questions(session, [row.key for row in rows if row.text in alike])
    left = {row.text for row in rows if row.key in gone}
    return [each for each in alike if each in left]


async def take(session: WriteSession, text: str) -> list[str]:
    """The questions of a group, for an article that answers them; rivals find it done with.

    Raises `NotFound` (`question_not_found`).
    """
    taken = await close(session, text)
    if not taken:
        raise NotFound("question_not_found", "somebody is done with it already")
    return taken
