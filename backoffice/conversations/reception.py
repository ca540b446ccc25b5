"""Where channels come in: what a channel may ask of conversations."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from backoffice.conversations import service
from backoffice.conversations.schemas import Look, Opened
from backoffice.conversations.tokens import Tokens
from backoffice.conversations.turns import TurnRunner
from backoffice.events.bus import Bus
from backoffice.kit.database import Database


class Reception:
    """Every channel's way to conversations; each call is a transaction of its own."""

    def __init__(self, database: Database, tokens: Tokens, turns: TurnRunner, bus: Bus) -> None:
        self._database, self._tokens, self._turns = database, tokens, turns
        self._listeners: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        bus.listen(self._signal)

    async def open(self, channel: str, customer_id: int | None) -> Opened:
        """A visitor's new conversation, or the customer's open one in this channel."""
        async with self._database.write() as session:
            conversation_id = await service.open(session, channel, customer_id)
        return Opened(conversation=conversation_id, token=self._tokens.sign_visitor(conversation_id))

    def identify(self, token: str) -> str:
        """The conversation a visitor token stands for. Raises `Unauthenticated`."""
        return self._tokens.read_visitor(token)

    async def receive(self, conversation_id: str, message_id: str, text: str) -> int:
        """See `service.receive`; the bot's turn follows by itself."""
        return await self._receive(conversation_id, message_id, text, None)

    async def press(self, conversation_id: str, message_id: str, payload: str) -> int:
        """A pressed button, as `receive`. Raises `Invalid` (`bad_button`) for one that is not ours."""
        pressed = self._tokens.read_button(conversation_id, payload)
        return await self._receive(conversation_id, message_id, pressed.label, pressed.command)

    async def _receive(self, conversation_id: str, message_id: str, text: str, command: str | None) -> int:
        async with self._database.write() as session:
            session.after_commit(lambda: self._turns.wake(conversation_id))
            return await service.receive(session, conversation_id, message_id, text, command)

    async def look(self, conversation_id: str, after: int = 0) -> Look:
        """See `service.look`."""
        async with self._database.read() as session:
            return await service.look(session, conversation_id, after)

    @contextmanager
    def listen(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be something new to look at; clear it before looking."""
        news = asyncio.Event()
        self._listeners[conversation_id].add(news)
        try:
            yield news
        finally:
            self._listeners[conversation_id].discard(news)
            if not self._listeners[conversation_id]:
                del self._listeners[conversation_id]

    def _signal(self, topic: str, key: str, _: dict[str, Any]) -> None:
        if topic == service.TOPIC:
            for news in self._listeners.get(key, ()):
                news.set()


async def reception_of(connection: HTTPConnection) -> Reception:
    reception: Reception = connection.app.state.reception
    return reception


AtReception = Annotated[Reception, Depends(reception_of)]
