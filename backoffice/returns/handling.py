"""What staff do with cases: hand over, receive, inspect, and with that pay back or exchange."""

from collections.abc import Sequence
from datetime import datetime

from backoffice.inventory import moving
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.paging import Page
from backoffice.kit.time import end_of_shop_day, now
from backoffice.returns import charging, domain, exchanging, repository
from backoffice.returns.models import Return
from backoffice.returns.rules import rules
from backoffice.returns.schemas import Arrival, Inspection, ReturnView, Verdict, Worklist
from backoffice.returns.service import NUMBER, told
from backoffice.returns.viewing import views
from backoffice.trade import service as trade
from backoffice.trade.domain import share_of
from backoffice.trade.payments import refunding
from backoffice.trade.returning import held_order


async def worklist(session: ReadSession, states: Sequence[str], overdue: bool, page: Page) -> Worklist:
    """Cases in these states, the oldest first."""
    found = await repository.worklist(session, states, overdue, page)
    total = await repository.count_worklist(session, states, overdue)
    return Worklist(returns=await views(session, found), total=total)


async def case(session: ReadSession, number: str) -> Return:
    """Raises `NotFound` (`return_not_found`)."""
    found = await repository.by_number(session, number) if NUMBER.fullmatch(number) else None
    if found is None:
        raise NotFound("return_not_found")
    return found


async def shown(session: ReadSession, number: str) -> ReturnView:
    return (await views(session, [await case(session, number)]))[0]


def not_now(state: str) -> Conflict:
    return Conflict("not_in_this_state", f"the case is {state}", state=state)


async def hand_over(session: WriteSession, number: str) -> ReturnView:
    """The courier has it, or the store. Raises `NotFound`, `Conflict` (`not_in_this_state`)."""
    found = await case(session, number)
    to = domain.way(found.kind, found.goods_back, found.store_id is not None)[1]
    if not found.goods_back or not await repository.move(session, found.id, ("approved",), to, now()):
        raise not_now((await case(session, number)).state)
    await told(session, f"return.{to}", found)
    return await shown(session, number)


async def receive(session: WriteSession, number: str, arrival: Arrival) -> ReturnView:
    """Pieces arrived at a location; the rest may follow until it is inspected.

    Raises `NotFound` (`return_not_found`, `location_not_found`), `Invalid` (`not_announced`, with `line_id`),
    `Conflict` (`not_in_this_state`, `another_location`).
    """
    found = await case(session, number)
    if arrival.location_id not in await places(session):
        raise NotFound("location_not_found")
    moment = now()
    first = await repository.move(
        session,
        found.id,
        domain.ON_THE_WAY if found.goods_back else (),
        "received",
        moment,
        location_id=arrival.location_id,
        inspect_by=end_of_shop_day(moment, rules().inspect_days),
    )
    if not first and not await repository.hold(session, found.id, ("received",)):
        raise not_now((await case(session, number)).state)
    if (await case(session, number)).location_id != arrival.location_id:
        raise Conflict("another_location", "the rest of it arrived elsewhere")
    for line in sorted(arrival.lines, key=lambda each: each.line_id):
        if not await repository.arrived(session, found.id, line.line_id, line.quantity):
            raise Invalid("not_announced", "not that many were announced", line_id=line.line_id)
    if first:
        await told(session, "return.received", found)
    return await shown(session, number)


async def places(session: ReadSession) -> set[int]:
    warehouses = await inventory.locations(session, "warehouse")
    return {each.id for each in [*warehouses, *await inventory.locations(session, "store")]}


async def inspect(session: WriteSession, number: str, inspection: Inspection, by: str) -> ReturnView:
    """Judge what was received, at once pay back or exchange what is accepted; the rest stays the shopper's.

    A case of which nothing is accepted is rejected. Raises `NotFound`, `Conflict` (`not_in_this_state`),
    `Invalid` (`verdicts_do_not_fit`, with `line_id`).
    """
    found = await case(session, number)
    before = "received" if found.goods_back else "approved"
    if not await repository.hold(session, found.id, (before,)):
        raise not_now((await case(session, number)).state)
    found = await case(session, number)
    verdicts = fitting(found, inspection)
    await settle(session, found, before, verdicts, by, now())
    return await shown(session, number)


def fitting(found: Return, inspection: Inspection) -> dict[int, Verdict]:
    """The verdict of each line. Raises `Invalid` (`verdicts_do_not_fit`) unless all pieces are judged."""
    judged = {verdict.line_id: verdict for verdict in inspection.lines}
    if len(judged) < len(inspection.lines) or not judged.keys() <= {each.line_id for each in found.standing}:
        raise Invalid("verdicts_do_not_fit", "one verdict for each line of the case")
    for line in found.standing:
        verdict = judged.setdefault(line.line_id, Verdict(line_id=line.line_id))
        here = line.received if found.goods_back else line.quantity
        fits = verdict.accepted + verdict.refused == here
        if not fits or (verdict.restocked and not found.goods_back):
            raise Invalid("verdicts_do_not_fit", f"{here} pieces are to be judged", line_id=line.line_id)
    return judged


async def settle(
    session: WriteSession, found: Return, before: str, verdicts: dict[int, Verdict], by: str, moment: datetime
) -> None:
    """Carry verdicts out on a case that is held; its order is locked before any stock."""
    await held_order(session, found.order_id)
    for line in found.standing:
        verdict = verdicts[line.line_id]
        kept = share_of(line.worth_fen, line.quantity, 0, verdict.accepted)
        counts = verdict.model_dump(include={"restocked", "written_off", "refused", "note"})
        await repository.change_line(session, found.id, line.line_id, worth_fen=kept, **counts)
        if left := line.quantity - verdict.accepted:
            await trade.leave_with_shopper(session, line.line_id, left, by)
    await move_goods(session, found, verdicts)
    amount = await charging.charge(session, found)
    if amount:
        amount = await refunding.pay_back(session, found.order_id, amount, found.number, by)
    accepted = any(verdict.accepted for verdict in verdicts.values())
    to = domain.ENDS[found.kind] if accepted else "rejected"
    await repository.move(
        session, found.id, (before,), to, moment, amount_fen=amount, closed_at=moment, closed_by=by
    )
    await told(session, f"return.{to}", found)


async def move_goods(session: WriteSession, found: Return, verdicts: dict[int, Verdict]) -> None:
    """Put on the shelf what is as new, note what is written off; send what an exchange brings and let go what
    it does not.
    """
    bought = await trade.lines(session, [line.line_id for line in found.standing])
    reason = f"return {found.number}"
    shelved, gone = (
        [
            (found.location_id, bought[line.line_id].sku_id, getattr(verdicts[line.line_id], fate))
            for line in found.standing
            if found.location_id and getattr(verdicts[line.line_id], fate)
        ]
        for fate in ("restocked", "written_off")
    )
    await inventory.receive(session, shelved, reason)
    await moving.write_off_returned(session, gone, reason)
    refused = [(line, line.quantity - verdicts[line.line_id].accepted) for line in found.standing]
    await exchanging.let_go(session, found, refused)
    await exchanging.send(session, found, {id: verdict.accepted for id, verdict in verdicts.items()})
