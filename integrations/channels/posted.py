"""What webhooks are posted, for the page at /docs."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Body, Header
from pydantic import BaseModel, Field

from backoffice.conversations.announcements import KINDS, MESSAGE, MessageCreated, OwnerChanged
from backoffice.inventory.alerts import LOW, RECOVERED
from backoffice.inventory.feed import CHANGED
from backoffice.inventory.stock_schemas import CoverChange, StockChange
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


@router.post(CHANGED)
async def stock(
    posted: Annotated[Posted[StockChange], Body(examples=[examples.STOCK_POSTED])],
    x_xiaoer_signature: Signature,
) -> None:
    """What channels may sell of a SKU changed at a location: the figures of now, in order for each SKU."""


async def cover(
    posted: Annotated[Posted[CoverChange], Body(examples=[examples.COVER_POSTED])],
    x_xiaoer_signature: Signature,
) -> None:
    """What is free of a SKU at a location sells out within days, or lasts long enough again."""


for topic in (LOW, RECOVERED):
    router.post(topic)(cover)
