"""Shoppers are told in their conversation what becomes of their goods: one line for each piece of news."""

from typing import Any

from backoffice.conversations import service
from backoffice.conversations.desk import repository
from backoffice.conversations.news import News
from backoffice.conversations.schemas import Bubble
from backoffice.events.schemas import Event
from backoffice.fulfillment import pickups
from backoffice.fulfillment.service import carrier_label
from backoffice.kit.database import Database, ReadSession, WriteSession
from backoffice.kit.messages import message
from backoffice.kit.time import SHOP_ZONE
from backoffice.trade import service as trade

SENTENCES = {
    "parcel.shipped": "sent",
    "parcel.out_for_delivery": "out_for_delivery",
    "parcel.lost": "lost",
    "fulfilment.ready_for_pickup": "ready",
    "fulfilment.late": "late",
    "pickup.expired": "expired",
}
"""What is told, by topic."""
SCOPE = "parcel_news"


def parcel_news(database: Database) -> News:
    """To be subscribed to the relay."""
    return News(database, SCOPE, SENTENCES, tell)


async def tell(session: WriteSession, event: Event) -> int | None:
    """The number of the line in the transcript; None when there is nobody or nothing to tell any more."""
    owner = await trade.owner(session, event.payload["order_id"])
    if owner is None:
        return None
    customer_id, number = owner
    conversation_id = await repository.concerned(session, f"customer:{customer_id}")
    facts = await facts_of(session, event)
    if conversation_id is None or facts is None:
        return None
    text = message("conversations", f"news.{SENTENCES[event.topic]}", tail=number[-4:], **facts)
    return await service.append(session, conversation_id, "system", Bubble(text=text))


async def facts_of(session: ReadSession, event: Event) -> dict[str, Any] | None:
    """What the sentence names; None when there is none to say: whatever is accepted late can still leave in
    time, and a code that is not valid any more helps nobody.
    """
    told = event.payload
    if event.topic.startswith("parcel."):
        return {"carrier": carrier_label(told["carrier"]), "number": told["number"]}
    if event.topic == "fulfilment.ready_for_pickup":
        waiting = (await pickups.waiting(session, [told["order_id"]]))[told["order_id"]]
        for pickup in waiting:
            if pickup.fulfilment_id == told["fulfilment_id"]:
                until = pickup.hold_until.astimezone(SHOP_ZONE)
                return pickup.model_dump() | {"until": f"{until.month}月{until.day}日{until:%H:%M}"}
        return None
    return None if told.get("stage") == "accept" else {}
