"""The bot: Rasa behind its REST channel, on a private port."""

import asyncio
from typing import Any

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from backoffice.conversations.ports import BotBroken, BotButton, BotDown, BotReply, Utterance

LONGEST_TURN = 60.0
READY_WITHIN = 2.0


class RasaButton(BaseModel):
    title: str
    payload: str


class RasaMessage(BaseModel):
    text: str = ""
    buttons: list[RasaButton] = []
    custom: dict[str, Any] | None = None


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

    async def reply(self, utterance: Utterance) -> list[BotReply]:
        """See `ports.Bot`."""
        body = {
            "sender": utterance.conversation,
            "message": utterance.text,
            "metadata": utterance.metadata,
        }
        try:
            response = await self._client.post("/webhooks/rest/webhook", json=body)
        except httpx.TimeoutException as error:
            raise BotBroken("no answer in time") from error
        except httpx.TransportError as error:
            raise BotDown(str(error)) from error
        if response.status_code != 200:
            raise BotBroken(f"status {response.status_code}")
        try:
            return bubbles(MESSAGES.validate_json(response.content))
        except ValidationError as error:
            raise BotBroken(str(error)) from error

    async def ready(self) -> bool:
        """See `ports.Bot`."""
        try:
            async with asyncio.timeout(READY_WITHIN):
                return (await self._client.get("/status", params={"token": self._token})).status_code == 200
        except (httpx.HTTPError, TimeoutError):
            return False

    async def close(self) -> None:
        await self._client.aclose()


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
