"""Shoppers are told in their conversation when money goes back of itself, and when a refund has arrived."""

from backoffice.conversations import service
from backoffice.conversations.desk import repository
from backoffice.conversations.news import News
from backoffice.conversations.schemas import Bubble
from backoffice.events.schemas import Event
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.trade.payments.schemas import method_label

TOPICS = ("payment.returned", "refund.settled")
SCOPE = "payment_news"


def payment_news(database: Database) -> News:
    """To be subscribed to the relay."""
    return News(database, SCOPE, TOPICS, tell)


async def tell(session: WriteSession, event: Event) -> int | None:
    """The number of the line in the transcript; None for nobody to tell."""
    told = event.payload
    conversation_id = await repository.concerned(session, f"customer:{told['customer_id']}")
    if conversation_id is None:
        return None
    returned = event.topic == "payment.returned"
    text = message(
        "conversations",
        f"payment_news.{told['reason'] if returned else 'settled'}",
        tail=str(told["order_number"])[-4:],
        amount=yuan(told["amount_fen"]),
        way=method_label(told["method"]),
        number=told["number"],
    )
    return await service.append(session, conversation_id, "system", Bubble(text=text))
