"""Forms: what hears the answers to their questions, and what is done when they are full."""

import logging
from abc import ABC, abstractmethod
from typing import Any

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import wording
from actions.base import QUIET, SHORT, Errand, follows
from actions.client import Refused, Unreachable
from actions.turn import (
    AFFIRM,
    DENY,
    LATER,
    MISSES,
    REMINDER,
    REQUESTED,
    STOPPED,
    UNCLEAR,
    Turn,
    human,
    reading,
)

log = logging.getLogger(__name__)

SURE = 0.5
DROPPING = 8


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
