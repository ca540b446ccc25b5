"""Exchanges that do not bring what was wanted: the shopper wants the money instead, a location declines, a
parcel comes back or is lost.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.fulfillment import fulfilments
from backoffice.inventory import service as inventory
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now
from backoffice.returns import charging, domain, exchanging, repository
from backoffice.returns.models import Return, ReturnLine
from backoffice.returns.schemas import ReturnView
from backoffice.returns.service import known, one, told
from backoffice.trade.domain import share_of
from backoffice.trade.payments import refunding
from backoffice.trade.returning import held_order
from backoffice.users.identity import Shopper

BY = "system"
NOT_SENT, NOT_ARRIVED = ("declined", "cancelled"), ("returned", "lost")


async def refund_instead(session: WriteSession, shopper: Shopper, number: str) -> ReturnView:
    """Make a return of an exchange that is not inspected yet; what was kept for it is free again.

    Raises `NotFound` (`return_not_found`), `Conflict` (`not_an_open_exchange`).
    """
    found = await known(session, shopper, number)
    exchange = (Return.kind == "exchange", Return.state.in_(domain.OPEN))
    if not await repository.change(session, found.id, *exchange, kind="return"):
        raise Conflict("not_an_open_exchange", "only an exchange that is not inspected yet can be changed")
    await held_order(session, found.order_id)
    found = await repository.as_it_is(session, found.id)
    await exchanging.let_go(session, found, [(line, line.quantity) for line in found.standing])
    for line in found.standing:
        await repository.change_line(session, found.id, line.line_id, wanted_sku_id=None, held_at=None)
    await charging.charge(session, found)
    await told(session, "return.changed", found)
    return await one(session, shopper, number)


class Rerouting:
    """When a location does not send what an exchange brings, another does, or it is paid back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def subscribe(self, relay: Relay) -> None:
        for state in NOT_SENT:
            relay.subscribe(f"fulfilment.{state}", self.not_sent)
        for state in NOT_ARRIVED:
            relay.subscribe(f"parcel.{state}", self.not_arrived)

    async def not_sent(self, event: Event) -> None:
        number = exchanging.number_in(event.payload["part"])
        if number is not None:
            async with self._database.write() as session:
                await reroute(session, number, event.payload["fulfilment_id"], now())

    async def not_arrived(self, event: Event) -> None:
        if event.payload["fulfilment_id"] is not None:
            async with self._database.write() as session:
                await make_good(session, event.payload["order_id"], event.payload["fulfilment_id"], now())


async def make_good(session: WriteSession, order_id: int, fulfilment_id: int, moment: datetime) -> None:
    """Shelve what came back of an exchange, and pay back what of it did not arrive; each parcel once."""
    placed = {part.id: part for part in await fulfilments.of_order(session, order_id)}
    number = exchanging.number_in(placed[fulfilment_id].key)
    found = await repository.by_number(session, number) if number else None
    if found is None or not await repository.hold(session, found.id, ("exchanged", "refunded")):
        return
    await held_order(session, order_id)
    (part,) = [each for each in await fulfilments.held(session, order_id) if each.id == fulfilment_id]
    found = await repository.as_it_is(session, found.id)
    await fulfilments.shelve(session, part.gone, f"return {found.number}")
    lacking, worth = Counter[int](), 0
    for parcel in await fulfilments.to_pay_back(session, part.gone):
        lacking.update(parcel.pieces)
    for line in found.standing:
        sent = line.restocked + line.written_off
        taken = min(lacking[line.wanted_sku_id or 0], sent) if line.held_at == part.location_id else 0
        if taken:
            lacking[line.wanted_sku_id or 0] -= taken
            worth += share_of(line.worth_fen, sent, 0, taken)
            if taken == sent:
                await repository.change_line(session, found.id, line.line_id, held_at=None)
    if worth:
        await pay_back(session, found, worth, moment)


async def reroute(session: WriteSession, number: str, fulfilment_id: int, moment: datetime) -> None:
    """Have what a location did not send sent by another warehouse, else pay it back; once."""
    found = await repository.by_number(session, number)
    if found is None or not await repository.hold(session, found.id, ("exchanged",)):
        return
    await held_order(session, found.order_id)
    found = await repository.as_it_is(session, found.id)
    parts = await exchanging.parts(session, found)
    part = next((each for each in parts if each.id == fulfilment_id and each.state in NOT_SENT), None)
    if part is None:
        return
    unsent = {line.sku_id for line in part.lines if line.sent < line.quantity}
    lines = [line for line in found.standing if line.held_at == part.location_id]
    pieces = [(line, line.restocked + line.written_off) for line in lines if line.wanted_sku_id in unsent]
    if not pieces:
        return
    await exchanging.let_go(session, found, pieces)
    place = await another_place(session, pieces, {each.location_id for each in parts})
    for line, _ in pieces:
        await repository.change_line(session, found.id, line.line_id, held_at=place)
    if place is None:
        await pay_back(session, found, sum(line.worth_fen for line, _ in pieces), moment)
        return
    await exchanging.keep_at(session, found.order_id, place, pieces)
    found = await repository.as_it_is(session, found.id)
    await exchanging.send(session, found, {line.line_id: count for line, count in pieces})


async def another_place(
    session: WriteSession, pieces: Sequence[tuple[ReturnLine, int]], tried: set[int]
) -> int | None:
    """A warehouse that has all of it and was not asked before."""
    needs: Counter[int] = Counter()
    for line, count in pieces:
        needs[line.wanted_sku_id or 0] += count
    able = await inventory.warehouses_with(session, needs)
    return next((place for place in able if place not in tried), None)


async def pay_back(session: WriteSession, found: Return, worth_fen: int, moment: datetime) -> None:
    """Refund what nobody sends; a case of which nothing is sent is refunded as a whole."""
    paid = await refunding.pay_back(session, found.order_id, worth_fen, found.number, BY)
    amount = found.amount_fen + paid
    if any(line.held_at for line in (await repository.as_it_is(session, found.id)).standing):
        await repository.change(session, found.id, amount_fen=amount)
    else:
        await repository.move(session, found.id, ("exchanged",), "refunded", moment, amount_fen=amount)
    await told(session, "return.refunded", found)
