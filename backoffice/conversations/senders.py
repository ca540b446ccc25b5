"""What a channel that knows its senders, as WeChat does, may ask besides `Reception`."""

from backoffice.conversations import repository, service
from backoffice.conversations.delivery.dispatcher import Dispatcher
from backoffice.conversations.ports import Window
from backoffice.conversations.reception import Heard
from backoffice.conversations.schemas import Bubble, Look
from backoffice.conversations.service import From
from backoffice.conversations.tokens import Pressed, Tokens
from backoffice.kit import idempotency
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.messages import message
from backoffice.kit.time import now
from backoffice.users import identities

NEWEST_LINES = 20


class Senders:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database, tokens: Tokens, dispatcher: Dispatcher) -> None:
        self._database, self._tokens, self._dispatcher = database, tokens, dispatcher

    async def open(self, channel: str, sender: str) -> str:
        """The id of the conversation of this sender, opened when they never wrote before."""
        async with self._database.write() as session:
            customer_id = await identities.customer_of(session, channel, sender)
            return await service.conversation_of(session, channel, sender, customer_id)

    async def newest(self, channel: str, sender: str, since: int | None = None) -> tuple[str, Look] | None:
        """The conversation of this sender with its lines from `since` on, or its newest twenty."""
        async with self._database.read() as session:
            conversation_id = await repository.of_sender(session, channel, sender)
            if conversation_id is None:
                return None
            look = await service.look(session, conversation_id, 2**31 - 1)
            after = look.last - NEWEST_LINES if since is None else since - 1
            return conversation_id, await service.look(session, conversation_id, max(after, 0))

    async def answers_to(self, conversation_id: str) -> tuple[str, str]:
        """Channel and sender where a conversation is answered; empty for one that is not there."""
        async with self._database.read() as session:
            found = await repository.find(session, conversation_id)
            return (found.answer_channel, found.answer_sender) if found else ("", "")

    def read_button(self, conversation_id: str, payload: str) -> Pressed:
        """What a button of this conversation means. Raises `Invalid` (`bad_button`)."""
        return self._tokens.read_button(conversation_id, payload)

    async def come_back(self, channel: str, sender: str) -> None:
        """The sender wants to hear of us, again or for the first time."""
        async with self._database.write() as session:
            await identities.come_back(session, channel, sender)

    async def bind(
        self, channel: str, sender: str, message_id: str, code: str, window: Window | None = None
    ) -> Heard:
        """Use a code that a customer was given: the sender is that customer, or is told why not.

        A repeat of the message changes nothing and tells nothing more.
        """
        origin = From(channel, sender, self._dispatcher.pushes(channel), window)
        async with self._database.write() as session:

            async def try_code() -> list[object]:
                return list(await bind(session, origin, code))

            scope = f"{channel}:{sender}"
            conversation_id, event = await idempotency.once(session, scope, message_id, "bind", try_code)
        return Heard(conversation_id, event)


async def bind(session: WriteSession, origin: From, code: str) -> tuple[str, int]:
    """Try a code and say how it ended; the conversation and the number of that line."""
    bound = await identities.bind(session, origin.channel, origin.sender, code)
    customer_id = await identities.customer_of(session, origin.channel, origin.sender)
    conversation_id = await service.conversation_of(session, origin.channel, origin.sender, customer_id)
    moment = now()
    conversation = await repository.number(session, conversation_id, 0, moment)
    if conversation is not None:
        await service.hear_from(session, conversation, origin, moment)
    outcome = "limited" if bound.limited else "bound" if bound.customer_id else "wrong"
    told = Bubble(text=message("conversations", f"binding.{outcome}"))
    return conversation_id, await service.append(session, conversation_id, "system", told)
