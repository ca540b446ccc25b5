"""What happens elsewhere and changes a conversation: its sender is bound to a customer or parted from one, an
order of theirs is held back.
"""

from typing import Any

from backoffice.conversations import repository as transcript
from backoffice.conversations import service
from backoffice.conversations.delivery import repository as delivery_repository
from backoffice.conversations.desk import repository
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.domain import Hours
from backoffice.conversations.turns import repository as turns
from backoffice.events import service as events
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.kit import fencing
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.settings import Settings
from backoffice.users import identities
from backoffice.users.identity import conversation_fence


class Following:
    """Takes what the relay passes on; every step may be taken twice."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._hours = database, Hours.parse(settings.service_hours)

    def subscribe(self, relay: Relay) -> None:
        relay.subscribe("identity", self.identity)
        relay.subscribe("risk_hold", self.risk_hold)

    async def identity(self, event: Event) -> None:
        """The sender's conversation belongs to whom they are now, whatever the event says they were then."""
        channel, sender = event.payload["channel"], event.payload["sender"]
        async with self._database.write() as session:
            conversation_id = await repository.own_of_sender(session, channel, sender)
            if conversation_id is not None:
                customer_id = await identities.customer_of(session, channel, sender)
                await belongs_to(session, conversation_id, customer_id)

    async def risk_hold(self, event: Event) -> None:
        """Keyed by a conversation or a customer: people take the conversation it is about."""
        async with self._database.write() as session:
            conversation_id = await repository.concerned(session, event.key)
            if conversation_id is not None:
                await service.hand_over(session, conversation_id, "risk_hold", self._hours)


async def sign_in(session: WriteSession, conversation_id: str, customer_id: int) -> None:
    """A visitor has signed in: their conversation is this customer's.

    Raises `NotFound`, or `Conflict` (`another_customer`) for somebody else's: a new one is to be opened.
    """
    found = await transcript.find(session, conversation_id)
    if found is not None:
        owned = await identities.customer_of(session, found.channel, found.sender) or found.customer_id
        if owned not in (None, customer_id):
            raise Conflict("another_customer", "this conversation belongs to another customer")
        if found.customer_id != customer_id:
            await identities.bind_to(session, found.channel, found.sender, customer_id, "sign_in")
    await belongs_to(session, conversation_id, customer_id)


async def belongs_to(session: WriteSession, conversation_id: str, customer_id: int | None) -> None:
    """Whose conversation it is from now on. Raises `NotFound` or `Conflict` (`merged_meanwhile`): try again.

    Whoever it belonged to is parted from it: a turn under way can do and say nothing more as them, what it
    heard is heard again, and no line goes any more to or from another conversation of theirs.
    """
    family = await repository.family(session, conversation_id) or [conversation_id]
    held = {each: await desk.hold(session, each) for each in family}[conversation_id]
    if await repository.family(session, conversation_id) != family:
        raise Conflict("merged_meanwhile", "try again")
    if held.customer_id == customer_id:
        return
    values: dict[str, Any] = {"customer_id": customer_id}
    if held.customer_id is not None:
        await fencing.raise_fence(session, conversation_fence(conversation_id, 0).name)
        await delivery_repository.withhold(session, conversation_id, "unbound", ["bot"])
        if held.turn_id:
            await turns.unhear(session, conversation_id, held.turn_id)
        await repository.part(session, held)
        values |= {"turn_id": None, "turn_until": None, "merged_into": None}
        await service.log_change(session, conversation_id, "unbound", held.owner, held.owner)
    await repository.set_values(session, conversation_id, **values)
    await events.publish(session, service.TOPIC, conversation_id, {"customer_id": customer_id})
