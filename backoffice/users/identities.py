"""Which senders of which channels a customer is: bound with a proof, parted when they like."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from backoffice.events import service as events
from backoffice.kit.attempts import allow_attempt, forget_attempts
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Invalid, NotFound, Unavailable
from backoffice.kit.time import now
from backoffice.users import repository
from backoffice.users.schemas import BindingCodeView, IdentityView, Proof

CODE_DIGITS = 8
CODE_LASTS = timedelta(minutes=10)
TRIES_AN_HOUR = 5
SIGN_IN_CHANNELS = ("web", "app")
"""Senders here cost nothing to invent and can sign in, so that no code is accepted from them."""


@dataclass(frozen=True)
class Bound:
    """`customer_id`: who the sender is now, None after a wrong or old code; `limited`: no try was left."""

    customer_id: int | None = None
    limited: bool = False


async def customer_of(session: ReadSession, channel: str, sender: str) -> int | None:
    """The customer this sender proved to be."""
    found = await repository.identity(session, channel, sender)
    return found.customer_id if found else None


async def identities(session: ReadSession, customer_id: int) -> list[IdentityView]:
    """Where a customer is known, the newest binding first."""
    found = await repository.identities(session, customer_id)
    return [IdentityView.model_validate(each, from_attributes=True) for each in found]


async def binding_code(session: WriteSession, customer_id: int) -> BindingCodeView:
    """A code of eight digits, good for ten minutes and one use, instead of any earlier one."""
    moment = now()
    for _ in range(10):
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        if await repository.keep_code(session, customer_id, code, moment, moment + CODE_LASTS):
            return BindingCodeView(code=code, expires_at=moment + CODE_LASTS)
    raise Unavailable("no_code_free", "try again")


async def bind(session: WriteSession, channel: str, sender: str, code: str) -> Bound:
    """Use a code that a signed-in customer was given: the sender is that customer from now on.

    A try is counted whether or not it succeeds, five in an hour: commit what this returns. Raises `Invalid`
    (`sign_in_instead`) for channels where a sender signs in.
    """
    if channel in SIGN_IN_CHANNELS:
        raise Invalid("sign_in_instead", f"senders of {channel} sign in")
    subject = f"{channel}:{sender}"
    if not await allow_attempt(session, "binding_code", subject, TRIES_AN_HOUR):
        return Bound(limited=True)
    customer_id = await repository.use_code(session, "".join(code.split()), now())
    if customer_id is None:
        return Bound()
    await forget_attempts(session, "binding_code", subject)
    await bind_to(session, channel, sender, customer_id, "code")
    return Bound(customer_id)


async def bind_to(session: WriteSession, channel: str, sender: str, customer_id: int, proof: Proof) -> None:
    """The sender is this customer, as the caller has proved; whom they were before is parted from them.

    Both changes are logged and told to topic `identity`. Nothing happens when they are bound already.
    """
    before = await repository.hold_identity(session, channel, sender)
    if before == customer_id:
        return
    if before is not None:
        await change(session, channel, sender, before, None)
    await repository.set_customer(session, channel, sender, customer_id, proof, now())
    await change(session, channel, sender, customer_id, proof)


async def unbind(session: WriteSession, customer_id: int, channel: str, sender: str) -> None:
    """The sender is nobody we know from now on; told to topic `identity`.

    Raises `NotFound` (`no_such_identity`) when they are not this customer.
    """
    if not await repository.part(session, channel, sender, customer_id):
        raise NotFound("no_such_identity")
    await change(session, channel, sender, customer_id, None)


async def change(
    session: WriteSession, channel: str, sender: str, customer_id: int, proof: Proof | None
) -> None:
    await repository.log_change(session, channel, sender, customer_id, proof or "", now())
    told = {"channel": channel, "sender": sender, "customer_id": customer_id, "bound": proof is not None}
    await events.publish(session, "identity", sender, told)


async def leave(session: WriteSession, channel: str, sender: str) -> None:
    """The sender unsubscribed: nothing can be sent to them, bound or not."""
    await repository.set_gone(session, channel, sender, now())


async def come_back(session: WriteSession, channel: str, sender: str) -> None:
    """The sender subscribed, again or for the first time."""
    await repository.set_gone(session, channel, sender, None)


async def is_gone(session: ReadSession, channel: str, sender: str) -> bool:
    """Whether the sender unsubscribed."""
    found = await repository.identity(session, channel, sender)
    return found is not None and found.gone_at is not None
