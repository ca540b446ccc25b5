"""What every errand shares: the turn it answers, the order it is about, forms and how they end."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import wording
from actions.client import Refused, Shop, Unreachable
from actions.shapes import Meant, Order

log = logging.getLogger(__name__)

REQUESTED = "requested_slot"
STOPPED = "stopped"
ORDER = "order_no"
SAID, UNCLEAR, LATER, REMINDER, MISSES = "said", "unclear", "later", "reminder", "misses"
FLEETING = (UNCLEAR, MISSES)
"""Slots about not being understood: whatever is understood empties them."""
SURE = 0.5
ORDER_WORDS = ("product", "day", "newest", "last4", "parcel", "number")
"""Verdicts of the backoffice that rest on what the message itself says."""
AFFIRM, DENY = "affirm", "deny"
MOST_ALSO = 2
DROPPING = 8


class Button(TypedDict):
    title: str
    payload: str


def command(intent: str, **entities: Any) -> str:
    """What a pressed button says to the bot."""
    told = {name: value for name, value in entities.items() if value is not None}
    return f"/{intent}{json.dumps(told, ensure_ascii=False)}" if told else f"/{intent}"


def button(label: str, intent: str, **entities: Any) -> Button:
    """A button of `wording.yml` that starts an errand."""
    return Button(title=wording.piece(f"button.{label}"), payload=command(intent, **entities))


def reading(intent: str) -> Button:
    """A button that says what an intent is about."""
    return Button(title=wording.piece(f"reading.{intent}"), payload=command(intent))


def human() -> Button:
    return button("human", "human_handoff")


class Turn:
    """One message of a shopper, heard by one action: what it says, and the ways to answer it."""

    def __init__(self, action: str, dispatcher: CollectingDispatcher, tracker: Tracker) -> None:
        message = tracker.latest_message
        self.action = action
        self.metadata: dict[str, Any] = message.get("metadata") or {}
        self.tracker, self._dispatcher = tracker, dispatcher
        self.intent: str = (message.get("intent") or {}).get("name") or ""
        self.confidence: float = (message.get("intent") or {}).get("confidence") or 0.0
        self.text: str = message.get("text") or ""
        self.pressed = self.text.startswith("/")
        self.entities: dict[str, Any] = {}
        for found in message.get("entities") or []:
            self.entities.setdefault(found["entity"], found["value"])
        self.readings: list[dict[str, Any]] = message.get("intent_ranking") or []
        """The intents it may have, each with its confidence, the likeliest first."""
        self.also: list[dict[str, Any]] = message.get("also_asked") or []
        self.waits = False
        """Whether the answer ends with a question of its own, so that no form may go on below it."""
        turn, turn_id = self.metadata.get("turn") or "", self.metadata.get("turn_id") or ""
        self.shop = Shop(turn, turn_id, action)
        unclear = self.slot(UNCLEAR) or {}
        if self.pressed and not self.entities and self.intent in unclear.get("intents", ()):
            self.text, self.entities, self.pressed = unclear["text"], unclear["entities"], False

    def press(self, intent: str, **entities: Any) -> None:
        """Take the message for the press of a button."""
        self.intent, self.text, self.pressed = intent, command(intent, **entities), True
        self.entities, self.also = entities, []

    @property
    def signed_in(self) -> bool:
        return bool(self.metadata.get("signed_in"))

    @property
    def form(self) -> str | None:
        return (self.tracker.active_loop or {}).get("name")

    def aside(self, action: str, intent: str, text: str) -> "Turn":
        """The part `text` of this message, heard by another action."""
        part = Turn(action, self._dispatcher, self.tracker)
        part.intent, part.text, part.also = intent, text, []
        return part

    def slot(self, name: str) -> Any:
        return self.tracker.slots.get(name)

    def entity(self, name: str) -> Any:
        """The first value of an entity in this message, or None."""
        return self.entities.get(name)

    @property
    def place(self) -> str | None:
        """The town, district or store that this message names."""
        named: str | None = self.entity("place") or self.entity("store")
        return named

    @property
    def times(self) -> list[dict[str, str]]:
        """The times that the message names: their words, from, to."""
        heard = (
            each for each in self.tracker.latest_message.get("entities") or [] if each["entity"] == "when"
        )
        said = self.tracker.latest_message.get("text") or ""
        return [{"words": said[each["start"] : each["end"]], **each["value"]} for each in heard]

    def say(
        self,
        response: str,
        buttons: Sequence[Button] = (),
        card: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        """Answer with `utter_<response>` of the domain, its fields filled in."""
        self._dispatcher.utter_message(
            response=f"utter_{response}",
            buttons=[dict(each) for each in buttons],
            json_message=dict(card or {}),
            **fields,
        )

    def yes(self) -> bool:
        return not self.no() and (self.intent == AFFIRM or wording.says("agrees", self.text))

    def no(self) -> bool:
        return self.intent == DENY or wording.says("declines", self.text)

    def asks(self) -> bool:
        """Whether it is a question rather than a wish."""
        return not self.pressed and wording.says("question", self.text)

    def swears(self) -> bool:
        return not self.pressed and wording.says("swears", self.text)


class Errand(Action, ABC):
    """Answers the intents that lead to `action_<name>`."""

    title: str
    informs: bool = True
    """Whether it only tells something: a form that is under way goes on afterwards."""
    also: bool = True
    """Whether it is answered when a message asks it besides something else."""

    def name(self) -> str:
        return f"action_{self.title}"

    @abstractmethod
    async def answer(self, turn: Turn) -> list[EventType]:
        """Say what there is to say; returns what is to be remembered."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        return await self.take(Turn(self.name(), dispatcher, tracker))

    async def take(self, turn: Turn) -> list[EventType]:
        """Answer all that the message asks and go back to the form under way, or leave it.

        What is told in between may be about another order: the form goes on with its own.
        """
        events = await self._answer_or_excuse(turn)
        if not turn.pressed:
            events = await self._answer_also(turn, events)
        forgotten = [name for name in FLEETING if turn.slot(name) and name not in set_by(events)]
        events = [*(SlotSet(name, None) for name in forgotten), *events]
        if turn.form and not follows(events):
            if self.informs and not turn.waits and turn.form not in OPTIONAL:
                events = [event for event in events if event.get("name") != ORDER]
                waits = turn.form in ONCE or (turn.form in PATIENT and self.title not in OVER)
                events += [
                    SlotSet(REMINDER, QUIET if waits and turn.slot(REMINDER) else SHORT),
                    FollowupAction(turn.form),
                ]
            else:
                events += [ActiveLoop(None), SlotSet(REQUESTED, None)]
        elif not turn.form and turn.slot(REQUESTED) and REQUESTED not in set_by(events):
            events = [SlotSet(REQUESTED, None), *events]
        return events

    async def _answer_or_excuse(self, turn: Turn) -> list[EventType]:
        try:
            return [*await self.answer(turn), SlotSet("topic", self.title)]
        except Refused as refused:
            return excuse(turn, refused)
        except Unreachable as away:
            log.warning("%s: %s", self.name(), away)
            turn.waits = True
            turn.say("unreachable", [human()])
            return []

    async def _answer_also(self, turn: Turn, events: list[EventType]) -> list[EventType]:
        """Answer the other questions of the message, in their order, before a form asks anything.

        Another errand that asks something itself is begun when nothing else is going on, or else kept for
        the end of what is.
        """
        kept: list[dict[str, Any]] = []
        for asked in turn.also[:MOST_ALSO]:
            errand = BY_TITLE.get(asked["intent"])
            if errand is None or errand.title == self.title or not errand.also:
                continue
            if not errand.informs and (turn.waits or follows(events)):
                kept.append({"intent": asked["intent"], "text": asked["text"]})
                continue
            also = turn.aside(errand.name(), asked["intent"], asked["text"])
            found = await errand._answer_or_excuse(also)
            turn.waits = turn.waits or also.waits
            if errand.informs:
                events = [*(event for event in found if event["event"] == "slot"), *events]
            else:
                events = [*events, *found]
        return [*events, SlotSet(LATER, kept)] if kept else events


