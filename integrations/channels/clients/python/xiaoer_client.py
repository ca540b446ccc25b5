"""Chat with a Xiaoer shop from Python. One file, needs httpx; copy it into your project.

    async with httpx.AsyncClient(base_url="https://shop.example", timeout=20) as http:
        chat = await Chat.open(http)
        await chat.send("我的快递到哪了")
        async for line in chat.follow():
            print(line["from"], line["text"])

Your backend checks what a webhook posts with `verified(body, header, secret)`.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

Line = dict[str, Any]
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 30.0
SILENCE = 45.0
"""Seconds: the shop says something on a stream every 15."""


@dataclass
class Chat:
    """One conversation. Keep `id`, `token`, `shown` and `seen` to go on with it later.

    `shown` is the conversation whose lines are read: the shop may merge one into another.
    """

    http: httpx.AsyncClient
    id: str
    token: str
    shown: str = ""
    seen: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    _left: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, http: httpx.AsyncClient, session: str = "") -> "Chat":
        """A visitor's new conversation, or with the session of a signed-in shopper their own."""
        headers = {"Authorization": f"Bearer {session}"} if session else {}
        answer = await http.post("/chat/conversations", json={"channel": "app"}, headers=headers)
        opened = answer.raise_for_status().json()
        return cls(http, opened["conversation"], opened["token"])

    async def send(self, text: str, message_id: str = "") -> int:
        """Say something; its number. Said again under the same `message_id` it is one message."""
        said = await self._post("messages", {"id": message_id or str(uuid4()), "text": text})
        return int(said["event"])

    async def press(self, button: dict[str, str]) -> int:
        """Press a button of a line."""
        said = await self._post("messages", {"id": str(uuid4()), "payload": button["payload"]})
        return int(said["event"])

    async def read(self, number: int) -> None:
        """The shopper has read the lines up to this number."""
        await self._post("receipts", {"read": number})

    async def typing(self, on: bool = True) -> None:
        await self._post("typing", {"on": on})

    async def history(self, before: int, limit: int = 50) -> list[Line]:
        """The last lines before that number, oldest first."""
        asked = {"before": before, "limit": limit}
        answer = await self.http.get(self._path("events"), params=asked, headers=self._bearer())
        lines: list[Line] = answer.raise_for_status().json()["events"]
        return lines

    async def follow(self) -> AsyncIterator[Line]:
        """Every line after `seen`, once and in order, for ever: a broken connection is made again.

        `state` says meanwhile who answers. Raises `httpx.HTTPStatusError` when the token is good no more.
        """
        wait = SHORTEST_WAIT
        while True:
            try:
                async for event, data in self._stream():
                    wait = SHORTEST_WAIT
                    if event == "message":
                        self.seen = data["id"]
                        yield data
                    elif event == "state":
                        self.state = data
                    elif event == "moved":
                        self._turn_to(data["conversation"])
            except httpx.TransportError:
                pass
            except httpx.HTTPStatusError as refused:
                if refused.response.status_code == 403 and self.shown not in ("", self.id):
                    self._turn_to(self.id)
                elif refused.response.status_code not in (429, 500, 502, 503, 504):
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _turn_to(self, conversation: str) -> None:
        self._left[self.shown or self.id] = self.seen
        self.shown, self.seen = conversation, self._left.get(conversation, 0)

    async def _stream(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        headers = {**self._bearer(), "Last-Event-ID": str(self.seen)}
        timeout = httpx.Timeout(10, read=SILENCE)
        async with self.http.stream("GET", self._path("stream"), headers=headers, timeout=timeout) as answer:
            answer.raise_for_status()
            event = data = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif not line and data:
                    yield event, json.loads(data)
                    event = data = ""

    async def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        """Over a broken line it is posted again: what has an id is not said twice."""
        for wait in (0.5, 1, 2, 4, 0):
            try:
                answer = await self.http.post(self._path(what), json=body, headers=self._bearer())
                break
            except httpx.TransportError:
                if not wait:
                    raise
                await asyncio.sleep(wait)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json() if answer.content else {}
        return told

    def _path(self, what: str) -> str:
        conversation = self.id if what == "messages" else self.shown or self.id
        return f"/chat/conversations/{conversation}/{what}"

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def verified(body: bytes, header: str, secret: str, tolerance: float = 300) -> dict[str, Any]:
    """What a webhook posted, if `X-Xiaoer-Signature` is the shop's and at most `tolerance` seconds old.

    Check the body as it came, before any parsing. What has an `id` you know already is a repeat.
    Raises `ValueError`.
    """
    parts = [part.partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    if not moment.isdecimal() or abs(time.time() - int(moment)) > tolerance:
        raise ValueError("too old, or no time")
    mark = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not any(
        name == "v1" and hmac.compare_digest(value.encode(), mark.encode()) for name, _, value in parts
    ):
        raise ValueError("not signed by the shop")
    told: dict[str, Any] = json.loads(body)
    return told
