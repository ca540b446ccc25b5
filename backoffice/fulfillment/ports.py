"""What fulfilment needs of carriers; `integrations/carriers` fills it in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from backoffice.fulfillment.fulfilment_schemas import Receiver
from backoffice.kit.errors import Conflict, Unavailable

ParcelState = Literal["in_transit", "out_for_delivery", "exception", "lost", "delivered", "returned"]
RANK: dict[str, tuple[bool, int]] = {
    "in_transit": (False, 1),
    "out_for_delivery": (False, 2),
    "exception": (False, 3),
    "lost": (False, 4),
    "delivered": (True, 5),
    "returned": (True, 6),
}
"""Whether nothing follows a state, and which of two at the same moment is the later one."""


class CarrierRefused(Conflict):
    """The carrier does not do it; asking again changes nothing."""


class CarrierAway(Unavailable):
    """There was no answer: it may or may not have been done, and can be asked again."""


@dataclass(frozen=True)
class Parcel:
    """What a carrier is to fetch. `reference` is ours: the same one again is the same parcel."""

    reference: str
    location_id: int
    to: Receiver
    pieces: int


@dataclass(frozen=True)
class Tracked:
    """A step of a parcel's way; `event_id` is the carrier's own, `at` when it happened."""

    number: str
    event_id: str
    state: ParcelState
    at: datetime
    place: str
    text: str


class Carrier(Protocol):
    """One carrier. What asks it raises `CarrierAway`, and `CarrierRefused` where it says so."""

    code: str

    async def book(self, parcel: Parcel) -> str:
        """The tracking number of a parcel to be fetched. Raises `CarrierRefused`."""
        ...

    async def cancel(self, number: str) -> bool:
        """Stop a parcel: it is not fetched, or turned round; False when it is too late for that."""
        ...

    async def track(self, number: str) -> Sequence[Tracked]:
        """All that happened to a parcel."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> Sequence[Tracked]:
        """What a push tells. Raises `Unauthenticated` (`bad_signature`) and `Invalid` (`bad_push`)."""
        ...
