"""The chat over plain HTTP: for the shop's own apps, the command line, and who cannot hold a socket."""

import asyncio
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, model_validator

from backoffice.conversations.reception import AtReception, Reception
from backoffice.conversations.schemas import EventView, Look, Opened, Owner
from backoffice.kit.errors import Forbidden, Unauthenticated
from backoffice.kit.fields import EventNumber, Text
from backoffice.users.identity import MaybeAsking, bearer

router = APIRouter(prefix="/chat", tags=["chat"])

LONGEST_WAIT = 30.0
LOOK_AGAIN_SECONDS = 10.0


class OpenRequest(BaseModel):
    channel: Literal["web", "app"] = "app"


class Sent(BaseModel):
    """A message by `text`, or a pressed button by its `payload`; `id` is the sender's own."""

    id: Text = Field(min_length=1, max_length=80)
    text: str | None = None
    payload: str | None = None
    label: str | None = None

    @model_validator(mode="after")
    def one_of_both(self) -> "Sent":
        if (self.text is None) == (self.payload is None):
            raise ValueError("either text or payload")
        return self


class Receipt(BaseModel):
    event: int


class Events(BaseModel):
    events: list[EventView]
    owner: Owner
    typing: bool


async def conversation(
    conversation_id: str, reception: AtReception, token: Annotated[str, Depends(bearer)]
) -> str:
    """The conversation in the path, if the visitor token is its own. Raises otherwise."""
    if not token:
        raise Unauthenticated("visitor_token_required")
    if reception.identify(token) != conversation_id:
        raise Forbidden("another_conversation")
    return conversation_id


Mine = Annotated[str, Depends(conversation)]


@router.post("/conversations", status_code=201)
async def open_conversation(request: OpenRequest, reception: AtReception, who: MaybeAsking) -> Opened:
    """A visitor's new conversation; a signed-in shopper gets the open one of that channel again."""
    return await reception.open(request.channel, who.customer_id if who else None)


@router.get("/conversations/{conversation_id}/events")
async def events(
    mine: Mine,
    reception: AtReception,
    after: EventNumber = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> Events:
    """The events after number `after`, at once or as soon as there is one within `wait` seconds."""
    look = await look_or_wait(reception, mine, after, wait)
    return Events(events=look.events, owner=look.owner, typing=look.typing)


@router.post("/conversations/{conversation_id}/messages", status_code=202)
async def send(sent: Sent, mine: Mine, reception: AtReception) -> Receipt:
    """Say something; sent again under the same id it is the same event."""
    if sent.payload is not None:
        return Receipt(event=await reception.press(mine, sent.id, sent.payload))
    return Receipt(event=await reception.receive(mine, sent.id, sent.text or ""))


async def look_or_wait(reception: Reception, conversation_id: str, after: int, wait: float) -> Look:
    until = asyncio.get_running_loop().time() + wait
    with reception.listen(conversation_id) as news:
        while True:
            news.clear()
            look = await reception.look(conversation_id, after)
            left = until - asyncio.get_running_loop().time()
            if look.events or left <= 0:
                return look
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_AGAIN_SECONDS)):
                    await news.wait()
