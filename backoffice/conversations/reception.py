"""Where channels come in: what a channel may ask of conversations."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import structlog
from fastapi import Depends
from starlette.requests import HTTPConnection

from backoffice.conversations import following, repository, service
from backoffice.conversations.delivery import service as delivery
from backoffice.conversations.delivery.dispatcher import Dispatcher
from backoffice.conversations.delivery.service import Claim
from backoffice.conversations.desk.domain import ALWAYS, Hours
from backoffice.conversations.ports import Channel, Window
from backoffice.conversations.schemas import Look, Opened
from backoffice.conversations.tokens import Tokens
from backoffice.conversations.turns import service as turns
from backoffice.conversations.turns.runner import TurnRunner
from backoffice.events.bus import Bus
from backoffice.kit.database import Database
from backoffice.kit.errors import Invalid
from backoffice.kit.time import now
from backoffice.users import identities

log = structlog.get_logger()

NOTICE_SECONDS = 10.0
NOTICED_AT_ONCE = 500
TYPING = "typing"
TYPING_SECONDS = 6.0
"""How long somebody counts as writing after the last sign of it."""


class News(asyncio.Event):
    """Set whenever there may be something new to look at; clear it before looking."""

    _typing_until = 0.0

    def typing_for(self) -> float:
        """Seconds for which an agent still counts as writing; 0: none does."""
        return max(0.0, self._typing_until - asyncio.get_running_loop().time())

    def agent_types(self, on: bool) -> None:
        self._typing_until = asyncio.get_running_loop().time() + TYPING_SECONDS if on else 0.0
        self.set()


@dataclass(frozen=True)
class Heard:
    """A shopper's message, as it stands in the transcript."""

    conversation_id: str
    event: int


