"""What trade needs of payment providers; `integrations/payments` fills it in. Amounts are fen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from backoffice.kit.errors import Conflict, Unavailable


class PaymentRefused(Conflict):
    """The provider does not do it; asking again changes nothing."""


class PaymentAway(Unavailable):
    """There was no answer: it may or may not have been done, and can be asked again."""


@dataclass(frozen=True)
class Charge:
    """What is to be paid until `expires_at`. `reference` is ours: the same one again is the same payment."""

    reference: str
    amount_fen: int
    subject: str
    expires_at: datetime


@dataclass(frozen=True)
class Paid:
    """Money that arrived under our reference; `transaction_id` is the provider's own."""

    reference: str
    transaction_id: str
    amount_fen: int
    at: datetime


@dataclass(frozen=True)
class Standing:
    """What became of a charge; `unknown`: the provider has never heard of it."""

    state: Literal["unknown", "open", "paid", "closed"]
    paid: Paid | None = None


@dataclass(frozen=True)
class Repayment:
    """A part of a payment to be paid back. `number` is ours: the same one again is the same repayment."""

    number: str
    reference: str
    amount_fen: int
    paid_fen: int
    reason: str


@dataclass(frozen=True)
class Repaid:
    """How far a repayment is; `failed` is final: no money moves under this number any more."""

    number: str
    state: Literal["processing", "settled", "failed"]
    amount_fen: int
    at: datetime
    why: str = ""


Notice = Paid | Repaid


class PaymentGateway(Protocol):
    """One provider. What asks it raises `PaymentAway`, and `PaymentRefused` where it says so."""

    code: str
    taken: tuple[str, bytes]
    """Media type and body of the answer to a notification that was taken in."""

    async def start(self, charge: Charge) -> dict[str, str]:
        """What the shopper's side needs to pay, e.g. a `code_url` to show as a QR code. Raises
        `PaymentRefused`.
        """
        ...

    async def query(self, reference: str) -> Standing:
        """What became of a charge."""
        ...

    async def close(self, reference: str) -> bool:
        """See to it that a charge is not paid any more; False when it is paid already."""
        ...

    async def refund(self, repayment: Repayment) -> Repaid:
        """Pay back. Raises `PaymentRefused`: nothing is paid back."""
        ...

    async def query_refund(self, repayment: Repayment) -> Repaid | None:
        """How far a repayment is; None when the provider has never heard of it."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> Notice | None:
        """What a notification tells; None for nothing that matters to us.

        Raises `Unauthenticated` (`bad_signature`) and `Invalid` (`bad_notice`).
        """
        ...
