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
from sanic import Blueprint, Sanic

from bot.components.serving import Models, follow

RANKED = 3
CANDIDATE = "candidate"
saved: "ContextVar[Optional[DialogueStateTracker]]" = ContextVar("saved", default=None)
"""The dialogue as the tracker store last saved it in this request."""


class ReadingInput(RestInput):
    """Serves `/webhooks/rest/webhook`; the last entry of an answer is {"recipient_id", "reading"}, with the
    `intent`, its `confidence`, the `ranking` of the three likeliest as [name, confidence] and the names of
    the `actions` that answered, and the name of the `model`. A turn that failed has none.

    A message whose metadata names a `candidate` {"model", "answers"} is answered by that model, or only read
    by it afterwards: then `shadow` tells its {"model", "intent", "confidence"}. Where it is not loaded, the
    live model answers and nothing is told of the candidate.
    """

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[None]]) -> Blueprint:
        async def heard(message: UserMessage) -> None:
            saved.set(None)
            models, wanted = self._models, (message.metadata or {}).get(CANDIDATE) or {}
            model = models.chosen(wanted)
            await model.agent.handle_message(message)
            dialogue = saved.get()
            if dialogue is not None:
                told = {**reading(dialogue), "model": model.name}
                if wanted and not wanted.get("answers"):
                    told["shadow"] = await models.read_along(wanted, message)
                message.output_channel.messages.append({"recipient_id": message.sender_id, "reading": told})

        served = super().blueprint(heard)

        @served.listener("before_server_start")
        async def hold(app: Sanic, _: Any) -> None:
            self._models = Models(app)

        @served.listener("after_server_start")
        async def begin(_: Sanic, __: Any) -> None:
            self._following = follow(self._models)

        @served.listener("before_server_stop")
        async def end(_: Sanic, __: Any) -> None:
            if self._following:
                self._following.cancel()

        return served


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
