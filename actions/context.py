"""What a message means after what was said before: the words alone may mean something else."""

from typing import Any

from rasa_sdk.events import EventType, FollowupAction
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import wording
from actions.aftersales import switch
from actions.base import BY_TITLE, FORM_OWN, FORM_SLOTS, ORDER_WORDS, Errand, OrderErrand, resumed
from actions.forms import past
from actions.handoff import HumanHandoff
from actions.knowledge import answer_from_knowledge
from actions.service import CASES, CaseUnderWay
from actions.suggestions import asks_cheaper
from actions.turn import AFFIRM, DENY, ORDER, REQUESTED, SAID, Turn, human

DESCRIBING = 12
"""So many letters may describe an order that was asked for; more are a message of their own."""
ROUND = ("return_form", "exchange_form")
UNSURE = ("out_of_scope", "fallback")
RETURNING = (AFFIRM, "greet", "nudge")


class InContext(Action):
    """An errand as the bot calls it: what was said before decides first whether it is meant."""

    def __init__(self, heard: Errand) -> None:
        self._heard = heard

    def name(self) -> str:
        return self._heard.name()

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        turn = Turn(self.name(), dispatcher, tracker)
        return await (await meant(turn, self._heard)).take(turn)


async def meant(turn: Turn, heard: Errand) -> Errand:
    """Who answers this message, of which the words alone lead to `heard`."""
    if resumed(turn):
        return heard
    if turn.pressed:
        if not past(turn, turn.form):
            return heard
        return GoOn() if turn.entity("of") == left_form(turn) else PastButton()
    if wording.says("complains_now", turn.text) and not turn.asks():
        heard = BY_TITLE["complaint"]
    if upset(turn, heard):
        return HumanHandoff("upset")
    if not turn.form and heard.title in RETURNING and left_form(turn):
        return GoOn()
    if heard.title == "nudge" and not turn.form and turn.slot(ORDER) and wording.says("be_quick", turn.text):
        return BY_TITLE["urge_shipment"]
    brief = len(turn.text) <= DESCRIBING
    if brief and not turn.form and asks_cheaper(turn):
        return BY_TITLE["recommend_product"]
    if brief and turn.slot("topic") in CASES and wording.says("when_settled", turn.text):
        return CaseUnderWay()
    if turn.form == "verify_form" and wording.says("why", turn.text):
        return Why()
    if turn.form and turn.asks() and own_or_aside(turn, heard):
        return Rules(heard.title)
    if turn.form and await repeated(turn, heard):
        return Reminder()
    if brief and not turn.form and (chosen := await described(turn, heard)):
        return chosen
    if brief and not turn.form and (same := what_of(turn, heard)) and await named_order(turn, same):
        return same
    if heard.title == AFFIRM and not turn.form and (asking := still_asks_which(turn)):
        turn.text = ""
        return asking
    if heard.title in ("track_shipment", "delivery_eta") and wording.says("to_account", turn.text):
        return BY_TITLE["refund_status"]
    if not turn.form and gives_up(turn, heard):
        return BY_TITLE["cancel_order"]
    status = BY_TITLE["order_status"]
    unsure = brief and not turn.form and turn.signed_in and heard.title in UNSURE
    if unsure and isinstance(status, OrderErrand) and await named_order(turn, status):
        return status
    return heard


def gives_up(turn: Turn, heard: Errand) -> bool:
    """Whether an order is not wanted any more, though it sounds like a plain no."""
    no = heard.title in (DENY, "undo_request") and wording.says("gives_up", turn.text)
    return no or wording.says("intercepts", turn.text)


def upset(turn: Turn, heard: Errand) -> bool:
    """Whether only a person can help: insults, or a second complaint."""
    again = heard.title == "complaint" and turn.slot("complaints")
    calm = wording.says("when_settled", turn.text) or wording.says("praise", turn.text)
    return turn.swears() or bool(again and not calm)


def left_form(turn: Turn) -> str | None:
    """The form that asked something when the shopper went away."""
    asked = turn.slot(REQUESTED)
    return next((form for form, slots in FORM_SLOTS.items() if asked in slots), None)


