"""What every errand shares: the order it is about, the form under way, and all that one message asks."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import wording
from actions.client import Refused, Unreachable
from actions.shapes import Meant, Order
from actions.turn import (
    AFFIRM,
    LATER,
    MISSES,
    ORDER,
    REMINDER,
    REQUESTED,
    SAID,
    STOPPED,
    UNCLEAR,
    Button,
    Turn,
    button,
    command,
    human,
)

log = logging.getLogger(__name__)
FLEETING = (UNCLEAR, MISSES)
"""Slots about not being understood: whatever is understood empties them."""
ORDER_WORDS = ("product", "day", "newest", "last4", "parcel", "number")
"""Verdicts of the backoffice that rest on what the message itself says."""
MOST_ALSO = 2


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
