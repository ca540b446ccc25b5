"""The verbs of the bot's turns. Session first, no commit inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backoffice.conversations import repository as transcript
from backoffice.conversations.domain import hear
from backoffice.conversations.ports import Heard, Reading
from backoffice.conversations.schemas import Bubble
from backoffice.conversations.service import append, write
from backoffice.conversations.turns import repository
from backoffice.kit import fencing
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import StaleTurn
from backoffice.kit.fencing import Fence
from backoffice.kit.ids import secret_id
from backoffice.kit.time import now
from backoffice.knowledge import use as knowledge
from backoffice.users.identity import conversation_fence

ARTICLE = "article"
UNANSWERED_AFTER = timedelta(seconds=1)


@dataclass(frozen=True)
class Turn:
    """The bot's turn to answer `text`, of which the newest line was said at `sent_at`.

    `lease_until` tells this holder of the turn from a later one; `missed` was said with people before.
    """

    id: str
    conversation_id: str
    channel: str
    customer_id: int | None
    epoch: int
    lease_until: datetime
    text: str
    sent_at: datetime
    missed: Sequence[Heard] = ()

    @property
    def fence(self) -> Fence:
        return conversation_fence(self.conversation_id, self.epoch)


async def begin_turn(session: WriteSession, conversation_id: str, lease: timedelta) -> Turn | None:
    """Claim the bot's next turn; None when there is nothing to hear, or it is not the bot's to answer.

    A turn that somebody left behind is begun again under its own id, hearing what it heard.
    """
    moment = now()
    until = moment + lease
    conversation = await repository.claim_turn(session, conversation_id, secret_id(), until)
    if conversation is not None and conversation.turn_id:
        turn_id = conversation.turn_id
        said = await repository.said(session, conversation_id, None)
        if not said:
            await repository.drop_turn(session, conversation_id, turn_id)
            return None
        heard, text = hear(said)
        await transcript.mark_heard(session, conversation_id, turn_id, heard)
    else:
        conversation = await repository.reclaim_turn(session, conversation_id, moment, until)
        if conversation is None or not conversation.turn_id:
            return None
        turn_id = conversation.turn_id
        said = await repository.said(session, conversation_id, turn_id)
        heard, text = hear(said)
    epoch = await fencing.current_epoch(session, conversation_fence(conversation_id, 0).name)
    missed = await repository.missed(session, conversation_id, said[0].event) if epoch > 1 else []
    return Turn(
        id=turn_id,
        conversation_id=conversation_id,
        channel=conversation.channel,
        customer_id=conversation.customer_id,
        epoch=epoch,
        lease_until=until,
        text=text,
        sent_at=said[len(heard) - 1].at,
        missed=[Heard("agent" if author == "agent" else "shopper", text) for author, text in missed],
    )


async def say(session: WriteSession, turn: Turn, bubble: Bubble) -> int:
    """A line of the bot during its turn. Raises `StaleTurn` when the conversation was handed over."""
    await fencing.require(session, turn.fence)
    return await append(session, turn.conversation_id, "bot", bubble, epoch=turn.epoch, turn_id=turn.id)


@dataclass(frozen=True)
class Ended:
    """How a turn ended: turns in a row without an answer, and whether something waits to be heard."""

    failures: int
    more: bool


async def end_turn(session: WriteSession, turn: Turn, bubbles: list[Bubble]) -> Ended:
    """End a turn with all the bot has to say.

    Raises `StaleTurn` when the conversation was handed over or somebody else took up the turn.
    """
    await fencing.require(session, turn.fence)
    ended = await repository.end_turn(
        session, turn.conversation_id, turn.id, turn.lease_until, len(bubbles), now()
    )
    if ended is None:
        raise StaleTurn
    conversation, more = ended
    if bubbles:
        await write(session, conversation, "bot", bubbles, epoch=turn.epoch, turn_id=turn.id)
    await knowledge.count_shown(session, articles_in(bubbles))
    return Ended(conversation.failed_turns, more)


def articles_in(bubbles: list[Bubble]) -> set[str]:
    """The slugs of the articles that bubbles answer with."""
    cards = [bubble.card for bubble in bubbles if bubble.card]
    return {str(card.get("slug"))[:60] for card in cards if card.get("type") == ARTICLE}


async def keep_reading(session: WriteSession, turn: Turn, reading: Reading) -> None:
    """Keep what the bot understood in a turn, and what it did; a turn that is repeated is kept once."""
    await repository.keep_reading(session, turn.id, turn.conversation_id, reading, now())


async def at_work(session: ReadSession, conversation_id: str) -> bool:
    """Whether the bot answers there, or something waits for it to."""
    return await repository.at_work(session, conversation_id)


async def release_turn(session: WriteSession, turn: Turn) -> None:
    """Leave a turn to whoever takes it up, at once."""
    await repository.shorten_lease(
        session, turn.conversation_id, turn.id, turn.lease_until, now() - timedelta(seconds=1)
    )


async def waiting_turns(session: ReadSession) -> list[str]:
    """Conversations in which a turn was left behind or a message waits though nobody is at work."""
    moment = now()
    return await repository.to_run(session, moment, moment - UNANSWERED_AFTER)
