"""Parcels: what left in them and what their carriers tell. Session first, no commit inside.

What becomes of a parcel is told on the topic `parcel.<state>` (`parcel.shipped` when it leaves), keyed
`order:<id>`. A fulfilment is locked before its parcels.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import cast

from backoffice.events import service as events
from backoffice.fulfillment import fulfilments, repository, stages, worklist
from backoffice.fulfillment import fulfilments_repository as parts
from backoffice.fulfillment.fulfilment_schemas import FulfilmentKind, FulfilmentView, NewParcel
from backoffice.fulfillment.models import Fulfilment, Shipment
from backoffice.fulfillment.ports import ParcelState, Tracked
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.kit.messages import message
from backoffice.kit.time import now, shop_date


async def ship(session: WriteSession, fulfilment_id: int, parcel: NewParcel, number: str) -> FulfilmentView:
    """Let pieces leave in a parcel of this tracking number; the last one makes the fulfilment `shipped`.

    A parcel of a known key is not sent again. Raises `NotFound`, `Invalid` (`parcel_key_reused`) or
    `Conflict` (`not_sent`, `fulfilment_moved_on`, `too_many_pieces`, `number_in_use`, `not_promised`).
    """
    found = await parts.held(session, fulfilment_id)
    if found is None:
        raise NotFound("fulfilment_not_found")
    if found.kind == "store_pickup":
        raise Conflict("not_sent", "it is fetched from the store")
    if await sent_before(session, fulfilment_id, parcel):
        return await worklist.view(session, found)
    left = {line.sku_id: line.quantity - line.sent for line in found.lines if line.quantity > line.sent}
    pieces = fulfilments.summed(parcel.pieces) if parcel.pieces else left
    state = await parts.send(session, fulfilment_id, pieces)
    if state is None and found.state != "packed":
        raise Conflict("fulfilment_moved_on", f"it is {found.state}", state=found.state)
    if state is None:
        raise Conflict("too_many_pieces", "fewer than that are left to be sent")
    await send(session, found, parcel, number, pieces)
    return await fulfilments.reached(session, fulfilment_id, state, state == "shipped")


async def sent_before(session: ReadSession, fulfilment_id: int, parcel: NewParcel) -> bool:
    """Whether the parcel of this key has left. Raises `Invalid` (`parcel_key_reused`) when it was another."""
    for sent in await repository.of_fulfilments(session, [fulfilment_id]):
        if sent.key == parcel.key:
            pieces = {line.sku_id: line.quantity for line in sent.lines}
            if sent.carrier != parcel.carrier or (
                parcel.pieces and fulfilments.summed(parcel.pieces) != pieces
            ):
                raise Invalid("parcel_key_reused", "this key was used for another parcel")
            return True
    return False


async def send(
    session: WriteSession, found: Fulfilment, parcel: NewParcel, number: str, pieces: Mapping[int, int]
) -> None:
    """Write the parcel down and let its pieces leave the stock."""
    moment = now()
    days = stages.ARRIVES_DAYS[cast(FulfilmentKind, found.kind)]
    added = await repository.add(
        session,
        pieces,
        order_id=found.order_id,
        fulfilment_id=found.id,
        key=parcel.key,
        location_id=found.location_id,
        carrier=parcel.carrier,
        tracking_number=number,
        state="in_transit",
        state_at=moment,
        heard_at=moment,
        shipped_at=moment,
        due=shop_date(moment + timedelta(days=days)),
    )
    shipment = await repository.numbered(session, parcel.carrier, number)
    if not added or shipment is None:
        raise Conflict("number_in_use", f"there is another parcel {number}")
    await fulfilments.leave(session, found, pieces)
    await tell(session, shipment, "shipped")


async def take(session: WriteSession, carrier: str, number: str, told: Iterable[Tracked]) -> bool:
    """Take in what a carrier tells of a parcel, in any order and however often; False for an unknown one."""
    shipment = await repository.numbered(session, carrier, number)
    if shipment is None:
        return False
    await hold(session, shipment)
    heard = False
    for step in sorted(told, key=lambda each: (each.at, each.event_id)):
        if await repository.add_event(session, shipment.id, carrier, step):
            heard = True
            if await repository.stand(session, shipment.id, step.state, step.at):
                await tell(session, shipment, step.state)
    if heard:
        await repository.hear(session, shipment.id, now())
        await settle(session, shipment)
    return True


async def end(
    session: WriteSession, fulfilment_id: int, key: str, state: ParcelState, by: str
) -> FulfilmentView:
    """Take in what staff know of a parcel. Raises `NotFound` (`parcel_not_found`), `Conflict`
    (`parcel_ended`, with its `state`) for one that has ended otherwise.
    """
    found = await repository.of_fulfilments(session, [fulfilment_id])
    shipment = next((each for each in found if each.key == key), None)
    if shipment is None:
        raise NotFound("parcel_not_found")
    number, moment = shipment.tracking_number, now()
    place, text = message("fulfillment", "ended.place"), message("fulfillment", f"ended.{state}")
    step = Tracked(number, f"{by}:{number}:{state}", state, moment, place, text)
    await take(session, shipment.carrier, number, [step])
    (after,) = [each for each in await repository.of_fulfilments(session, [fulfilment_id]) if each.key == key]
    if after.state != state:
        raise Conflict("parcel_ended", f"this parcel is {after.state}", state=after.state)
    return await worklist.view(session, await worklist.known(session, fulfilment_id))


async def give_up(session: WriteSession, carrier: str, number: str, before: datetime) -> bool:
    """Take a parcel as lost that is on its way and of which nothing was heard since then; whether it was."""
    shipment = await repository.numbered(session, carrier, number)
    if shipment is None:
        return False
    await hold(session, shipment)
    moment = now()
    if not await repository.lose(session, shipment.id, before, moment):
        return False
    place, text = message("fulfillment", "lost.place"), message("fulfillment", "lost.text")
    await repository.note(session, shipment.id, moment, place, text)
    await tell(session, shipment, "lost")
    await settle(session, shipment)
    return True


async def hold(session: WriteSession, shipment: Shipment) -> None:
    """Keep a parcel and its fulfilment from others until this transaction ends."""
    if shipment.fulfilment_id is not None:
        await parts.held(session, shipment.fulfilment_id)
    await repository.hold(session, shipment.id)


async def settle(session: WriteSession, shipment: Shipment) -> None:
    """Let the parcel's fulfilment follow its parcels, and tell when it has ended."""
    if shipment.fulfilment_id is None:
        return
    standing = [each.state for each in await repository.of_fulfilments(session, [shipment.fulfilment_id])]
    to = stages.arrived_as(standing)
    if await parts.settle(session, shipment.fulfilment_id, to, now()) and to != "shipped":
        await fulfilments.tell(session, await worklist.known(session, shipment.fulfilment_id))


async def tell(session: WriteSession, shipment: Shipment, state: str) -> None:
    about = {
        "order_id": shipment.order_id,
        "fulfilment_id": shipment.fulfilment_id,
        "carrier": shipment.carrier,
        "number": shipment.tracking_number,
        "state": state,
        "pieces": [{"sku_id": line.sku_id, "quantity": line.quantity} for line in shipment.lines],
    }
    await events.publish(session, f"parcel.{state}", fulfilments.holder(shipment.order_id), about)
