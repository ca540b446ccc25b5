"""What crosses the API of conversations."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backoffice.kit.examples import example
from backoffice.kit.fields import Text
from backoffice.staff.schemas import Skill

Owner = Literal["bot", "queue", "agent"]
Status = Literal["open", "snoozed", "resolved"]
CaseKind = Literal[
    "complaint",
    "feedback",
    "privacy",
    "not_received",
    "wrong_item",
    "defective",
    "price_protection",
    "repair",
]


class Button(BaseModel):
    """`payload` is signed and good for its conversation only."""

    label: str
    payload: str


class Bubble(BaseModel):
    """What is said in one piece; `attachment` is the id of a picture that was stored before."""

    text: str
    buttons: list[Button] = []
    card: dict[str, Any] | None = None
    attachment: str | None = None


class AttachmentView(BaseModel):
    """A stored picture, as a message may name it by `id`; `size` in bytes, the rest in pixels."""

    id: str
    media_type: str
    size: int
    width: int
    height: int
    name: str


class EventView(Bubble):
    """One line of a transcript; `id` counts 1, 2, 3 … within the conversation."""

    model_config = ConfigDict(populate_by_name=True)

    id: int
    at: datetime
    author: Literal["shopper", "bot", "system", "agent"] = Field(alias="from")
    client_id: str | None = Field(default=None, description="the id its sender gave a shopper's message")
    staff_id: int | None = Field(default=None, description="which agent said it")


class Face(BaseModel):
    """How a shopper sees an agent: `avatar` is an emoji, or empty, `colour` (#rrggbb) is behind it."""

    name: str
    avatar: str
    colour: str


class QueuePlace(BaseModel):
    position: int = Field(description="1 is next")
    waiting: int = Field(description="conversations in the queue, this one included")
    wait_minutes: int | None = Field(default=None, description="expected; none: nobody can tell")
    opens_at: datetime | None = Field(default=None, description="when people are back; none: they are here")


class Look(BaseModel):
    """A conversation as it stands: the events after the one asked for, oldest first."""

    events: list[EventView]
    owner: Owner
    typing: bool
    last: int = Field(description="number of the newest event")
    status: Status = "open"
    agent_id: int | None = Field(default=None, description="who answers; none: no person does")
    queue: QueuePlace | None = Field(default=None, description="while it waits for a person")
    people: dict[int, Face] = Field(default={}, description="the agents in these events, and who answers")
    delivered: int = Field(default=0, description="the shopper's device has the events up to this number")
    read: int = Field(default=0, description="the shopper has read up to this number")
    seen: int = Field(default=0, description="the agent has read up to this number")
    moved_to: str | None = Field(default=None, description="the conversation this one was merged into")


class HistoryLine(EventView):
    """A line of one of the customer's conversations; `id` is its number there."""

    conversation: str
    channel: str


class History(BaseModel):
    """Oldest first; `older` is what to ask `before` for the page that comes before this one."""

    lines: list[HistoryLine]
    older: str | None


class Opened(BaseModel):
    conversation: str
    token: str = Field(description="visitor token: good for this conversation only")


class HandoffRequest(BaseModel):
    model_config = example(reason="asked", skill="return")

    reason: Text = Field(default="asked", max_length=40)
    skill: Skill | Literal[""] = Field(default="", description="which people it is for; empty: any")


class CaseRequest(BaseModel):
    model_config = example(
        kind="not_received", text="显示已签收，但我没有收到包裹", order_number="2611220000000019"
    )

    kind: CaseKind
    text: str = Field(min_length=1, max_length=4000)
    order_number: Text = Field(default="", max_length=16)


class CaseView(BaseModel):
    number: str
    kind: str
    kind_label: str
    text: str
    order_number: str
    state: str
    at: datetime


class Cases(BaseModel):
    cases: list[CaseView]


class Summary(BaseModel):
    """A conversation in a list of the people who work here.

    `agent_id` has it, or had it last; `unread` are the shopper's lines its agent has not seen;
    `waiting_since` is the oldest message that people have not answered.
    """

    id: str
    channel: str
    owner: Owner
    status: Status = "open"
    agent_id: int | None = None
    reason: str
    skill: str = ""
    priority: int = 0
    tags: list[str] = []
    customer_id: int | None
    last_event: int = 0
    last_line: str
    last_author: str = ""
    unread: int = 0
    queued_at: datetime | None
    waiting_since: datetime | None = None
    snoozed_until: datetime | None = None
    escalated: bool = False
    merged_into: str | None = None
    updated_at: datetime
