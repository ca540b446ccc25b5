"""The chat over plain HTTP, for the shop's own apps: say something, page through what was said, follow it.

What comes back is followed by server-sent events or by asking again; an app's backend can be told by
webhooks instead (`webhooks.py`). All of them show the transcript, so an app may mix them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.security import HTTPBearer
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, model_validator

from backoffice.conversations.reception import AtReception, Reception
from backoffice.conversations.schemas import Face, Look, Opened
from backoffice.kit.errors import Forbidden, Unauthenticated
from backoffice.kit.examples import example
from backoffice.kit.fields import EventNumber, Text
from backoffice.kit.security import admits
from backoffice.users.identity import Credentials, MaybeAsking, bearer, credentials
from integrations.channels import examples
from integrations.channels.limits import may_open, may_say

router = APIRouter(prefix="/chat", tags=["chat"])

LONGEST_WAIT = 30.0
CHECK_TOKEN_SECONDS = 30.0
EVENTS_AT_ONCE = 200
RETRY_MILLISECONDS = 1000
VISITOR = HTTPBearer(scheme_name="visitor", description="what `POST /chat/conversations` answers")


class OpenRequest(BaseModel):
    model_config = example(**examples.OPEN)

    channel: Literal["web", "app"] = "app"


class Sent(BaseModel):
    """A message by `text`, by a picture stored before (`attachment`) or by both, or a pressed button by its
    `payload`; `id` is the sender's own.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SAID, examples.PRESSED]})

    id: Text = Field(min_length=1, max_length=80)
    text: str | None = None
    payload: str | None = None
    label: str | None = None
    attachment: Text | None = Field(default=None, max_length=32)

    @model_validator(mode="after")
    def one_of_both(self) -> "Sent":
        if (self.text is None and self.attachment is None) == (self.payload is None):
            raise ValueError("either text or attachment, or payload")
        return self


class Receipt(BaseModel):
    event: int = Field(description="its number in the conversation")


class Seen(BaseModel):
    """How far the shopper's device has the events, or how far they have read them."""

    model_config = example(**examples.SEEN)

    delivered: EventNumber = 0
    read: EventNumber = 0


class Typing(BaseModel):
    model_config = example(**examples.TYPING)

    on: bool


@admits((VISITOR,))
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


async def leads_to(reception: Reception, own: str) -> str:
    """Where what is said in `own` goes: it may be merged into another conversation, and parted from it."""
    return (await reception.look(own, limit=1)).moved_to or own


@admits((VISITOR,))
async def shown(conversation_id: str, reception: AtReception, token: Annotated[str, Depends(bearer)]) -> str:
    """The conversation in the path, if the token is its own or that of one which leads there now.

    Raises otherwise.
    """
    own = reception.identify(token) if token else ""
    if own and own != conversation_id and await leads_to(reception, own) == conversation_id:
        return conversation_id
    return await conversation(conversation_id, reception, token)


Shown = Annotated[str, Depends(shown)]


async def found(here: Shown, reception: AtReception) -> str:
    """As `shown`, where an answer that has begun cannot say any more that it is not there."""
    await reception.look(here, limit=1)
    return here


@router.post(
    "/conversations",
    status_code=201,
    dependencies=[Depends(may_open)],
    responses=examples.answers(201, examples.OPENED, 401, 429),
)
async def open_conversation(request: OpenRequest, reception: AtReception, who: MaybeAsking) -> Opened:
    """A visitor's new conversation; a signed-in shopper gets the open one of that channel again."""
    return await reception.open(request.channel, who.customer_id if who else None)


class SignedIn(BaseModel):
    model_config = example(session="ImN1c3RvbWVyOjci…")

    session: Text = Field(max_length=400, description="what the sign-in answered")


@router.post(
    "/conversations/{conversation_id}/customer",
    responses=examples.answers(200, examples.OPENED, 401, 403, 409),
)
async def sign_in(
    signed_in: SignedIn,
    mine: Mine,
    reception: AtReception,
    issued: Annotated[Credentials, Depends(credentials)],
) -> Opened:
    """A visitor has signed in: what was said before belongs to them. Open a new one after a 409."""
    return await reception.sign_in(mine, issued.read_session(signed_in.session))


