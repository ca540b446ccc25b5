"""What webhooks are posted of conversations, for the page at /docs."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Body, Header
from pydantic import BaseModel, Field

from backoffice.conversations.announcements import KINDS, MESSAGE, MessageCreated, OwnerChanged
from integrations.channels import examples

T = TypeVar("T", bound=BaseModel)

router = APIRouter(tags=["webhooks"])


class Posted(BaseModel, Generic[T]):
    """`id` is the same when it is posted again. `truncated`: the data was too large and is to be fetched."""

    id: str
    topic: str
    at: datetime
    data: T
    truncated: bool = Field(default=False)


Signature = Annotated[
    str,
    Header(description="t=<unix seconds>,v1=<hex HMAC-SHA256 of `<t>.<body>`>, a `v1` for each valid secret"),
]


@router.post(MESSAGE)
async def message(
    posted: Annotated[Posted[MessageCreated], Body(examples=[examples.MESSAGE_POSTED])],
    x_xiaoer_signature: Signature,
) -> None:
    """Something was said to a shopper in the app. Answer 2xx within 5 seconds, else it is posted again."""


async def change(
    posted: Annotated[Posted[OwnerChanged], Body(examples=[examples.CHANGE_POSTED])],
    x_xiaoer_signature: Signature,
) -> None:
    """A conversation of the app went from the bot to people, back to it, or was resolved."""


for topic in sorted(set(KINDS.values())):
    router.post(topic)(change)
