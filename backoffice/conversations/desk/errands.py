"""Errands that a person does for the shopper they are talking with: through the verbs the bot uses.

Each is done once per confirmation, leaves a line for the shopper and an entry in the audit, and does nothing
after the conversation has passed to somebody else.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from backoffice.conversations import repository, service
from backoffice.conversations.schemas import Bubble
from backoffice.events import audit
from backoffice.kit import fencing, idempotency
from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.messages import message
from backoffice.kit.money import yuan
from backoffice.returns import service as returns
from backoffice.returns.schemas import AskReturn, ReturnView
from backoffice.settings import Settings
from backoffice.staff.schemas import StaffView
from backoffice.trade import service as trade
from backoffice.trade.payments import refunding
from backoffice.trade.schemas import NewAddress, OrderView, RefundView
from backoffice.users.identity import Shopper, conversation_fence

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Confirmed:
    """What a person confirmed: `epoch` of the conversation as they saw it, `key` one per confirmation."""

    by: StaffView
    conversation_id: str
    epoch: int
    key: str
    reason: str = ""


def refund_limit(settings: Settings, member: StaffView) -> int:
    """How much goodwill this person may give for one order, in fen."""
    if member.role == "agent":
        return settings.agent_refund_limit_fen
    return settings.supervisor_refund_limit_fen


async def cancel_order(session: WriteSession, confirmed: Confirmed, number: str) -> OrderView:
    """See `trade.cancel`; raises what it raises and what `do` does."""

    async def verb(shopper: Shopper) -> OrderView:
        return await trade.cancel(session, shopper, number, confirmed.reason)

    line = message("conversations", "errand.cancelled", tail=number[-4:])
    return await do(session, confirmed, OrderView, "order_cancelled", number, line, verb)


async def change_address(
    session: WriteSession, confirmed: Confirmed, number: str, wanted: NewAddress
) -> OrderView:
    """See `trade.change_address`; raises what it raises and what `do` does."""

    async def verb(shopper: Shopper) -> OrderView:
        return await trade.change_address(session, shopper, number, wanted)

    line = message("conversations", "errand.address", tail=number[-4:])
    return await do(session, confirmed, OrderView, "address_changed", number, line, verb)


async def open_return(
    session: WriteSession, confirmed: Confirmed, number: str, asked: AskReturn
) -> ReturnView:
    """See `returns.ask`; raises what it raises and what `do` does."""

    async def verb(shopper: Shopper) -> ReturnView:
        return await returns.ask(session, shopper, number, asked)

    line = message("conversations", f"errand.{asked.kind}", tail=number[-4:])
    return await do(session, confirmed, ReturnView, "return_opened", number, line, verb)


async def refund(
    session: WriteSession, confirmed: Confirmed, number: str, amount_fen: int, limit_fen: int
) -> RefundView:
    """Goodwill; see `refunding.compensate`; raises what it raises and what `do` does."""

    async def verb(shopper: Shopper) -> RefundView:
        return await refunding.compensate(session, shopper, number, amount_fen, limit_fen)

    line = message("conversations", "errand.refund", tail=number[-4:], amount=yuan(amount_fen))
    return await do(session, confirmed, RefundView, "refund_given", number, line, verb)


async def do(
    session: WriteSession,
    confirmed: Confirmed,
    answer: type[T],
    action: str,
    number: str,
    line: str,
    verb: Callable[[Shopper], Awaitable[T]],
) -> T:
    """Run a verb for the conversation's shopper, with its line and its audit; a repeat gets the same answer.

    Raises `StaleTurn` when the conversation changed hands since `epoch`, `Conflict` (`take_it_first`) when
    it is not this person's.
    """

    async def once() -> object:
        shopper = await shopper_of(session, confirmed)
        done = await verb(shopper)
        await audit.record(
            session,
            confirmed.by.id,
            action,
            f"order:{number}",
            confirmed.reason,
            conversation=confirmed.conversation_id,
        )
        said = Bubble(text=line)
        await service.append(session, confirmed.conversation_id, "system", said, staff_id=confirmed.by.id)
        return done.model_dump(mode="json")

    fingerprint = hashlib.sha256(f"{confirmed.conversation_id} {action} {number}".encode()).hexdigest()
    scope = f"staff:{confirmed.by.id}"
    return answer.model_validate(await idempotency.once(session, scope, confirmed.key, fingerprint, once))


async def shopper_of(session: WriteSession, confirmed: Confirmed) -> Shopper:
    """Whom a person acts for, the conversation held until this transaction ends."""
    await fencing.require(session, conversation_fence(confirmed.conversation_id, confirmed.epoch))
    conversation = await repository.find(session, confirmed.conversation_id)
    if conversation is None:
        raise NotFound("conversation_not_found")
    if conversation.owner != "agent" or conversation.agent_id != confirmed.by.id:
        raise Conflict("take_it_first", "only who answers the conversation acts for its shopper")
    return Shopper(conversation.customer_id, conversation.id)
