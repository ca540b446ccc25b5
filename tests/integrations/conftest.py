"""The app as it is served, with a bot on the other end of a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI, Request

from backoffice import worker
from backoffice.app import create_app
from backoffice.kit.database import Database
from backoffice.settings import Settings

Reply = list[dict[str, Any]]
worker.LISTEN_SECONDS = 0.05
"""A worker ends as soon as it has listened; as in production, but quick."""


class Served:
    """An ASGI app on a free port of this machine."""

    def __init__(self, app: Any, lifespan: str = "on") -> None:
        self.app = app
        self._server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_level="warning", lifespan=lifespan, timeout_graceful_shutdown=2)
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done()
            await asyncio.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._task


class BotServer:
    """Speaks Rasa's REST channel; `answer` makes the messages of one turn, once it `may_answer`."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.told: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = []
        self.answer: Callable[[str], Reply] = lambda text: [{"text": f"heard {text}"}]
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""
        self.app = FastAPI()
        self.app.post("/webhooks/rest/webhook")(self.webhook)
        self.app.post("/conversations/{conversation}/tracker/events")(self.events)
        self.app.get("/status")(self.status)

    async def webhook(self, request: Request) -> Reply:
        said = await request.json()
        self.heard.append(said)
        await self.may_answer.wait()
        return self.answer(said["message"])

    async def events(self, conversation: str, request: Request) -> dict[str, str]:
        self.told.append((conversation, dict(request.query_params), await request.json()))
        return {"sender_id": conversation}

    async def status(self) -> dict[str, str]:
        return {"model_file": "some.tar.gz"}


@pytest.fixture
async def bot() -> AsyncIterator[BotServer]:
    bot = BotServer()
    async with Served(bot.app) as served:
        bot.url = served.url
        yield bot


@pytest.fixture
def settings(
    request: pytest.FixtureRequest, database_url: str, database: Database, tmp_path: Path, bot: BotServer
) -> Settings:
    """Of a shop whose app has no worker, unless the test is marked so: to start one takes a second."""
    worker: Literal["embedded", "apart"] = (
        "embedded" if request.node.get_closest_marker("worker") else "apart"
    )
    return Settings(
        secret="for tests", state=tmp_path, database_url=database_url, bot_url=bot.url, worker=worker
    )


@pytest.fixture
async def shop(settings: Settings) -> AsyncIterator[Served]:
    async with Served(create_app(settings, consoles=False)) as served:
        yield served


@pytest.fixture
async def http(shop: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=shop.url, trust_env=False, timeout=20) as client:
        yield client


class Window:
    """A browser window with the chat open."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self.received: list[dict[str, Any]] = []

    async def send(self, **said: Any) -> None:
        await self._socket.send(json.dumps(said))

    async def cut(self) -> None:
        """As a network ends it: without a word."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    async def until(self, kind: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """All that came of this kind, once there are `count` of them."""
        while True:
            found = [
                seen for seen in self.received if seen["type"] == kind and fields.items() <= seen.items()
            ]
            if len(found) >= count:
                return found
            self.received.append(json.loads(await asyncio.wait_for(self._socket.recv(), 15)))

    async def events(self, last: int) -> list[tuple[int, str, str]]:
        """(number, from, text) of all events up to number `last`."""
        while True:
            events = [seen["event"] for seen in self.received if seen["type"] == "event"]
            if events and events[-1]["id"] >= last:
                return [(event["id"], event["from"], event["text"]) for event in events]
            await self.until("event", len(events) + 1)


@pytest.fixture
async def window(shop: Served) -> AsyncIterator[Callable[..., Any]]:
    """`await window(token, after=0, shown="")` opens another window; all close with the test."""
    opened = []

    async def open_window(token: str, after: int = 0, shown: str = "") -> Window:
        socket = await websockets.connect(f"ws://127.0.0.1:{shop.port}/chat/ws", proxy=None, max_queue=None)
        opened.append(socket)
        await socket.send(json.dumps({"type": "hello", "token": token, "after": after, "shown": shown}))
        return Window(socket)

    yield open_window
    for socket in opened:
        await socket.close()
