"""Small talk, and what to say when nothing was understood."""

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import BY_TITLE, Errand, OrderErrand
from actions.knowledge import fitting_article
from actions.knowledge import tell as tell_article
from actions.orders import tell
from actions.turn import MISSES, SAID, UNCLEAR, Button, Turn, button, human, reading

ORDER_TOPICS = frozenset({"order_status", "track_shipment", "urge_shipment", "refund_status", "not_received"})
MOST_MISSES = 2
MOST_READINGS = 3
SAME_QUESTION = 65
"""The score of 100 from which an article answers though the bot did not understand."""
LIKELY = 0.08
"""The confidence below which an intent is no reading worth a button."""


def abilities() -> list[Button]:
    """What shoppers ask for most, as buttons."""
    return [
        button("status", "order_status"),
        button("track", "track_shipment"),
        button("return", "return_request"),
        button("promotion", "promotion_inquiry"),
        human(),
    ]


class Talk(Errand):
    """Says `utter_<title>`; while a form is under way only if it is worth a word, as the form asks again."""

    also = False

    def __init__(self, title: str, worth: bool = False, informs: bool = True) -> None:
        self.title, self._worth, self.informs = title, worth, informs

    async def answer(self, turn: Turn) -> list[EventType]:
        if self._worth or not turn.form:
            turn.say(self.title)
        return []


class Greet(Errand):
    title = "greet"
    also = False

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.form:
            return []
        if turn.slot("topic"):
            turn.say("greet_again")
        elif turn.signed_in:
            turn.say("greet_by_name", abilities(), name=(await turn.shop.me()).name)
        else:
            turn.say("greet", abilities())
        return []


class BotChallenge(Errand):
    title = "bot_challenge"

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("bot_challenge", [human()])
        return []


class Nudge(Errand):
    """Still there? Goes on with what is under way: a form, a choice, the order talked about."""

    title = "nudge"
    also = False

    async def answer(self, turn: Turn) -> list[EventType]:
        topic = turn.slot("topic")
        if topic == self.title:
            turn.say("nudge_again", [human()])
            return []
        turn.say("nudge")
        number, asking = turn.slot("order_no"), BY_TITLE.get(topic or "")
        if turn.form or not isinstance(asking, OrderErrand):
            return []
        if (turn.slot(SAID) or {}).get("open"):
            turn.text = ""
            return await asking.answer(turn)
        if number:
            tell(turn, await turn.shop.order(number))
        return []


class NotUnderstood(Errand):
    """Offers the likeliest readings once, then a person, who is fetched when that does not help either."""

    also = False

    def __init__(self, title: str) -> None:
        self.title = title

    async def answer(self, turn: Turn) -> list[EventType]:
        if await self._has_article(turn):
            return []
        misses = (turn.slot(MISSES) or 0) + 1
        missed = SlotSet(MISSES, misses)
        if misses > MOST_MISSES and self.title == "fallback":
            turn.waits = True
            await turn.shop.hand_over("not_understood")
            return [missed]
        if misses > 1:
            turn.say("fallback_again", [human(), *abilities()[:2]])
            return [missed]
        if turn.form:
            turn.say("fallback_in_form")
            return [missed]
        likely = readings(turn)
        if self.title != "fallback" or not likely:
            turn.say(self.title, abilities())
            return [missed]
        turn.say("which_reading", [*map(reading, likely), human()])
        again = {"text": turn.text, "entities": turn.entities, "intents": likely}
        return [missed, SlotSet(UNCLEAR, again)]

    @staticmethod
    async def _has_article(turn: Turn) -> bool:
        """Whether an article asks nearly the same, which is then said."""
        article = await fitting_article(turn)
        if article is None or article.score < SAME_QUESTION:
            return False
        tell_article(turn, article)
        return True


def readings(turn: Turn) -> list[str]:
    """The two or three intents that the message may have, out of those that have a name."""
    named = wording.wording()["said"]["reading"]
    likely = [
        each["name"] for each in turn.readings if each["confidence"] >= LIKELY and each["name"] in named
    ]
    return likely[:MOST_READINGS]
