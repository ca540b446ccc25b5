"""What a shopper in the queue may be told: their place, and how long it takes."""

from backoffice.conversations.desk import repository
from backoffice.conversations.desk.domain import ALWAYS, Hours, expected_minutes
from backoffice.conversations.schemas import QueuePlace
from backoffice.kit.database import ReadSession
from backoffice.kit.messages import catalogue, message
from backoffice.kit.time import SHOP_ZONE, now, shop_date
from backoffice.staff import presence

RESOLVED_LAST = 20


async def queue_place(session: ReadSession, conversation_id: str, hours: Hours = ALWAYS) -> QueuePlace:
    """Where this conversation stands in the queue, and how long it takes until a person is there."""
    moment = now()
    ahead, waiting = await repository.place(session, conversation_id)
    place = QueuePlace(position=ahead + 1, waiting=waiting)
    if not hours.open_at(moment):
        place.opens_at = hours.next_opening(moment)
    elif ahead:
        agents = await presence.present(session, moment)
        handled = await repository.handled(session, RESOLVED_LAST)
        place.wait_minutes = expected_minutes(ahead, handled, len(agents))
    return place


def sentence(reason: str, place: QueuePlace) -> str:
    """What the shopper hears of a handoff: why, and how long until a person is there."""
    because = str(catalogue("conversations")["handoff"]["because"].get(reason, ""))
    if place.opens_at:
        day = "today" if shop_date(place.opens_at) == shop_date(now()) else "tomorrow"
        opens = f"{place.opens_at.astimezone(SHOP_ZONE):%H:%M}"
        return because + message("conversations", f"handoff.closed_until_{day}", opens=opens)
    ahead = place.position - 1
    if not ahead:
        return because + message("conversations", "handoff.first")
    if place.wait_minutes is None:
        return because + message("conversations", "handoff.queued", ahead=ahead)
    return because + message("conversations", "handoff.queued_for", ahead=ahead, minutes=place.wait_minutes)