def follows(events: list[EventType]) -> bool:
    """Whether another action or a form goes on after these events."""
    return any(event["event"] == "followup" for event in events)


def set_by(events: list[EventType]) -> set[str]:
    return {event["name"] for event in events if event["event"] == "slot"}


# Filled by registry.py: who answers an intent; what each form asks, in order; intents that repeat its wish.
BY_TITLE: dict[str, Errand] = {}
OPTIONAL = ("size_form", "store_form")
"""Forms that only narrow a question: another question ends them instead of being followed by theirs."""
ONCE = ("verify_form",)
"""Forms that remind only once of their question: a visitor may ask many things that need no order."""
PATIENT = ("protect_form", "intercept_form")
"""Forms that remind of their question after the first thing asked in between, and then when that is over."""
OVER = frozenset({AFFIRM, "thanks", "greet", "nudge"})
"""Intents that ask nothing more."""
SHORT, QUIET = "short", "quiet"
FORM_SLOTS: dict[str, tuple[str, ...]] = {}
FORM_OWN: dict[str, frozenset[str]] = {}


def excuse(turn: Turn, refused: Refused) -> list[EventType]:
    """Say honestly why something was refused. A stale turn says nothing: people have taken over."""
    match refused.code:
        case "stale_turn":
            pass
        case "sign_in_required":
            turn.say("sign_in")
        case "too_many_tries":
            turn.say("too_many_tries", [human()])
        case "order_not_found":
            turn.say("order_not_found", [human()])
        case "order_shipped" | "order_cancelled" | "order_finished" | "order_unpaid" as code:
            turn.say(f"refused_{code}", [button("status", "order_status"), human()])
        case code:
            log.warning("refused: %s %s", code, refused.extra)
            turn.say("refused", [human()])
    return []


