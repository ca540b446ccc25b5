"""Shoppers are told in their conversation when their goods come from elsewhere, or cannot be sent at all."""

from backoffice.conversations import service
from backoffice.conversations.desk import repository
from backoffice.conversations.news import News
from backoffice.conversations.schemas import Bubble
from backoffice.events.schemas import Event
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.trade.lifecycle import cancelling, sourcing

TOPICS = (sourcing.MOVED, cancelling.PIECES_CANCELLED, cancelling.GIVEN_UP)
SCOPE = "order_news"


def order_news(database: Database) -> News:
    """To be subscribed to the relay."""
    return News(database, SCOPE, TOPICS, tell)


async def tell(session: WriteSession, event: Event) -> int | None:
    """The number of the line in the transcript; None for nobody to tell."""
    told = event.payload
    conversation_id = await repository.concerned(session, f"customer:{told['customer_id']}")
    if conversation_id is None:
        return None
    sentence = told.get("reason", "moved")
    if event.topic == cancelling.PIECES_CANCELLED:
        sentence = f"pieces_{sentence}"
    amount = yuan(told.get("amount_fen", 0))
    tail = str(told["number"])[-4:]
    text = message("conversations", f"order_news.{sentence}", tail=tail, amount=amount)
    return await service.append(session, conversation_id, "system", Bubble(text=text))
