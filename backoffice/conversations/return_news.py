"""Shoppers are told in their conversation how far what they send back is: one line for each step."""

from backoffice.conversations import service
from backoffice.conversations.desk import repository
from backoffice.conversations.news import News
from backoffice.conversations.schemas import Bubble
from backoffice.events.schemas import Event
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.messages import message
from backoffice.returns import handling

STEPS = ("picked_up", "dropped", "received", "refunded", "exchanged", "rejected")
SENTENCES = {f"return.{step}": "step" for step in STEPS} | {
    "return.reminded": "reminded",
    "return.expired": "expired",
}
"""What is told, by topic."""
SCOPE = "return_news"


def return_news(database: Database) -> News:
    """To be subscribed to the relay."""
    return News(database, SCOPE, SENTENCES, tell)


async def tell(session: WriteSession, event: Event) -> int | None:
    """The number of the line in the transcript; None for nobody to tell, or a step that is past already."""
    conversation_id = await repository.concerned(session, f"customer:{event.payload['customer_id']}")
    case = await handling.shown(session, event.payload["number"])
    past = SENTENCES[event.topic] == "step" and event.topic != f"return.{case.state}"
    if conversation_id is None or past or (event.topic == "return.reminded" and case.state != "approved"):
        return None
    text = message(
        "conversations",
        f"return_news.{SENTENCES[event.topic]}",
        tail=case.order_number[-4:],
        kind=case.kind_label,
        number=case.number,
        state=case.state_label,
        next=case.next,
    )
    return await service.append(session, conversation_id, "system", Bubble(text=text))