class OrderErrand(Errand):
    """An errand about one order: finds the one meant, or asks which, or who is asking."""

    errand: str
    """What the backoffice calls it when it weighs which orders it can apply to."""
    intent: str
    """What a button that names the order says."""

    @abstractmethod
    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        """Do the errand for the order that is meant."""

    async def none(self, turn: Turn) -> list[EventType]:
        """The shopper has no order that this could be about."""
        turn.say("no_orders", [button("recommend", "recommend_product"), human()])
        return []

    async def answer(self, turn: Turn) -> list[EventType]:
        said = turn.slot(SAID) or {}
        if turn.pressed or resumed(turn):
            turn.text = said.get("text", "") if said.get("action") == self.name() else ""
        events, order = await self._which(turn)
        if order is None:
            return events
        if said.get("open"):
            events = [SlotSet(SAID, said | {"open": False, "text": ""})]
        return [*events, SlotSet(ORDER, order.number), *await self.serve(turn, order)]

    async def _which(self, turn: Turn) -> tuple[list[EventType], Order | None]:
        """The order meant; or what is to be remembered when the shopper was asked for it."""
        said: dict[str, Any] = {"action": self.name(), "text": turn.text}
        number, last4, before = turn.entity(ORDER), turn.entity("last4"), turn.slot(ORDER)
        if resumed(turn):
            number = before
        another = bool(before) and not number and wording.says("another", turn.text)
        state = None if number else wording.first_said("in_state", turn.text)
        points = another or state
        meant = await turn.shop.order_meant(
            number or turn.text, self.errand, None if points else before, last4, turn.times
        )
        if meant.verdict == "unknown_number" and before and not number:
            meant = await turn.shop.order_meant(turn.text, self.errand, None, last4, turn.times)
        pointed = [
            order
            for order in meant.orders
            if not (another and order.number == before) and state in (None, order.state)
        ]
        if points and pointed:
            meant = Meant(verdict="one" if len(pointed) == 1 else "many", orders=pointed)
        parcel = None if number else turn.entity("tracking_no")
        match meant.verdict:
            case "one" | "many" if parcel and meant.reason not in ORDER_WORDS:
                turn.say("parcel_not_found", [button("status", "order_status"), human()], parcel=parcel)
            case "one":
                return [], meant.orders[0]
            case "many":
                turn.waits = True
                response = "which_order_else" if meant.reason == "no_match" else "which_order"
                turn.say(response, [self._choice(order) for order in meant.orders])
                shown = [{"number": order.number, "total_fen": order.total_fen} for order in meant.orders]
                return [SlotSet(SAID, said | {"orders": shown, "open": True})], None
            case "unknown_number":
                turn.say("order_not_found", [human()])
            case "none":
                return await self.none(turn), None
            case "sign_in" if number and last4:
                return [], await turn.shop.verify(number, last4)
            case "sign_in":
                resume = {
                    SAID: said,
                    "resume": self.name(),
                    "verify_order": number or (None if points else before),
                }
                return begin_form(turn, "verify_form", resume), None
        return [], None

    def _choice(self, order: Order) -> Button:
        return Button(title=wording.order_button(order), payload=command(self.intent, order_no=order.number))


def resumed(turn: Turn) -> bool:
    """Whether the errand goes on after a visitor has proved the order."""
    return turn.tracker.latest_action_name == "action_verify_submit"


def begin_form(turn: Turn, form: str, filled: Mapping[str, Any]) -> list[EventType]:
    """Events that start `form` anew with some slots filled already."""
    turn.waits = True
    fresh = dict.fromkeys((*FORM_SLOTS[form], STOPPED, REQUESTED, REMINDER)) | dict(filled)
    return [*(SlotSet(name, value) for name, value in fresh.items()), FollowupAction(form)]


