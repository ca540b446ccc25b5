"""What could be answered to the shopper's last words, for an agent to send or to change."""

from dataclasses import dataclass

from rapidfuzz import fuzz

from backoffice.conversations.desk.thread import Thread
from backoffice.kit.database import ReadSession
from backoffice.kit.paging import Page
from backoffice.knowledge import service as knowledge
from backoffice.staff import replies
from backoffice.staff.schemas import CannedReplyView, StaffView

SHOWN = 5
ARTICLES = 3
LIKE_ENOUGH = 60
LINES_BACK = 5


@dataclass(frozen=True)
class Suggestion:
    """`source` is `article` or `canned`."""

    source: str
    title: str
    text: str


def questions(found: Thread) -> list[str]:
    """What the shopper said since somebody last answered, then with more of what they said before."""
    said = [line.text for line in found.lines if line.author == "shopper" and line.text]
    answered = max((line.event for line in found.lines if line.author in ("agent", "bot")), default=0)
    new = [line.text for line in found.lines if line.author == "shopper" and line.event > answered]
    asked = ["\n".join(new), "\n".join(said[-LINES_BACK:])]
    return list(dict.fromkeys(each for each in asked if each.strip()))


def likely(asked: str, known: list[CannedReplyView]) -> list[CannedReplyView]:
    """Canned replies by how much of their title or text the question has, the likeliest first."""
    scored = [
        (max(fuzz.partial_ratio(reply.title, asked), fuzz.token_set_ratio(reply.text, asked)), reply)
        for reply in known
    ]
    ranked = sorted(scored, key=lambda each: (-each[0], each[1].shortcut))
    return [reply for score, reply in ranked if score >= LIKE_ENOUGH]


async def suggestions(session: ReadSession, member: StaffView, found: Thread) -> list[Suggestion]:
    """Up to five answers, the likeliest first: articles that the bot would answer from, then canned replies.

    The bot itself is not asked: its actions would do the errand that the words ask for.
    """
    intent = next((line.understood.intent for line in reversed(found.lines) if line.understood), "")
    canned = (await replies.listed(session, member, "", Page(limit=100))).replies
    for asked in questions(found):
        known = await knowledge.answer(session, asked, intent, ARTICLES)
        articles = [*known.articles, *([known.general] if known.general else [])]
        shown = {each.slug: Suggestion("article", each.title, each.answer) for each in articles}
        fitting = [Suggestion("canned", each.title, each.text) for each in likely(asked, canned)]
        if shown or fitting:
            return [*shown.values(), *fitting][:SHOWN]
    return []
