"""What the tests of the app's channel share: reading server-sent events, and a line that breaks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import httpx

Frame = tuple[str, str, Any]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def open_chat(http: httpx.AsyncClient, session: str = "") -> tuple[str, str]:
    """The path of a new conversation, and its token."""
    answer = await http.post("/chat/conversations", json={}, headers=bearer(session) if session else {})
    assert answer.status_code == 201, answer.text
    return f"/chat/conversations/{answer.json()['conversation']}", answer.json()["token"]


async def say(http: httpx.AsyncClient, path: str, token: str, id: str, text: str) -> int:
    answer = await http.post(f"{path}/messages", json={"id": id, "text": text}, headers=bearer(token))
    assert answer.status_code == 202, answer.text
    return int(answer.json()["event"])


@asynccontextmanager
async def following(
    http: httpx.AsyncClient, path: str, token: str, **headers: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """The frames of a stream as (event, id, data); a comment is (`:`, "", its text)."""
    async with http.stream("GET", f"{path}/stream", headers=bearer(token) | headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["X-Accel-Buffering"] == "no"
        yield frames(answer)


async def frames(answer: httpx.Response) -> AsyncIterator[Frame]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line and "data" in fields:
            yield fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"])
            fields = {}
        elif line.startswith(":"):
            yield ":", "", line
        elif line:
            name, _, fields[name] = line.partition(": ")


async def until(reading: AsyncIterator[Frame], last: int) -> list[int]:
    """The numbers of the messages up to `last`."""
    numbers = []
    async with asyncio.timeout(20):
        async for event, number, data in reading:
            if event == "message":
                assert number == str(data["id"])
                numbers.append(data["id"])
                if data["id"] >= last:
                    return numbers
    raise AssertionError(f"the stream ended after {numbers}")


class Breaking:
    """A line to a port of this machine that can be cut, all connections at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        for task in self._open:
            task.cancel()

    async def _connected(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        self.connections += 1
        far, to_far = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(pass_on(near, to_far))
                both.create_task(pass_on(far, to_near))
        except (asyncio.CancelledError, OSError, ExceptionGroup):
            pass
        finally:
            self._open.discard(task)
            for writer in (to_near, to_far):
                writer.transport.abort()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
