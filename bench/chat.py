"""A shopper's end of the chat's WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from backoffice.client import Conversation

Frame = dict[str, Any]


class Chat:
    """Keeps every frame that the shop sends, in order, and wakes who waits for one."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._news = asyncio.Condition()
        self.frames: list[Frame] = []

    @property
    def events(self) -> list[Frame]:
        """The events received, in the order they came."""
        return [frame["event"] for frame in self.frames if frame["type"] == "event"]

    async def say(self, identity: str, text: str) -> None:
        await self._connection.send(json.dumps({"type": "message", "id": identity, "text": text}))

    async def frame(self, after: int, *types: str) -> Frame:
        """The first frame of these types among the frames from number `after` on, waited for."""
        async with self._news:
            while True:
                for frame in self.frames[after:]:
                    if frame["type"] in types:
                        return frame
                await self._news.wait()

    async def until(self, enough: Any) -> None:
        """Waits until `enough(frames)` is true."""
        async with self._news:
            await self._news.wait_for(lambda: enough(self.frames))

    async def read(self) -> None:
        async for text in self._connection:
            async with self._news:
                self.frames.append(json.loads(text))
                self._news.notify_all()


@asynccontextmanager
async def chat(url: str, conversation: Conversation) -> AsyncIterator[Chat]:
    """The chat of an open conversation, connected and caught up."""
    async with connect(f"{url.replace('http', 'ws', 1)}/chat/ws", proxy=None) as connection:
        chat = Chat(connection)
        reading = asyncio.create_task(chat.read())
        try:
            await connection.send(json.dumps({"type": "hello", "token": conversation.token, "after": 0}))
            ready = await chat.frame(0, "ready")
            await chat.until(lambda frames: len(chat.events) >= ready["last"])
            yield chat
        finally:
            reading.cancel()
