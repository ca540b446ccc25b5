"""A person, please."""

from rasa_sdk.events import EventType

from actions.base import Errand
from actions.turn import Turn


class HumanHandoff(Errand):
    """Says nothing itself: the backoffice tells the shopper in the same transaction."""

    title = "human_handoff"
    informs = False

    def __init__(self, reason: str = "asked") -> None:
        self._reason = reason

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.also = []
        await turn.shop.hand_over(self._reason)
        return []
