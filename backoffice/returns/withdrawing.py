"""Taking a case back, or a line of it, as long as nothing of it was inspected."""

from datetime import datetime

from sqlalchemy import ColumnElement

from backoffice.kit.database import WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.time import now
from backoffice.returns import charging, domain, exchanging, repository
from backoffice.returns.models import Return
from backoffice.returns.schemas import ReturnView
from backoffice.returns.service import known, one, told
from backoffice.trade import service as trade
from backoffice.users.identity import Shopper


def too_late() -> Conflict:
    return Conflict("undo_impossible", "only what is not inspected yet can be withdrawn")


async def undo(session: WriteSession, shopper: Shopper, number: str) -> ReturnView:
    """Withdraw a case that is not inspected yet; what was handed over is sent back to the shopper.

    Raises `NotFound` (`return_not_found`), `Conflict` (`undo_impossible`).
    """
    found = await known(session, shopper, number)
    if not await withdraw(session, found, now(), shopper.scope):
        raise too_late()
    await told(session, "return.withdrawn", found)
    return await one(session, shopper, number)


async def withdraw(
    session: WriteSession, found: Return, moment: datetime, by: str, *guards: ColumnElement[bool]
) -> bool:
    """End a case of which nothing was inspected, if the guards let it; whether it was ended."""
    ended = {"closed_at": moment, "closed_by": by}
    if not await repository.move(session, found.id, domain.OPEN, "withdrawn", moment, *guards, **ended):
        return False
    found = await repository.as_it_is(session, found.id)
    for line in found.standing:
        await trade.leave_with_shopper(session, line.line_id, line.quantity, by)
    await exchanging.let_go(session, found, [(line, line.quantity) for line in found.standing])
    await charging.give_back_pickup(session, found)
    return True


async def undo_line(session: WriteSession, shopper: Shopper, number: str, line_id: int) -> ReturnView:
    """Take one line out of a case that is not inspected yet; the last one ends the case.

    Raises `NotFound` (`return_not_found`, `line_not_found`), `Conflict` (`undo_impossible`).
    """
    found = await known(session, shopper, number)
    if line_id not in {line.line_id for line in found.lines}:
        raise NotFound("line_not_found", "this case has no such line")
    if not await repository.hold(session, found.id, domain.OPEN):
        raise too_late()
    found = await repository.as_it_is(session, found.id)
    going = next((line for line in found.standing if line.line_id == line_id), None)
    if going is None:
        raise too_late()
    if len(found.standing) == 1:
        return await undo(session, shopper, number)
    await repository.change_line(session, found.id, line_id, worth_fen=0, withdrawn_at=now())
    await trade.leave_with_shopper(session, line_id, going.quantity, shopper.scope)
    await exchanging.let_go(session, found, [(going, going.quantity)])
    await charging.charge(session, found)
    await told(session, "return.line_withdrawn", found)
    return await one(session, shopper, number)
