"""The web chat: a WebSocket that shows a conversation from any event on, and takes what is said.

A window begins with `hello`; `ready` answers it, and comes again when the conversation was merged into
another: the window then shows that one from its first event, and its shopper goes on writing as before.
"""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocketDisconnected

from backoffice.conversations.reception import AtReception, News, Reception
from backoffice.conversations.schemas import EventView, Look
from backoffice.kit.errors import NotFound, Problem, Unauthenticated
from backoffice.kit.fields import EventNumber, Text
from backoffice.kit.messages import message

router = APIRouter()

HELLO_WITHIN = 10.0
TYPING_AT_MOST_EVERY = 1.0
BAD_TOKEN = 4401
EXPECTED_HELLO = 4400


class Hello(BaseModel):
    """`after` is the last event the window has of the conversation `shown`, its own when that is empty."""

    type: Literal["hello"]
    token: str
    after: EventNumber = 0
    shown: Text = ""


class Typed(BaseModel):
    """`attachment` is the id of a picture that was uploaded for this conversation."""

    type: Literal["message"]
    id: Text = Field(min_length=1, max_length=80)
    text: str = ""
    attachment: Text | None = Field(default=None, max_length=32)


class Postback(BaseModel):
    type: Literal["postback"]
    id: Text = Field(min_length=1, max_length=80)
    payload: str
    label: str = ""


class Typing(BaseModel):
    """The shopper is writing; what was not said again for six seconds has ended."""

    type: Literal["typing"]
    on: bool


class Seen(BaseModel):
    """The device has every event up to this one, or they were read."""

    type: Literal["delivered", "read"]
    event: EventNumber


class Ping(BaseModel):
    type: Literal["ping"]


HELLO = TypeAdapter(Hello)
SAID: TypeAdapter[Typed | Postback | Typing | Seen | Ping] = TypeAdapter(
    Annotated[Typed | Postback | Typing | Seen | Ping, Field(discriminator="type")]
)


@router.websocket("/chat/ws")
async def chat(socket: WebSocket, reception: AtReception) -> None:
    """One browser window. Truth is the transcript: what is sent follows from the last event sent."""
    await socket.accept()
    try:
        async with asyncio.timeout(HELLO_WITHIN):
            hello = HELLO.validate_json(await socket.receive_text())
        conversation_id = reception.identify(hello.token)
        await reception.look(conversation_id, hello.after)
    except WebSocketDisconnect:
        return
    except (Unauthenticated, NotFound):
        await socket.close(BAD_TOKEN, "bad token")
        return
    except (TimeoutError, KeyError, ValidationError):
        await socket.close(EXPECTED_HELLO, "hello expected")
        return
    window = Window(socket, reception, conversation_id, hello)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(window.show())
            await window.take()
    except* (WebSocketDisconnect, WebSocketDisconnected):
        pass


class Window:
    """What one browser window shows, and what its shopper says: always in their own conversation."""

    def __init__(self, socket: WebSocket, reception: Reception, own: str, hello: Hello) -> None:
        self._socket, self._reception = socket, reception
        self._own = own
        self._known = (hello.shown or own, hello.after)
        self._typed_at = 0.0
        self._turn_to(own)

    def _turn_to(self, conversation_id: str) -> None:
        known, after = self._known
        self._shown, self._after = conversation_id, after if known == conversation_id else 0
        self._read = self._delivered = 0
        self._faces: set[int] = set()

    async def show(self) -> None:
        """Send every event once and in order, and who has the conversation and whether they write."""
        while True:
            with self._reception.listen(self._own, self._shown) as news:
                target = await self._follow(news)
            self._turn_to(target)

    async def _parted(self) -> str | None:
        """What to show instead when ours no more leads to the one shown; ask after having looked at that."""
        if self._shown == self._own:
            return None
        target = (await self._reception.look(self._own, limit=1)).moved_to or self._own
        return None if target == self._shown else target

    async def _follow(self, news: News) -> str:
        """Show this conversation until it is merged or parted; the one to show then."""
        standing: dict[str, Any] = {}
        typing = False
        while True:
            news.clear()
            look = await self._reception.look(self._shown, self._after)
            if elsewhere := look.moved_to or await self._parted():
                return elsewhere
            now_standing = stands(look)
            if not standing:
                standing = now_standing
                ready = {"type": "ready", "conversation": self._shown, "last": look.last, **standing}
                await self._send(ready, look, look.agent_id)
                self._known = ("", 0)
            for event in look.events:
                await self._send({"type": "event", "event": shown(event)}, look, event.staff_id)
                self._after = event.id
            if now_standing != standing:
                standing = now_standing
                await self._send({"type": "owner", **standing}, look, look.agent_id)
            left = news.typing_for() if look.owner == "agent" else 0.0
            if (look.typing or left > 0) != typing:
                typing = not typing
                await self._socket.send_json({"type": "typing", "on": typing})
            if self._after >= look.last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left or None):
                        await news.wait()

    async def _send(self, frame: dict[str, Any], look: Look, staff_id: int | None) -> None:
        """A frame, with the face of the agent it names when that is the first time."""
        if staff_id in look.people and staff_id not in self._faces:
            self._faces.add(staff_id)
            frame["people"] = {staff_id: look.people[staff_id].model_dump()}
        await self._socket.send_json(frame)

    async def take(self) -> None:
        """Take what is said, one after the other, and acknowledge each message with its event number."""
        while True:
            try:
                said = SAID.validate_json(await self._socket.receive_text())
            except (ValidationError, KeyError):
                await self._socket.send_json(refusal("bad_message"))
                continue
            match said:
                case Ping():
                    await self._socket.send_json({"type": "pong"})
                case Typing(on=on):
                    self._types(on)
                case Seen():
                    await self._confirm(said)
                case _:
                    await self._hear(said)

    async def _hear(self, said: Typed | Postback) -> None:
        try:
            if isinstance(said, Postback):
                event = await self._reception.press(self._own, said.id, said.payload)
            else:
                event = await self._reception.receive(self._own, said.id, said.text, said.attachment)
        except Problem as problem:
            await self._socket.send_json(refusal(problem.code, id=said.id))
        else:
            await self._socket.send_json({"type": "ack", "id": said.id, "event": event})

    def _types(self, on: bool) -> None:
        moment = asyncio.get_running_loop().time()
        if not on or moment - self._typed_at >= TYPING_AT_MOST_EVERY:
            self._typed_at = moment
            self._reception.shopper_types(self._shown, on)

    async def _confirm(self, seen: Seen) -> None:
        """Only what was shown here counts, and only what is new."""
        through = min(seen.event, self._after)
        known = self._read if seen.type == "read" else max(self._delivered, self._read)
        if through > known:
            if seen.type == "read":
                self._read = through
            else:
                self._delivered = through
            await self._reception.confirm(self._shown, through, seen.type == "read")


def stands(look: Look) -> dict[str, Any]:
    """Who has the conversation, how long the shopper waits for a person, and how far that one has read."""
    queue = look.queue.model_dump(mode="json", exclude={"waiting"}) if look.queue else None
    return {"owner": look.owner, "agent": look.agent_id, "queue": queue, "seen": look.seen}


def shown(event: EventView) -> dict[str, Any]:
    return event.model_dump(mode="json", by_alias=True)


def refusal(code: str, **about: str) -> dict[str, str]:
    try:
        text = message("conversations", f"error.{code}")
    except KeyError:
        text = code
    return {"type": "error", "code": code, "message": text, **about}
