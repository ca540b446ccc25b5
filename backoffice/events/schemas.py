"""What a consumer is told, and what crosses the API of webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from backoffice.kit.examples import example

DeliveryState = Literal["queued", "sending", "delivered", "dead"]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\x00-\x20@]+$", max_length=500)]
Topics = Annotated[list[Annotated[str, Field(max_length=60)]], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class Event:
    """`id` grows within a key; an event may come more than once, with the same id."""

    id: int
    topic: str
    key: str
    payload: dict[str, Any]
    attempts: int = 0


@dataclass(frozen=True)
class Notice:
    """What the outside is told of an event: a topic that webhooks name, and data that JSON holds."""

    topic: str
    data: dict[str, Any]


class NewWebhook(BaseModel):
    model_config = example(
        url="https://app.example.com/hooks/xiaoer", topics=["message.created", "stock.changed"]
    )

    url: Address
    topics: Topics


class WebhookChange(BaseModel):
    """What is not named stays. An inactive webhook is told nothing; what waits for it waits on."""

    model_config = example(topics=["message.created"], active=False)

    url: Address | None = None
    topics: Topics | None = None
    active: bool | None = None


class WebhookView(BaseModel):
    id: str
    url: str
    topics: list[str]
    active: bool
    created_at: datetime
    rotated_at: datetime | None
    waiting: int = Field(description="deliveries on their way")
    dead: int = Field(description="deliveries that were given up")


class WebhookSecret(BaseModel):
    """The secret that signs what is sent; the one before it signs too until `previous_until`."""

    secret: str
    previous_until: datetime | None


class WebhookMade(WebhookView, WebhookSecret):
    pass


class Webhooks(BaseModel):
    webhooks: list[WebhookView]
    topics: list[str] = Field(description="what webhooks can be told of")


class WebhookDeliveryView(BaseModel):
    """`status` is that of the last answer; none: there was no answer, `reason` says why."""

    id: int
    webhook_id: str
    event_id: str
    topic: str
    key: str
    state: DeliveryState
    attempts: int
    status: int | None
    reason: str
    at: datetime
    due_at: datetime
    delivered_at: datetime | None


class WebhookDeliveries(BaseModel):
    deliveries: list[WebhookDeliveryView]
    total: int


class Replay(BaseModel):
    """Which deliveries are sent again: those since then, given up or, if asked for, delivered ones too."""

    model_config = example(since="2026-11-27T10:00:00Z", delivered_too=False)

    since: datetime
    delivered_too: bool = False


class Replayed(BaseModel):
    replayed: int
