"""The bot: Rasa behind its REST channel, on a private port."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from backoffice.conversations.ports import (
    BotAnswer,
    BotBroken,
    BotButton,
    BotDown,
    BotReply,
    Heard,
    Reading,
    Utterance,
)

LONGEST_TURN = 60.0
READY_WITHIN = 2.0
ORDER_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){15}(?![ -]?\d)")
LEFT_OPEN = ("requested_slot", "said", "unclear", "misses", "later")
"""Slots of the bot's own questions, which nobody will answer any more."""


class RasaButton(BaseModel):
    title: str
    payload: str


class RasaReading(BaseModel):
    intent: str
    confidence: float
    ranking: list[tuple[str, float]]
    actions: list[str]


class RasaMessage(BaseModel):
    """The last one of a turn only tells its `reading`."""

    text: str = ""
    buttons: list[RasaButton] = []
    custom: dict[str, Any] | None = None
    reading: RasaReading | None = None


MESSAGES = TypeAdapter(list[RasaMessage])


class RasaBot:
    """Speaks to one bot; a connection is kept open between turns."""

    def __init__(self, url: str, token: str) -> None:
        self._token = token
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(LONGEST_TURN, connect=2.0),
            trust_env=False,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=50),
        )

    async def reply(self, utterance: Utterance) -> BotAnswer:
        """See `ports.Bot`."""
        body = {
            "sender": utterance.conversation,
            "message": utterance.text,
            "metadata": utterance.metadata,
        }
        response = await self._post("/webhooks/rest/webhook", body)
        try:
            messages = MESSAGES.validate_json(response.content)
        except ValidationError as error:
            raise BotBroken(str(error)) from error
        return BotAnswer(bubbles(messages), reading(messages))

    async def tell(self, conversation: str, lines: Sequence[Heard]) -> None:
        """See `ports.Bot`. The order named last becomes the one talked about."""
        query = {"token": self._token, "include_events": "NONE"}
        await self._post(f"/conversations/{conversation}/tracker/events", [*told(lines)], query)

    async def ready(self) -> bool:
        """See `ports.Bot`."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                return (await self._client.get("/status", params={"token": self._token})).status_code == 200
        except (httpx.HTTPError, TimeoutError):
            return False

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, path: str, body: Any, query: dict[str, str] | None = None) -> httpx.Response:
        try:
            response = await self._client.post(path, json=body, params=query)
        except httpx.TimeoutException as error:
            raise BotBroken("no answer in time") from error
        except httpx.TransportError as error:
            raise BotDown(str(error)) from error
        if response.status_code != 200:
            raise BotBroken(f"status {response.status_code}: {response.text[:200]}")
        return response


def bubbles(messages: list[RasaMessage]) -> list[BotReply]:
    """Rasa sends a card after the text it belongs to: put them back into one bubble."""
    replies: list[BotReply] = []
    for message in messages:
        if message.custom and not message.text and replies and not replies[-1].card:
            replies[-1] = BotReply(replies[-1].text, replies[-1].buttons, message.custom)
        elif message.text or message.custom:
            buttons = [BotButton(button.title, button.payload) for button in message.buttons]
            replies.append(BotReply(message.text, buttons, message.custom))
    return replies


def reading(messages: list[RasaMessage]) -> Reading | None:
    read = next((message.reading for message in messages if message.reading), None)
    return Reading(read.intent, read.confidence, read.ranking, read.actions) if read else None


def told(lines: Sequence[Heard]) -> Iterator[dict[str, Any]]:
    """The events by which a dialogue has heard these lines, left its form and waits for the shopper."""
    listening = {"event": "action", "name": "action_listen"}
    for line in lines:
        if line.author == "shopper":
            unread = {"text": line.text, "intent": {"name": "", "confidence": 0.0}, "entities": []}
            yield listening
            yield {"event": "user", "text": line.text, "parse_data": unread}
        else:
            yield {"event": "bot", "text": line.text, "data": {}}
    yield {"event": "active_loop", "name": None}
    for slot in LEFT_OPEN:
        yield {"event": "slot", "name": slot, "value": None}
    numbers = [number for line in lines for number in ORDER_NUMBER.findall(line.text)]
    if numbers:
        yield {"event": "slot", "name": "order_no", "value": re.sub(r"\D", "", numbers[-1])}
    yield listening
