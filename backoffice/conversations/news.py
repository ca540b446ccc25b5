"""What shoppers are told in their conversation of its own accord: one line for each event, never twice."""

from collections.abc import Awaitable, Callable, Iterable

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.kit import idempotency
from backoffice.kit.database import Database, WriteSession

Tell = Callable[[WriteSession, Event], Awaitable[int | None]]


class News:
    """Takes what the relay passes on of these topics; `scope` tells one kind of news from another.

    `tell` says it where the customer wrote last and returns the number of the line, or None for nothing said.
    """

    def __init__(self, database: Database, scope: str, topics: Iterable[str], tell: Tell) -> None:
        self._database, self._scope, self._topics, self._tell = database, scope, topics, tell

    def subscribe(self, relay: Relay) -> None:
        for topic in self._topics:
            relay.subscribe(topic, self.take)

    async def take(self, event: Event) -> None:
        """An event that comes again is not told again."""
        async with self._database.write() as session:

            async def once() -> int | None:
                return await self._tell(session, event)

            await idempotency.once(session, self._scope, str(event.id), event.topic, once)
