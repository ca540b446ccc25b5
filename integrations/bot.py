"""The bot: Rasa behind its REST channel, on a private port."""

import asyncio
import hashlib
import re
import time
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
    Shadow,
    Utterance,
)

LONGEST_TURN = 60.0
READY_WITHIN = 2.0
REST_SECONDS = 5.0
"""How long a replica that was found down is asked last."""
ORDER_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d(?:[ -]?\d){15}(?![ -]?\d)")
LEFT_OPEN = ("requested_slot", "said", "unclear", "misses", "later")
"""Slots of the bot's own questions, which nobody will answer any more."""


class RasaButton(BaseModel):
    title: str
    payload: str


class RasaShadow(BaseModel):
    model: str
    intent: str
    confidence: float


class RasaReading(BaseModel):
    intent: str
    confidence: float
    ranking: list[tuple[str, float]]
    actions: list[str]
    model: str = ""
    shadow: RasaShadow | None = None


class RasaMessage(BaseModel):
    """The last one of a turn only tells its `reading`."""

    text: str = ""
    buttons: list[RasaButton] = []
    custom: dict[str, Any] | None = None
    reading: RasaReading | None = None


MESSAGES = TypeAdapter(list[RasaMessage])


class RasaBot:
    """Speaks to one bot of one or more replicas; connections are kept open between turns.

    A conversation goes always to the same replica, and to the next while that one is down: all of them find
    its dialogue in the database.
    """

    def __init__(self, urls: str | Sequence[str], token: str) -> None:
        self._urls = [urls] if isinstance(urls, str) else list(urls)
        self._token = token
        self._down_until: dict[str, float] = {}
        self._client = httpx.AsyncClient(
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
        response = await self._post(utterance.conversation, "/webhooks/rest/webhook", body)
        try:
            messages = MESSAGES.validate_json(response.content)
        except ValidationError as error:
            raise BotBroken(str(error)) from error
        return BotAnswer(bubbles(messages), reading(messages))

    async def tell(self, conversation: str, lines: Sequence[Heard]) -> None:
        """See `ports.Bot`. The order named last becomes the one talked about."""
        query = {"token": self._token, "include_events": "NONE"}
        path = f"/conversations/{conversation}/tracker/events"
        await self._post(conversation, path, [*told(lines)], query)

    async def ready(self) -> bool:
        """See `ports.Bot`. One replica is enough."""
        return any(await asyncio.gather(*map(self._is_ready, self._urls)))

    async def _is_ready(self, url: str) -> bool:
        try:
            async with asyncio.timeout(READY_WITHIN):
                status = await self._client.get(f"{url}/status", params={"token": self._token})
                return status.status_code == 200
        except (httpx.HTTPError, TimeoutError):
            return False

    def _replicas(self, conversation: str) -> list[str]:
        """All of them, those last that were found down a moment ago."""
        preferred, moment = by_preference(self._urls, conversation), time.monotonic()
        return sorted(preferred, key=lambda url: self._down_until.get(url, 0.0) > moment)

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(
        self, conversation: str, path: str, body: Any, query: dict[str, str] | None = None
    ) -> httpx.Response:
        down: httpx.TransportError | None = None
        for url in self._replicas(conversation):
            try:
                response = await self._client.post(f"{url}{path}", json=body, params=query)
                break
            except httpx.ConnectTimeout as error:
                down = error
            except httpx.TimeoutException as error:
                raise BotBroken("no answer in time") from error
            except httpx.TransportError as error:
                down = error
            self._down_until[url] = time.monotonic() + REST_SECONDS
        else:
            raise BotDown(str(down)) from down
        if response.status_code != 200:
            raise BotBroken(f"status {response.status_code}: {response.text[:200]}")
        return response


def by_preference(urls: Sequence[str], conversation: str) -> list[str]:
    """The replicas in the order in which a conversation goes to them: when one comes or goes, only its own
    conversations move (rendezvous hashing)."""
    return sorted(urls, key=lambda url: hashlib.sha256(f"{url} {conversation}".encode()).digest())


def bubbles(messages: list[RasaMessage]) -> list[BotReply]:
    """Rasa sends a card after the text it belongs to: put them back into one bubble.

    What is said twice, as the question of a form that was asked something else, is said the last time only.
    """
    replies: list[BotReply] = []
    for message in messages:
        if message.custom and not message.text and replies and not replies[-1].card:
            replies[-1] = BotReply(replies[-1].text, replies[-1].buttons, message.custom)
        elif message.text or message.custom:
            buttons = [BotButton(button.title, button.payload) for button in message.buttons]
            replies.append(BotReply(message.text, buttons, message.custom))
    return [reply for place, reply in enumerate(replies) if reply not in replies[place + 1 :]]


def reading(messages: list[RasaMessage]) -> Reading | None:
    read = next((message.reading for message in messages if message.reading), None)
    if read is None:
        return None
    shadow = Shadow(**read.shadow.model_dump()) if read.shadow else None
    return Reading(read.intent, read.confidence, read.ranking, read.actions, read.model, shadow)


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
