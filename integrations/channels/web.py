"""The web chat: a WebSocket that shows a conversation from any event on, and takes what is said."""

import asyncio
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from backoffice.conversations.reception import AtReception, Reception
from backoffice.kit.errors import NotFound, Problem, Unauthenticated
from backoffice.kit.fields import EventNumber, Text
from backoffice.kit.messages import message

router = APIRouter()

HELLO_WITHIN = 10.0
LOOK_AGAIN_SECONDS = 10.0
BAD_TOKEN = 4401
EXPECTED_HELLO = 4400


class Hello(BaseModel):
    type: Literal["hello"]
    token: str
    after: EventNumber = 0


class Typed(BaseModel):
    type: Literal["message"]
    id: Text = Field(min_length=1, max_length=80)
    text: str


class Postback(BaseModel):
    type: Literal["postback"]
    id: Text = Field(min_length=1, max_length=80)
    payload: str
    label: str = ""


class Ping(BaseModel):
    type: Literal["ping"]


HELLO = TypeAdapter(Hello)
SAID: TypeAdapter[Typed | Postback | Ping] = TypeAdapter(
    Annotated[Typed | Postback | Ping, Field(discriminator="type")]
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
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(show(socket, reception, conversation_id, hello.after))
            both.create_task(take(socket, reception, conversation_id))
    except* WebSocketDisconnect:
        pass


async def show(socket: WebSocket, reception: Reception, conversation_id: str, after: int) -> None:
    """Send every event after `after` in order, and who owns the conversation and whether they type."""
    owner, typing = "", False
    with reception.listen(conversation_id) as news:
        while True:
            news.clear()
            look = await reception.look(conversation_id, after)
            if not owner:
                owner = look.owner
                await socket.send_json(
                    {"type": "ready", "conversation": conversation_id, "owner": owner, "last": look.last}
                )
            for event in look.events:
                await socket.send_json(
                    {"type": "event", "event": event.model_dump(mode="json", by_alias=True)}
                )
                after = event.id
            if look.owner != owner:
                owner = look.owner
                await socket.send_json({"type": "owner", "owner": owner})
            if look.typing != typing:
                typing = look.typing
                await socket.send_json({"type": "typing", "on": typing})
            if after >= look.last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                        await news.wait()


async def take(socket: WebSocket, reception: Reception, conversation_id: str) -> None:
    """Take what is said, one after the other, and acknowledge each with its event number."""
    while True:
        try:
            said = SAID.validate_json(await socket.receive_text())
        except (ValidationError, KeyError):
            await socket.send_json(refusal("bad_message"))
            continue
        if isinstance(said, Ping):
            await socket.send_json({"type": "pong"})
            continue
        try:
            if isinstance(said, Postback):
                event = await reception.press(conversation_id, said.id, said.payload)
            else:
                event = await reception.receive(conversation_id, said.id, said.text)
        except Problem as problem:
            await socket.send_json(refusal(problem.code, id=said.id))
        else:
            await socket.send_json({"type": "ack", "id": said.id, "event": event})


def refusal(code: str, **about: str) -> dict[str, str]:
    try:
        text = message("conversations", f"error.{code}")
    except KeyError:
        text = code
    return {"type": "error", "code": code, "message": text, **about}
