"""Answers out of the knowledge base that an admin edits."""

from rasa_sdk.events import EventType

from actions.base import Button, Errand, Turn, button


async def say_article(turn: Turn, *buttons: Button, least: float = 0) -> bool:
    """Say the article that answers the message best; False when none scores `least` of 100."""
    articles = await turn.shop.articles("" if turn.pressed else turn.text, turn.intent)
    if not articles or articles[0].score < least:
        return False
    turn.say("article", buttons, answer=articles[0].answer)
    return True


async def answer_from_knowledge(turn: Turn, otherwise: str, *buttons: Button) -> list[EventType]:
    """Say the article that fits; `otherwise` names what to say when none does."""
    if not await say_article(turn, *buttons):
        turn.say(otherwise, buttons)
    return []


class Knowledge(Errand):
    """Answers by the article of the shop's knowledge base that fits the message best."""

    def __init__(self, title: str, label: str = "human", intent: str = "human_handoff") -> None:
        self.title = title
        self._button = button(label, intent)

    async def answer(self, turn: Turn) -> list[EventType]:
        return await answer_from_knowledge(turn, "no_article", self._button)
