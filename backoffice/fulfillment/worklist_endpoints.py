"""What locations have to do, over HTTP, for staff: each where they work."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import HTTPConnection

from backoffice.events import audit
from backoffice.fulfillment import fulfilments, parcels, pickups, worklist
from backoffice.fulfillment.fulfilment_schemas import (
    Collect,
    Decline,
    Fulfilments,
    FulfilmentState,
    FulfilmentView,
    Handed,
    Name,
    NewParcel,
    ParcelEnd,
    Workplaces,
)
from backoffice.fulfillment.sending import Sending
from backoffice.kit.database import Database, Reading, Writing, database_of
from backoffice.kit.errors import Conflict, TooMany
from backoffice.kit.fields import RowId
from backoffice.kit.paging import Page
from backoffice.staff.identity import Staff, staff
from backoffice.staff.schemas import StaffView

router = APIRouter(prefix="/api/fulfilments", tags=["fulfillment"])


async def sending_of(connection: HTTPConnection) -> Sending:
    sending: Sending = connection.app.state.sending
    return sending


async def at_work(
    fulfilment_id: RowId, member: Staff, database: Annotated[Database, Depends(database_of)]
) -> StaffView:
    """Lets in who works where this fulfilment is. Raises `NotFound`."""
    async with database.read() as session:
        await worklist.require_workplace(session, member, fulfilment_id)
    return member


AtWork = Annotated[StaffView, Depends(at_work)]
Supervisor = Annotated[StaffView, Depends(staff("supervisor", "admin"))]


class WorkFilter(Page):
    location_id: RowId | None = None
    state: Annotated[list[FulfilmentState], Field(default_factory=list)]


@router.get("")
async def listed(session: Reading, member: Staff, wanted: Annotated[WorkFilter, Query()]) -> Fulfilments:
    """What there is to do where one works, what must leave first on top."""
    return await worklist.listed(session, member, wanted.location_id, wanted.state, wanted)


@router.put("/workplaces/{staff_id}", status_code=204)
async def set_workplaces(staff_id: RowId, wanted: Workplaces, member: Supervisor, session: Writing) -> None:
    """Where a member of staff works; supervisors and admins work everywhere."""
    await worklist.set_workplaces(session, staff_id, wanted)
    places = sorted(set(wanted.location_ids))
    await audit.record(session, member.id, "workplaces_set", f"staff:{staff_id}", location_ids=places)


@router.get("/{fulfilment_id}")
async def shown(fulfilment_id: RowId, _: AtWork, session: Reading) -> FulfilmentView:
    return await worklist.view(session, await worklist.known(session, fulfilment_id))


@router.post("/{fulfilment_id}/accept")
async def accept(fulfilment_id: RowId, member: AtWork, session: Writing) -> FulfilmentView:
    await audit.record(session, member.id, "fulfilment_accepted", subject(fulfilment_id))
    return await fulfilments.accept(session, fulfilment_id)


@router.post("/{fulfilment_id}/decline")
async def decline(fulfilment_id: RowId, asked: Decline, member: AtWork, session: Writing) -> FulfilmentView:
    """The location cannot do it; another is looked for."""
    await audit.record(session, member.id, "fulfilment_declined", subject(fulfilment_id), asked.reason)
    return await fulfilments.decline(session, fulfilment_id, asked.reason)


@router.post("/{fulfilment_id}/pack")
async def pack(fulfilment_id: RowId, member: AtWork, session: Writing) -> FulfilmentView:
    await audit.record(session, member.id, "fulfilment_packed", subject(fulfilment_id))
    return await fulfilments.pack(session, fulfilment_id)


@router.post("/{fulfilment_id}/parcels")
async def send(
    fulfilment_id: RowId,
    parcel: NewParcel,
    member: AtWork,
    sending: Annotated[Sending, Depends(sending_of)],
    database: Annotated[Database, Depends(database_of)],
) -> FulfilmentView:
    """Pieces leave in a parcel; the same `key` again is the same parcel."""
    sent = await sending.send(fulfilment_id, parcel)
    async with database.write() as session:
        await audit.record(session, member.id, "parcel_sent", subject(fulfilment_id), key=parcel.key)
    return sent


@router.post("/{fulfilment_id}/parcels/{key}/end")
async def end_parcel(
    fulfilment_id: RowId, key: Name, asked: ParcelEnd, member: AtWork, session: Writing
) -> FulfilmentView:
    """What became of a parcel of which its carrier tells nothing: what does not arrive is paid back."""
    about = {"key": key, "state": asked.state}
    await audit.record(session, member.id, "parcel_ended", subject(fulfilment_id), **about)
    return await parcels.end(session, fulfilment_id, key, asked.state, f"staff:{member.id}")


@router.post("/{fulfilment_id}/ready")
async def ready(fulfilment_id: RowId, member: AtWork, session: Writing) -> FulfilmentView:
    """It waits in the store; the shopper is told the code."""
    await audit.record(session, member.id, "pickup_ready", subject(fulfilment_id))
    return await pickups.ready(session, fulfilment_id)


@router.post("/{fulfilment_id}/collect")
async def collect(
    fulfilment_id: RowId,
    asked: Collect,
    member: AtWork,
    database: Annotated[Database, Depends(database_of)],
) -> FulfilmentView:
    """Hand it over. Raises 409 `wrong_code` for a wrong guess, 429 `too_many_tries` after five in an hour."""
    async with database.write() as session:
        handed: Handed = await pickups.collect(session, fulfilment_id, asked.code)
        if handed.fulfilment:
            await audit.record(session, member.id, "pickup_collected", subject(fulfilment_id))
    if handed.limited:
        raise TooMany("too_many_tries", "try again in an hour")
    if handed.fulfilment is None:
        raise Conflict("wrong_code", "that is not the code of this pickup")
    return handed.fulfilment


def subject(fulfilment_id: int) -> str:
    return f"fulfilment:{fulfilment_id}"