def own_or_aside(turn: Turn, heard: Errand) -> bool:
    """Whether a question in a form is about the rules of its own errand, or of returns."""
    form = turn.form or ""
    if heard.title in FORM_OWN[form]:
        return not heard.informs
    if form == "verify_form":
        return isinstance(heard, OrderErrand) and wording.says("rule", turn.text)
    named = turn.entity("size") or turn.entity("colour") or wording.first_said("step", turn.text)
    return heard.title in ("return_request", "exchange_request") and not (form in ROUND and named)


async def described(turn: Turn, heard: Errand) -> Errand | None:
    """Who goes on with an order out of those shown, when the message tells which: the errand that asked,
    or another one that the message names."""
    said = turn.slot(SAID) or {}
    shown, asked = said.get("orders"), BY_TITLE.get(said.get("action", "").removeprefix("action_"))
    if not shown or not isinstance(asked, OrderErrand) or turn.entity(ORDER):
        return None
    number, names_errand = placed(turn.text, shown), wording.says("errand", turn.text)
    if number and names_errand and isinstance(heard, OrderErrand):
        turn.entities[ORDER] = number
        return heard
    if number is None and said["open"] and not names_errand:
        number = await named_order(turn, asked)
    if number is None:
        return None
    turn.press(asked.intent, order_no=number)
    return asked


def still_asks_which(turn: Turn) -> Errand | None:
    """The errand whose question, which order is meant, was the last thing said."""
    said = turn.slot(SAID) or {}
    last = BY_TITLE.get(turn.slot("topic") or "")
    return last if last and said.get("open") and said.get("action") == last.name() else None


def what_of(turn: Turn, heard: Errand) -> OrderErrand | None:
    """The errand just done for one order, when the message may only ask after another: "and the shoes?"."""
    last = BY_TITLE.get(turn.slot("topic") or "")
    elliptic = wording.says("what_of", turn.text) and not wording.says("errand", turn.text)
    return last if elliptic and last is not heard and isinstance(last, OrderErrand) else None


async def named_order(turn: Turn, errand: OrderErrand) -> str | None:
    """The number of the only order that the message itself describes."""
    found = await turn.shop.order_meant(turn.text, errand.errand, times=turn.times)
    return found.orders[0].number if found.verdict == "one" and found.reason in ORDER_WORDS else None


def placed(text: str, shown: list[dict[str, Any]]) -> str | None:
    """The number of the order that `text` picks out of those shown by its place or by its price."""
    if price := wording.first_said("priced", text):
        choose = max if price == "dearest" else min
        return str(choose(shown, key=lambda order: order["total_fen"])["number"])
    order = wording.pick(text, shown)
    return str(order["number"]) if order else None


async def repeated(turn: Turn, heard: Errand) -> bool:
    """Whether the message only repeats the wish of the form, about the same order."""
    if heard.informs or not isinstance(heard, OrderErrand) or heard.title not in FORM_OWN[turn.form or ""]:
        return False
    number = turn.entity(ORDER) or await named_order(turn, heard)
    return number in (None, turn.slot(ORDER))


class Reminder(Errand):
    """The form asks again."""

    title = "reminder"

    async def answer(self, turn: Turn) -> list[EventType]:
        return []


class Why(Errand):
    """Why an order must be proved."""

    title = "verify_why"

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("verify_why")
        return []


class Rules(Errand):
    """A question in the middle of a form, answered out of the knowledge base."""

    title = "rules"

    def __init__(self, intent: str) -> None:
        self._intent = "return_policy" if intent in ("return_request", "exchange_request") else intent

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.intent = self._intent
        return await answer_from_knowledge(turn, "no_article", human(), onward=switch(turn))


class GoOn(Errand):
    """Back after a while: the question that was left open is asked again, never taken as answered."""

    title = "go_on"
    informs = False

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("go_on")
        return [FollowupAction(str(left_form(turn)))]


class PastButton(Errand):
    """A button of a question that is over does nothing."""

    title = "past_button"

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.say("past_button")
        return []
