"""Returns and exchanges over HTTP."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import Field

from backoffice.kit import idempotency
from backoffice.kit.database import Database, Reading, WriteSession, database_of
from backoffice.kit.fields import RowId
from backoffice.kit.paging import Page
from backoffice.returns import handling, rerouting, service, withdrawing
from backoffice.returns.rules import Kind
from backoffice.returns.schemas import (
    Arrival,
    AskReturn,
    Inspection,
    Returnable,
    Returns,
    ReturnView,
    Terms,
    Worklist,
)
from backoffice.staff.identity import staff
from backoffice.staff.schemas import StaffView
from backoffice.users.identity import Acting, Asking

State = Literal[
    "approved", "picked_up", "dropped", "received", "refunded", "exchanged", "rejected", "withdrawn"
]
Anybody = Annotated[StaffView, Depends(staff())]
Inspector = Annotated[StaffView, Depends(staff("supervisor", "admin"))]
router = APIRouter(prefix="/api", tags=["returns"])


@router.get("/orders/{number}/returnable")
async def returnable(session: Reading, shopper: Asking, number: str, kind: Kind = "return") -> Returnable:
    return await service.returnable(session, shopper, number, kind)


@router.post("/orders/{number}/returns")
async def ask(errand: Acting, number: str, asked: AskReturn) -> ReturnView:
    return await errand.once(ReturnView, lambda session: service.ask(session, errand.shopper, number, asked))


@router.post("/orders/{number}/returns/preview")
async def preview(
    database: Annotated[Database, Depends(database_of)], shopper: Asking, number: str, asked: AskReturn
) -> Terms:
    """What asking for this would cost and pay back; nothing is asked for."""
    async with database.write() as session:
        terms = await service.preview(session, shopper, number, asked)
        await session.rollback()
    return terms


@router.get("/returns")
async def returns(session: Reading, shopper: Asking, order_number: str | None = None) -> Returns:
    return await service.returns(session, shopper, order_number)


@router.get("/returns/{number}")
async def one(session: Reading, shopper: Asking, number: str) -> ReturnView:
    return await service.one(session, shopper, number)


@router.post("/returns/{number}/undo")
async def undo(errand: Acting, number: str) -> ReturnView:
    return await errand.once(ReturnView, lambda session: withdrawing.undo(session, errand.shopper, number))


@router.post("/returns/{number}/lines/{line_id}/undo")
async def undo_line(errand: Acting, number: str, line_id: RowId) -> ReturnView:
    return await errand.once(
        ReturnView, lambda session: withdrawing.undo_line(session, errand.shopper, number, line_id)
    )


@router.post("/returns/{number}/refund-instead")
async def refund_instead(errand: Acting, number: str) -> ReturnView:
    """Make a return of an exchange that is not inspected yet."""
    return await errand.once(
        ReturnView, lambda session: rerouting.refund_instead(session, errand.shopper, number)
    )


class Deed:
    """A write that a member of staff asks for, done once per idempotency key."""

    def __init__(
        self,
        request: Request,
        database: Annotated[Database, Depends(database_of)],
        idempotency_key: Annotated[str, Header(max_length=200)] = "",
    ) -> None:
        self._request, self._database, self._key = request, database, idempotency_key

    async def once(
        self, member: StaffView, verb: Callable[[WriteSession, str], Awaitable[ReturnView]]
    ) -> ReturnView:
        """Run `verb`. Raises `Invalid` (`idempotency_key_reused`) when the key was used otherwise."""
        by = f"staff:{member.id}"
        asked = f"{self._request.method} {self._request.url.path} ".encode() + await self._request.body()
        async with self._database.write() as session:
            if not self._key:
                return await verb(session, by)

            async def kept() -> object:
                return (await verb(session, by)).model_dump(mode="json")

            fingerprint = hashlib.sha256(asked).hexdigest()
            return ReturnView.model_validate(
                await idempotency.once(session, by, self._key, fingerprint, kept)
            )


Doing = Annotated[Deed, Depends()]


class Wanted(Page):
    state: list[State] = Field(default=["approved", "picked_up", "dropped", "received"], max_length=8)
    overdue: bool = False


@router.get("/staff/returns")
async def worklist(_: Anybody, session: Reading, wanted: Annotated[Wanted, Query()]) -> Worklist:
    return await handling.worklist(session, wanted.state, wanted.overdue, wanted)


@router.get("/staff/returns/{number}")
async def shown(_: Anybody, session: Reading, number: str) -> ReturnView:
    return await handling.shown(session, number)


@router.post("/staff/returns/{number}/hand-over")
async def hand_over(member: Anybody, deed: Doing, number: str) -> ReturnView:
    return await deed.once(member, lambda session, by: handling.hand_over(session, number))


@router.post("/staff/returns/{number}/receive")
async def receive(member: Anybody, deed: Doing, number: str, arrival: Arrival) -> ReturnView:
    return await deed.once(member, lambda session, by: handling.receive(session, number, arrival))


@router.post("/staff/returns/{number}/inspect")
async def inspect(member: Inspector, deed: Doing, number: str, inspection: Inspection) -> ReturnView:
    return await deed.once(member, lambda session, by: handling.inspect(session, number, inspection, by))