class Form(Action, ABC):
    """Hears the answers to a form's questions (`validate_<form>`).

    A message that drops the errand ends the form; one that answers nothing is left to the rules, so that a
    question in the middle is answered and the form asks again.
    """

    form: str
    slots: tuple[str, ...]
    own: frozenset[str] = frozenset()
    """Intents that repeat this errand's own wish."""

    def name(self) -> str:
        return f"validate_{self.form}"

    @abstractmethod
    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        """The slots that this message fills; None empties one so that it is asked again."""

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        turn = Turn(self.name(), dispatcher, tracker)
        asked = turn.slot(REQUESTED)
        if not asked or not spoken_since(tracker):
            return []
        if self.dropped(turn):
            return [SlotSet(STOPPED, True), SlotSet(REQUESTED, None)]
        if self.complains(turn) or turn.swears() or past(turn, self.form):
            return []
        try:
            heard = await self.hear(turn, asked)
        except (Refused, Unreachable) as problem:
            log.warning("%s: %s", self.name(), problem)
            turn.say("unreachable", [human()])
            return [SlotSet(STOPPED, "silent"), SlotSet(REQUESTED, None)]
        understood = [name for name in (REMINDER, MISSES) if heard and turn.slot(name)]
        return [SlotSet(name, value) for name, value in (dict.fromkeys(understood) | heard).items()]

    def dropped(self, turn: Turn) -> bool:
        """Whether this message drops what is under way."""
        if turn.pressed or turn.form != self.form:
            return False
        if wording.says("instead", turn.text):
            return False
        short = len(turn.text) <= DROPPING and wording.says(f"stop_in.{self.form}", turn.text)
        drops = wording.says("stop", turn.text) or wording.says(f"stop_in.{self.form}", turn.text)
        return short or (drops and not self.asks_else(turn))

    def complains(self, turn: Turn) -> bool:
        """Whether the message is a complaint: it is filed, whatever else it tells."""
        if turn.pressed or "complaint" in self.own:
            return False
        said = turn.intent == "complaint" and wording.says("complains", turn.text)
        return said or (wording.says("complains_now", turn.text) and not turn.asks())

    def asks_else(self, turn: Turn) -> bool:
        """Whether the message surely wants something other than this form."""
        return turn.confidence >= SURE and turn.intent not in self.own | TALK

    def confirm(self, turn: Turn, slot: str) -> dict[str, Any]:
        """A yes or a no to the form's question; a bare yes only where that was the last thing said."""
        again = not turn.pressed and wording.repeats(self.form, turn.text)
        if wording.says("question", turn.text) or (self.asks_else(turn) and not again):
            return {}
        if turn.no():
            return {STOPPED: True, REQUESTED: None}
        if turn.yes() and not (again or turn.pressed) and turn.slot(REMINDER) == QUIET:
            return {REMINDER: SHORT}
        return {slot: True} if turn.yes() or again else {}


def past(turn: Turn, form: str | None) -> bool:
    """Whether a button was pressed that answers the question of another form."""
    return turn.pressed and turn.entity("of") not in (None, form)


def spoken_since(tracker: Tracker) -> bool:
    """Whether the shopper spoke since anything was done; when a form goes on after an answer, it has not."""
    done = [event["name"] for event in tracker.events if event["event"] == "action"]
    return len(done) > 1 and done[-2] == "action_listen"


TALK = frozenset(
    {
        AFFIRM,
        DENY,
        "greet",
        "thanks",
        "goodbye",
        "chitchat",
        "nudge",
        "feedback",
        "out_of_scope",
        "nlu_fallback",
    }
)
"""Intents that are no errand."""


class AskChoice(Action):
    """A form's question with the choices of this turn as buttons (`action_ask_<slot>`)."""

    def __init__(self, slot: str) -> None:
        self._slot = slot

    def name(self) -> str:
        return f"action_ask_{self._slot}"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        Turn(self.name(), dispatcher, tracker).say(f"choose_{self._slot}", tracker.slots.get("choices") or [])
        return []


class Submission(Errand):
    """What is done when a form is full (`action_<form>_submit`), or a kind word when it was dropped."""

    form: str
    informs = False

    def name(self) -> str:
        return f"action_{self.form.removesuffix('_form')}_submit"

    @abstractmethod
    async def submit(self, turn: Turn) -> list[EventType]: ...

    async def answer(self, turn: Turn) -> list[EventType]:
        turn.also = []
        stopped = turn.slot(STOPPED)
        if stopped:
            if stopped is True:
                turn.say(f"stopped_{self.form}")
            events: list[EventType] = [SlotSet(STOPPED, None)]
        else:
            events = await self.submit(turn)
        later = turn.slot(LATER)
        if not later or follows(events):
            return events
        asked = later[0]
        turn.say("asked_before", [reading(asked["intent"]), human()], asked=asked["text"])
        again = {"text": asked["text"], "entities": {}, "intents": [asked["intent"]]}
        return [*events, SlotSet(LATER, later[1:] or None), SlotSet(UNCLEAR, again)]
