"""Answers out of the knowledge base that an admin edits, each with its source."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rasa_sdk.events import EventType

from actions.base import Errand
from actions.client import Refused, Unreachable
from actions.shapes import Article
from actions.turn import Button, Turn, button, command, human

ARTICLE, QUESTION = "article", "question"
QUESTION_LETTERS = 100
TITLE_LETTERS = 16
TELLING = 4
"""With fewer letters a message says too little to be a question that went unanswered."""
MOST_RELATED = 2
RELATED = 18
"""The score of 100 from which another article may be what was meant."""


def card(article: Article) -> dict[str, Any]:
    """The source of an answer, for the chat to open."""
    return {"type": "article", "slug": article.slug, "title": article.title, "url": article.url}


def tell(turn: Turn, article: Article, *buttons: Button, response: str = "article") -> None:
    """Say an article, where it stands, and how to say whether it helps."""
    question = None if turn.pressed else turn.text[:QUESTION_LETTERS]
    helpful = button("helpful", "feedback", kind="helpful", article=article.slug)
    unhelpful = button("unhelpful", "feedback", kind="unhelpful", article=article.slug, question=question)
    verdicts = [*buttons, helpful, unhelpful]
    turn.say(response, verdicts, card(article), answer=article.answer, title=article.title)


async def fitting_article(turn: Turn) -> Article | None:
    """The article that answers the message, if one does."""
    if turn.pressed:
        return None
    return next(iter((await turn.shop.articles(turn.text, turn.intent)).articles), None)


async def say_article(turn: Turn, *buttons: Button) -> bool:
    """Say the article that answers the message; False when none does."""
    article = await fitting_article(turn)
    if article:
        tell(turn, article, *buttons)
    return article is not None


async def say_special_article(turn: Turn, *buttons: Button) -> bool:
    """Say the article that answers the message unless it is the intent's general one."""
    article = await fitting_article(turn)
    if article is None or article.slug == turn.intent.replace("_", "-"):
        return False
    tell(turn, article, *buttons)
    return True


async def answer_from_knowledge(
    turn: Turn, otherwise: str, *buttons: Button, onward: Sequence[Button] = ()
) -> list[EventType]:
    """Say the article that answers, else the intent's general one; `otherwise` names what to say without.

    `onward`: buttons below the article, for what its reader is likely to want.
    """
    found = await turn.shop.articles("" if turn.pressed else turn.text, turn.intent)
    if found.articles:
        tell(turn, found.articles[0], *onward)
        return []
    if found.general:
        tell(
            turn, found.general, *onward, *buttons, response="article" if turn.pressed else "article_general"
        )
    else:
        turn.say(otherwise, buttons)
    await note_missed(turn)
    return []


async def note_missed(turn: Turn) -> None:
    """Keep the message as a question that nothing answered, for those who write the articles."""
    if not turn.pressed and len(turn.text) >= TELLING:
        with suppress(Refused, Unreachable):
            await turn.shop.note_question(turn.text, turn.intent, "missed")


async def hear_helpful(turn: Turn) -> list[EventType]:
    """An answer helped: count it."""
    with suppress(Refused, Unreachable):
        await turn.shop.note_question("", "", "helpful", turn.entity(ARTICLE))
    turn.say("praised")
    return []


async def hear_unhelpful(turn: Turn) -> list[EventType]:
    """An answer did not help: keep the question, offer what is near it, and a person."""
    question, slug = turn.entity(QUESTION), turn.entity(ARTICLE)
    related: list[Article] = []
    with suppress(Refused, Unreachable):
        await turn.shop.note_question(question or "", "", "unhelpful", slug)
    if question:
        found = await turn.shop.articles(question, "", limit=MOST_RELATED + 1)
        others = (each for each in (*found.articles, *found.near) if each.slug != slug)
        related = [each for each in others if each.score >= RELATED][:MOST_RELATED]
    turn.say("unhelpful", [*map(open_button, related), human()])
    return []


def open_button(article: Article) -> Button:
    title = article.title
    return Button(
        title=title if len(title) <= TITLE_LETTERS else f"{title[: TITLE_LETTERS - 1]}…",
        payload=command("feedback", kind="read", article=article.slug),
    )


async def read_article(turn: Turn) -> list[EventType]:
    """Say the article of the button that was pressed."""
    tell(turn, await turn.shop.article(turn.entity(ARTICLE)), human())
    return []


class Knowledge(Errand):
    """Answers by the article of the shop's knowledge base that fits the message best."""

    def __init__(self, title: str, label: str = "human", intent: str = "human_handoff") -> None:
        self.title = title
        self._button = button(label, intent)

    async def answer(self, turn: Turn) -> list[EventType]:
        return await answer_from_knowledge(turn, "no_article", self._button)
