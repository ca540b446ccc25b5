"""Small talk, and what to say when nothing was understood."""

from rasa_sdk.events import EventType

from actions.base import Button, Errand, Turn, button, human
from actions.orders import tell

ORDER_TOPICS = frozenset({"order_status", "track_shipment", "urge_shipment", "refund_status", "not_received"})


NOT_UNDERSTOOD = ("out_of_scope", "fallback")


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
    """Still there? Says again where things stand: the form's question, or the order talked about."""

    title = "nudge"
    also = False

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("nudge")
        number = turn.slot("order_no")
        if number and not turn.form and turn.slot("topic") in ORDER_TOPICS:
            tell(turn, await turn.shop.order(number))
        return []


class NotUnderstood(Errand):
    """Says what can be done here. The second time in a row a person is offered before anything else."""

    also = False

    def __init__(self, title: str) -> None:
        self.title = title

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.form:
            turn.say("fallback_in_form")
        elif turn.slot("topic") in NOT_UNDERSTOOD:
            turn.say("fallback_again", [human(), *abilities()[:2]])
        else:
            turn.say(self.title, abilities())
        return []
