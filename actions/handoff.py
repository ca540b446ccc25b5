"""A person, please."""

from rasa_sdk.events import EventType

from actions.base import Errand, Turn


class HumanHandoff(Errand):
    """Says nothing itself: the backoffice tells the shopper in the same transaction."""

    title = "human_handoff"
    informs = False

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.also = []
        await turn.shop.hand_over("asked")
        return []