class Reception:
    """Every channel's way to conversations; each call is a transaction of its own."""

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        turns: TurnRunner,
        bus: Bus,
        dispatcher: Dispatcher,
        hours: Hours = ALWAYS,
    ) -> None:
        self._database, self._tokens, self._turns = database, tokens, turns
        self._bus, self._dispatcher, self._hours = bus, dispatcher, hours
        self._listeners: defaultdict[str, set[News]] = defaultdict(set)
        bus.listen(self._signal)

    async def open(self, channel: str, customer_id: int | None) -> Opened:
        """A visitor's new conversation, or the customer's open one in this channel."""
        async with self._database.write() as session:
            conversation_id = await service.open(session, channel, customer_id)
        return Opened(conversation=conversation_id, token=self._tokens.sign_visitor(conversation_id))

    async def sign_in(self, conversation_id: str, customer_id: int) -> Opened:
        """A visitor's conversation becomes this customer's. See `following.sign_in`."""
        async with self._database.write() as session:
            await following.sign_in(session, conversation_id, customer_id)
        return Opened(conversation=conversation_id, token=self._tokens.sign_visitor(conversation_id))

    def identify(self, token: str) -> str:
        """The conversation a visitor token stands for. Raises `Unauthenticated`."""
        return self._tokens.read_visitor(token)

    async def receive(
        self, conversation_id: str, message_id: str, text: str, attachment: str | None = None
    ) -> int:
        """See `service.receive`; the bot's turn follows by itself."""
        return await self._receive(conversation_id, message_id, text, None, attachment)

    async def hear(
        self,
        channel: str,
        sender: str,
        message_id: str,
        text: str,
        *,
        command: str | None = None,
        attachment: str | None = None,
        window: Window | None = None,
        inline_until: datetime | None = None,
    ) -> Heard:
        """What a sender says in a channel that knows its senders, as `receive`; opens their conversation.

        `window` is what the message lets us push, `inline_until` when the request that brought it ends.
        """
        origin = service.From(channel, sender, self._dispatcher.pushes(channel), window, inline_until)
        async with self._database.write() as session:
            customer_id = await identities.customer_of(session, channel, sender)
            conversation_id = await service.conversation_of(session, channel, sender, customer_id)
            session.after_commit(lambda: self._turns.wake(conversation_id))
            event = await service.receive(
                session, conversation_id, message_id, text, command, attachment, origin
            )
        return Heard(conversation_id, event)

    async def answer_inline(self, heard: Heard, channel: Channel, until: datetime) -> Claim | None:
        """What the request that brought this message may carry back: all of the answer, if it fits and is
        there in time; call `settle` once it is sent. None: it is pushed, or a person answers later.
        """
        with self.listen(heard.conversation_id) as news:
            while True:
                news.clear()
                async with self._database.read() as reading:
                    at_work = await turns.at_work(reading, heard.conversation_id)
                left = (until - now()).total_seconds()
                if not at_work or left <= 0:
                    break
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await news.wait()
        async with self._database.write() as session:
            return await delivery.claim_inline(session, heard.conversation_id, heard.event, channel)

    async def settle(self, claimed: Claim, sent: bool) -> None:
        """Whether an inline answer went out; one that was cut off may have arrived."""
        async with self._database.write() as session:
            state, reason = ("sent", "") if sent else ("unknown", "cut_off")
            await delivery.settle(session, claimed, state, reason)

    async def take_back(self, claimed: Claim) -> None:
        """The request that was to carry the answer is gone: it is pushed, or carried by the next one."""
        async with self._database.write() as session:
            await delivery.take_back(session, claimed)

    async def open_window(self, channel: str, sender: str, window: Window) -> None:
        """An action of the sender's that is no message lets us push."""
        async with self._database.write() as session:
            await delivery.open_window(session, channel, sender, window)

    async def leave(self, channel: str, sender: str) -> None:
        """The sender wants nothing more of us there: pushes stop and deletion of their data is queued."""
        async with self._database.write() as session:
            await service.leave(session, channel, sender)

    async def confirm(self, conversation_id: str, through: int, read: bool) -> None:
        """See `delivery.confirm`."""
        async with self._database.write() as session:
            await delivery.confirm(session, conversation_id, through, read)

    def shopper_types(self, conversation_id: str, on: bool) -> None:
        """Show the people who look at this conversation that the shopper writes."""
        self._bus.signal(TYPING, conversation_id, {"who": "shopper", "on": on})

    async def press(self, conversation_id: str, message_id: str, payload: str) -> int:
        """A pressed button, as `receive`. Raises `Invalid` (`bad_button`) for one that is not ours."""
        try:
            pressed = self._tokens.read_button(conversation_id, payload)
        except Invalid:
            moved_to = (await self.look(conversation_id)).moved_to
            if moved_to is None:
                raise
            pressed = self._tokens.read_button(moved_to, payload)
        return await self._receive(conversation_id, message_id, pressed.label, pressed.command)

    async def _receive(
        self,
        conversation_id: str,
        message_id: str,
        text: str,
        command: str | None,
        attachment: str | None = None,
    ) -> int:
        async with self._database.write() as session:
            session.after_commit(lambda: self._turns.wake(conversation_id))
            return await service.receive(session, conversation_id, message_id, text, command, attachment)

    async def look(
        self,
        conversation_id: str,
        after: int = 0,
        before: int | None = None,
        limit: int = service.EVENTS_AT_ONCE,
    ) -> Look:
        """See `service.look`."""
        async with self._database.read() as session:
            return await service.look(session, conversation_id, after, before, limit, self._hours)

    async def run(self) -> None:
        """Notice what no signal told of those that somebody looks at, every ten seconds, until cancelled."""
        known: dict[str, Sequence[Any]] = {}
        while True:
            await asyncio.sleep(NOTICE_SECONDS)
            try:
                known = await self.notice(known)
            except Exception as error:
                log.error("notice_failed", error=repr(error))

    async def notice(self, known: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Tell who listens where something differs from what was `known`; how it stands now, by conversation.

        In the queue the place may differ any time.
        """
        ids = list(self._listeners)
        stands: dict[str, Sequence[Any]] = {}
        for start in range(0, len(ids), NOTICED_AT_ONCE):
            async with self._database.read() as session:
                stands |= await repository.standings(session, ids[start : start + NOTICED_AT_ONCE])
        for conversation_id, standing in stands.items():
            if known.get(conversation_id) != standing or "queue" in standing:
                for news in self._listeners.get(conversation_id, ()):
                    news.set()
        return stands

    @contextmanager
    def listen(self, *conversation_ids: str) -> Iterator[News]:
        """What tells when to look at these conversations again."""
        news = News()
        for each in conversation_ids:
            self._listeners[each].add(news)
        try:
            yield news
        finally:
            for each in set(conversation_ids):
                self._listeners[each].discard(news)
                if not self._listeners[each]:
                    del self._listeners[each]

    def _signal(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        for news in self._listeners.get(key, ()):
            if topic == service.TOPIC:
                news.set()
            elif topic == TYPING and payload["who"] == "agent":
                news.agent_types(payload["on"])


async def reception_of(connection: HTTPConnection) -> Reception:
    reception: Reception = connection.app.state.reception
    return reception


AtReception = Annotated[Reception, Depends(reception_of)]