@router.get(
    "/conversations/{conversation_id}/events", responses=examples.answers(200, examples.LOOK, 401, 403, 404)
)
async def events(
    here: Shown,
    reception: AtReception,
    after: EventNumber = 0,
    before: EventNumber | None = None,
    limit: Annotated[int, Query(ge=1, le=EVENTS_AT_ONCE)] = EVENTS_AT_ONCE,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0,
) -> Look:
    """The first events after number `after`, at once or as soon as there is one within `wait` seconds.

    With `before` the last ones before that number: page back by the number of the oldest one seen.
    `moved_to` names the conversation that this one was merged into: ask for that with the same token, and for
    this one again after a 403, when they were parted. What is said is always said in one's own.
    """
    if before is not None:
        return await reception.look(here, after, before, limit)
    return await look_or_wait(reception, here, after, limit, wait)


@router.get(
    "/conversations/{conversation_id}/stream",
    response_class=EventSourceResponse,
    dependencies=[Depends(may_say)],
    responses=examples.stream(401, 403, 404, 429),
)
async def stream(
    here: Annotated[str, Depends(found)],
    reception: AtReception,
    token: Annotated[str, Depends(bearer)],
    after: EventNumber = 0,
    last_event_id: Annotated[EventNumber | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Every event after `Last-Event-ID` (else `after`) once, in order, as long as the token is good.

    - `message` is a line; its `id` is its number.
    - `state` says who answers, the place in the queue, what is read, who types and which agents appear.
    - `moved` is the last: go on at that `conversation` with the same token: ours was merged or parted.

    A comment comes at least every 15 seconds.
    """
    seen = after if last_event_id is None else last_event_id
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    own = reception.identify(token)
    state: dict[str, Any] = {}
    people: dict[int, Face] = {}
    with reception.listen(own, here) as news:
        while still_good(reception, token):
            news.clear()
            if here != own and (target := await leads_to(reception, own)) != here:
                yield ServerSentEvent(event="moved", data={"conversation": target})
                return
            look = await reception.look(here, seen)
            left = news.typing_for() if look.owner == "agent" else 0.0
            people |= look.people
            standing = look.model_copy(update={"people": people, "typing": look.typing or left > 0})
            if (now_state := standing.model_dump(mode="json", exclude={"events", "last"})) != state:
                state = now_state
                yield ServerSentEvent(event="state", data=state)
            for event in look.events:
                written = event.model_dump_json(by_alias=True)
                yield ServerSentEvent(event="message", id=str(event.id), raw_data=written)
                seen = event.id
            if look.moved_to and seen >= look.last:
                yield ServerSentEvent(event="moved", data={"conversation": look.moved_to})
                return
            if seen >= look.last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left or CHECK_TOKEN_SECONDS):
                        await news.wait()


def still_good(reception: Reception, token: str) -> bool:
    try:
        reception.identify(token)
    except Unauthenticated:
        return False
    return True


@router.post(
    "/conversations/{conversation_id}/messages",
    status_code=202,
    dependencies=[Depends(may_say)],
    responses=examples.answers(202, examples.RECEIPT, 401, 403, 404, 429),
)
async def send(sent: Sent, mine: Mine, reception: AtReception) -> Receipt:
    """Say something; sent again under the same id it is the same event."""
    if sent.payload is not None:
        return Receipt(event=await reception.press(mine, sent.id, sent.payload))
    return Receipt(event=await reception.receive(mine, sent.id, sent.text or "", sent.attachment))


@router.post(
    "/conversations/{conversation_id}/receipts",
    status_code=204,
    dependencies=[Depends(may_say)],
    responses=examples.problems(401, 403, 429),
)
async def confirm(seen: Seen, here: Shown, reception: AtReception) -> None:
    """What the shopper's device has and what they have read, never less than before."""
    if seen.delivered > seen.read:
        await reception.confirm(here, seen.delivered, read=False)
    if seen.read:
        await reception.confirm(here, seen.read, read=True)


@router.post(
    "/conversations/{conversation_id}/typing",
    status_code=204,
    dependencies=[Depends(may_say)],
    responses=examples.problems(401, 403, 429),
)
async def typing(typing: Typing, here: Shown, reception: AtReception) -> None:
    """The shopper writes: say so every few seconds while they do. It ends by itself."""
    reception.shopper_types(here, typing.on)


async def look_or_wait(
    reception: Reception, conversation_id: str, after: int, limit: int, wait: float
) -> Look:
    until = asyncio.get_running_loop().time() + wait
    with reception.listen(conversation_id) as news:
        while True:
            news.clear()
            look = await reception.look(conversation_id, after, limit=limit)
            left = until - asyncio.get_running_loop().time()
            if look.events or left <= 0:
                return look
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await news.wait()
