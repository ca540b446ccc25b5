"""Transfers between locations: sent, received in parts; what is on the way is neither here nor there."""

from collections.abc import Sequence

from backoffice.inventory import moving
from backoffice.inventory import transfers_repository as repository
from backoffice.inventory.domain import moved
from backoffice.inventory.schemas import Pick
from backoffice.inventory.stock_models import StockTransfer
from backoffice.inventory.stock_schemas import (
    Line,
    NewTransfer,
    TransferFilter,
    TransferLineView,
    Transfers,
    TransferView,
)
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.time import now


async def send(session: WriteSession, wanted: NewTransfer, by: int) -> TransferView:
    """Let pieces leave for another location, all of them or none.

    Raises `NotFound` (`location_not_found`, `sku_not_found`), `Invalid` (`same_location`), `Conflict`
    (`not_free`, with `lines`).
    """
    if wanted.from_id == wanted.to_id:
        raise Invalid("same_location", "there is nothing to be moved")
    picks = moving.at(wanted.from_id, wanted.lines)
    await moving.known_places(session, {wanted.from_id, wanted.to_id})
    await moving.known_skus(session, {pick.sku_id for pick in picks})
    transfer = await repository.add(
        session,
        {pick.sku_id: pick.quantity for pick in picks},
        from_id=wanted.from_id,
        to_id=wanted.to_id,
        note=wanted.note,
        sent_by=by,
    )
    await moving.take_out(session, "sent", moved("sent", picks), wanted.note, holder(transfer.id))
    return (await views(session, [transfer]))[0]


async def arrive(session: WriteSession, transfer_id: int, lines: Sequence[Line]) -> TransferView:
    """Put on the shelf what arrived of a transfer; it is closed with the last piece.

    Raises `NotFound` (`transfer_not_found`), `Conflict` (`transfer_closed`; `more_than_sent`, with `sku_id`).
    """
    transfer = await underway(session, transfer_id)
    picks = moving.at(transfer.to_id, lines)
    for pick in picks:
        if not await repository.arrived(session, transfer_id, pick.sku_id, pick.quantity):
            raise Conflict("more_than_sent", "not that many are on the way", sku_id=pick.sku_id)
    await moving.put(session, "arrived", moved("arrived", picks), transfer.note, holder(transfer_id))
    left = (await repository.lines(session, [transfer_id]))[transfer_id]
    if all(line.received == line.sent for line in left):
        await repository.change(session, transfer_id, state="closed", closed_at=now())
    return await shown(session, transfer_id)


async def close(session: WriteSession, transfer_id: int, reason: str) -> TransferView:
    """Nothing more will arrive: what is on the way is written off where it should have come to.

    Raises `NotFound` (`transfer_not_found`), `Conflict` (`transfer_closed`).
    """
    transfer = await underway(session, transfer_id)
    lines = (await repository.lines(session, [transfer_id]))[transfer_id]
    lost = [
        Pick(transfer.to_id, line.sku_id, line.sent - line.received)
        for line in lines
        if line.received < line.sent
    ]
    await repository.give_up(session, transfer_id)
    await moving.put(session, "arrived", moved("arrived", lost), reason, holder(transfer_id))
    await moving.take_out(session, "written_off", moved("written_off", lost), reason, holder(transfer_id))
    await repository.change(session, transfer_id, state="closed", closed_at=now(), difference=reason)
    return await shown(session, transfer_id)


async def underway(session: WriteSession, transfer_id: int) -> StockTransfer:
    """The transfer, locked."""
    found = await repository.lock(session, transfer_id)
    if found is None:
        raise NotFound("transfer_not_found")
    if found.state != "sent":
        raise Conflict("transfer_closed", "nothing of it is on the way")
    return found


async def listed(session: ReadSession, wanted: TransferFilter) -> Transfers:
    """A page of transfers from or to a location, the newest first."""
    found, total = await repository.transfers(session, wanted)
    return Transfers(transfers=await views(session, found), total=total)


async def shown(session: ReadSession, transfer_id: int) -> TransferView:
    """Raises `NotFound` (`transfer_not_found`)."""
    found = await repository.one(session, transfer_id)
    if found is None:
        raise NotFound("transfer_not_found")
    return (await views(session, [found]))[0]


async def views(session: ReadSession, transfers: Sequence[StockTransfer]) -> list[TransferView]:
    lines = await repository.lines(session, [each.id for each in transfers])
    return [
        TransferView(
            id=each.id,
            from_id=each.from_id,
            to_id=each.to_id,
            state=each.state,
            note=each.note,
            difference=each.difference,
            sent_at=each.sent_at,
            closed_at=each.closed_at,
            lines=[
                TransferLineView(
                    sku_id=line.sku_id,
                    sent=line.sent,
                    received=line.received,
                    lost=line.lost,
                    on_the_way=line.sent - line.received - line.lost,
                )
                for line in lines[each.id]
            ],
        )
        for each in transfers
    ]


def holder(transfer_id: int) -> str:
    return f"transfer:{transfer_id}"
