"""A carrier that is asked over HTTP and pushes tracking events, both signed with its account's secret."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, ValidationError

from backoffice.fulfillment.ports import CarrierAway, CarrierRefused, Parcel, ParcelState, Tracked
from backoffice.kit.errors import Invalid
from backoffice.kit.fields import Text
from backoffice.kit.time import now
from backoffice.settings import CarrierAccount
from integrations.carriers.signing import require_signed, signed

TIMEOUT_SECONDS = 5.0
AHEAD = timedelta(hours=1)
"""A carrier's clock may be wrong by that much; what happens later would hide all that comes."""

T = TypeVar("T", bound=BaseModel)
Short = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,60}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,30}$")]


class CarrierEvent(BaseModel):
    id: Short
    number: Number
    state: ParcelState
    at: AwareDatetime
    place: Text = ""
    text: Text = ""


class CarrierEvents(BaseModel):
    events: list[CarrierEvent] = Field(max_length=1000)


class Booked(BaseModel):
    number: Number


class Stopped(BaseModel):
    stopped: bool


class HttpCarrier:
    """The carrier of one account; `transport` is for one that runs in this process."""

    def __init__(self, account: CarrierAccount, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.code = account.code
        self._secret = account.secret
        self._http = httpx.AsyncClient(
            base_url=account.url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def book(self, parcel: Parcel) -> str:
        asked = {
            "carrier": self.code,
            "reference": parcel.reference,
            "from": parcel.location_id,
            "to": parcel.to.model_dump(),
            "pieces": parcel.pieces,
        }
        return (await self._ask(Booked, "POST", "/parcels", asked)).number

    async def cancel(self, number: str) -> bool:
        return (await self._ask(Stopped, "POST", f"/parcels/{number}/stop", {})).stopped

    async def track(self, number: str) -> Sequence[Tracked]:
        found = await self._ask(CarrierEvents, "GET", f"/parcels/{number}/events")
        return tracked(found, now())

    def read(self, headers: Mapping[str, str], body: bytes, moment: datetime) -> Sequence[Tracked]:
        require_signed(self._secret, body, headers, moment)
        try:
            return tracked(CarrierEvents.model_validate_json(body), moment)
        except ValidationError as error:
            raise Invalid("bad_push", str(error.errors(include_url=False, include_input=False)[0])) from error

    async def _ask(self, answer: type[T], method: str, path: str, asked: dict[str, Any] | None = None) -> T:
        body = b"" if asked is None else json.dumps(asked, ensure_ascii=False).encode()
        headers = signed(self._secret, f"{method} {path} ".encode() + body, now())
        try:
            got = await self._http.request(method, path, content=body, headers=headers)
            if got.status_code < httpx.codes.BAD_REQUEST:
                return answer.model_validate_json(got.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise CarrierAway("carrier_away", f"{self.code} gave no answer to be understood") from error
        if got.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise CarrierAway("carrier_away", f"{self.code} answered {got.status_code}")
        raise CarrierRefused("carrier_refused", f"{self.code} answered {got.status_code}")


def tracked(told: CarrierEvents, moment: datetime) -> list[Tracked]:
    """Raises `Invalid` (`bad_push`) for an event of the future."""
    if any(each.at > moment + AHEAD for each in told.events):
        raise Invalid("bad_push", "an event has not happened yet")
    return [
        Tracked(each.number, each.id, each.state, each.at, each.place[:60], each.text[:200])
        for each in told.events
    ]
