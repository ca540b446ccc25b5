"""The message that an action hears, and the ways to answer it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions import wording
from actions.client import Shop

REQUESTED = "requested_slot"
STOPPED = "stopped"
ORDER = "order_no"
SAID, UNCLEAR, LATER, REMINDER, MISSES = "said", "unclear", "later", "reminder", "misses"
AFFIRM, DENY = "affirm", "deny"


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
