"""What the backend of the shop's own app is told of conversations that are answered there."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from backoffice.conversations import repository
from backoffice.conversations.schemas import EventView, Owner
from backoffice.conversations.service import OWNERSHIP, TOPIC, event_view
from backoffice.events.schemas import Event, Notice
from backoffice.kit.database import ReadSession

CHANNEL = "app"
MESSAGE = "message.created"
KINDS = {
    "handed_over": "conversation.handed_over",
    "taken_over": "conversation.handed_over",
    "given_back": "conversation.given_back",
    "resolved": "conversation.resolved",
}
TOPICS = {TOPIC: {MESSAGE}, OWNERSHIP: set(KINDS.values())}
"""What is published on which topic of the relay becomes which topics of webhooks."""


class About(BaseModel):
    conversation: str
    customer_id: int | None = Field(description="none: a visitor")


class Line(EventView):
    """A line of the transcript."""


class MessageCreated(About):
    """A line that the shopper did not write."""

    message: Line


class OwnerChanged(About):
    """`owner` has it now; `reason` is a short code, e.g. `asked`, `upset`, `bot_down`."""

    reason: str
    owner: Owner


async def notices(session: ReadSession, event: Event) -> Sequence[Notice]:
    """Each line that the shopper did not write, and each change between bot and people. Most events of a
    conversation are neither.
    """
    kind = KINDS.get(event.payload.get("kind", ""))
    first, last = event.payload.get("first", 0), event.payload.get("event", 0)
    if not kind and not first:
        return []
    found = await repository.look(session, event.key, first - 1, last - first + 1)
    if found is None:
        return []
    conversation, lines = found
    if conversation.answer_channel != CHANNEL:
        return []
    about = {"conversation": conversation.id, "customer_id": conversation.customer_id}
    if kind:
        if event.payload["from"] != "bot" and kind == KINDS["handed_over"]:
            return []
        changed = OwnerChanged(**about, reason=event.payload["reason"], owner=event.payload["to"])
        return [Notice(kind, changed.model_dump(mode="json"))]
    said = [event_view(line).model_dump() for line in lines if line.author != "shopper"]
    told = [MessageCreated(**about, message=Line(**line)) for line in said]
    return [Notice(MESSAGE, each.model_dump(mode="json", by_alias=True)) for each in told]
