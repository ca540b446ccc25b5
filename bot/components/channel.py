"""How the app hears the bot: Rasa's REST channel, which also tells what was understood.

The agent console shows that beside the transcript; asking for it afterwards would be another request, and the
whole tracker, in every turn.
"""

from contextvars import ContextVar
from typing import Any, Awaitable, Callable, Dict, Optional

from rasa.core.channels.channel import UserMessage
from rasa.core.channels.rest import RestInput
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint

RANKED = 3
saved: "ContextVar[Optional[DialogueStateTracker]]" = ContextVar("saved", default=None)
"""The dialogue as the tracker store last saved it in this request."""


class ReadingInput(RestInput):
    """Serves `/webhooks/rest/webhook`; the last entry of an answer is {"recipient_id", "reading"}, with the
    `intent`, its `confidence`, the `ranking` of the three likeliest as [name, confidence] and the names of
    the `actions` that answered. A turn that failed has none.
    """

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Blueprint:
        async def heard(message: UserMessage) -> None:
            saved.set(None)
            await on_new_message(message)
            dialogue = saved.get()
            if dialogue is not None:
                told = {"recipient_id": message.sender_id, "reading": reading(dialogue)}
                message.output_channel.messages.append(told)

        return super().blueprint(heard)


def reading(dialogue: DialogueStateTracker) -> Dict[str, Any]:
    """What the last message was taken for and what answered it."""
    done = []
    for event in reversed(dialogue.events):
        if isinstance(event, UserUttered):
            break
        if isinstance(event, ActionExecuted) and event.action_name != ACTION_LISTEN_NAME:
            done.append(event.action_name)
    parsed = dialogue.latest_message.parse_data
    ranking = parsed.get("intent_ranking") or []
    return {
        "intent": parsed["intent"].get("name") or "",
        "confidence": parsed["intent"].get("confidence") or 0.0,
        "ranking": [[each["name"], each["confidence"]] for each in ranking[:RANKED]],
        "actions": done[::-1],
    }
