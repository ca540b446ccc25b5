"""What a location has to do, and who may see it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import cast

from backoffice.catalog import service as catalog
from backoffice.fulfillment import fulfilments_repository as repository
from backoffice.fulfillment import repository as shipments
from backoffice.fulfillment.fulfilment_schemas import (
    FulfilmentKind,
    FulfilmentParcel,
    Fulfilments,
    FulfilmentState,
    FulfilmentView,
    LineView,
    Piece,
    Receiver,
    Workplaces,
)
from backoffice.fulfillment.models import Fulfilment, Shipment
from backoffice.inventory import service as inventory
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import NotFound
from backoffice.kit.masking import mask_name, mask_phone, mask_street
from backoffice.kit.messages import message
from backoffice.kit.paging import Page
from backoffice.staff import service as staff
from backoffice.staff.schemas import StaffView

EVERYWHERE = ("supervisor", "admin")


async def known(session: ReadSession, fulfilment_id: int) -> Fulfilment:
    """Raises `NotFound` (`fulfilment_not_found`)."""
    found = await repository.one(session, fulfilment_id)
    if found is None:
        raise NotFound("fulfilment_not_found")
    return found


async def listed(
    session: ReadSession,
    member: StaffView,
    location_id: int | None,
    states: Sequence[FulfilmentState],
    page: Page,
) -> Fulfilments:
    """A page of what there is to do where this member works, at one location or at all of them."""
    allowed = await workplaces(session, member)
    wanted = allowed if location_id is None else {location_id} & (allowed or {location_id})
    found, total = await repository.worklist(session, wanted, states, page)
    return Fulfilments(fulfilments=await views(session, found), total=total)


async def workplaces(session: ReadSession, member: StaffView) -> set[int] | None:
    """The locations where a member works; None: everywhere."""
    return None if member.role in EVERYWHERE else await repository.workplaces(session, member.id)


async def require_workplace(session: ReadSession, member: StaffView, fulfilment_id: int) -> None:
    """Raises `NotFound` (`fulfilment_not_found`) for one of a location where this member does not work."""
    allowed = await workplaces(session, member)
    if allowed is not None and (await known(session, fulfilment_id)).location_id not in allowed:
        raise NotFound("fulfilment_not_found")


async def set_workplaces(session: WriteSession, staff_id: int, wanted: Workplaces) -> None:
    """Where this member works from now on. Raises `NotFound` (`staff_not_found`, `location_not_found`)."""
    if not await staff.members(session, [staff_id]):
        raise NotFound("staff_not_found")
    there = {each.id for kind in ("warehouse", "store") for each in await inventory.locations(session, kind)}
    if unknown := set(wanted.location_ids) - there:
        raise NotFound("location_not_found", ", ".join(map(str, sorted(unknown))))
    await repository.set_workplaces(session, staff_id, set(wanted.location_ids))


async def of_orders(session: ReadSession, order_ids: Collection[int]) -> dict[int, list[FulfilmentView]]:
    """The parts of each order, the first made first; an order without any has an empty list."""
    found: dict[int, list[FulfilmentView]] = {order_id: [] for order_id in order_ids}
    for each in await views(session, await repository.of_orders(session, order_ids)):
        found[each.order_id].append(each)
    return found


async def view(session: ReadSession, found: Fulfilment) -> FulfilmentView:
    return (await views(session, [found]))[0]


async def views(session: ReadSession, found: Sequence[Fulfilment]) -> list[FulfilmentView]:
    """They, with the names of what is in them and their parcels."""
    skus = await catalog.skus(session, sorted({line.sku_id for each in found for line in each.lines}))
    parcels: defaultdict[int | None, list[FulfilmentParcel]] = defaultdict(list)
    for parcel in await shipments.of_fulfilments(session, [each.id for each in found]):
        parcels[parcel.fulfilment_id].append(parcel_view(parcel))
    return [
        FulfilmentView(
            id=each.id,
            order_id=each.order_id,
            part=each.part,
            location_id=each.location_id,
            kind=cast(FulfilmentKind, each.kind),
            kind_label=message("fulfillment", f"kinds.{each.kind}"),
            state=cast(FulfilmentState, each.state),
            state_label=message("fulfillment", f"stages.{each.state}"),
            reason=each.reason,
            receiver=masked(each),
            accept_by=each.accept_by,
            leave_by=each.leave_by,
            late=each.late_at is not None,
            hold_until=each.hold_until,
            created_at=each.created_at,
            accepted_at=each.accepted_at,
            packed_at=each.packed_at,
            ended_at=each.ended_at,
            lines=[
                LineView(
                    sku_id=line.sku_id,
                    name=skus[line.sku_id].name if line.sku_id in skus else "",
                    colour=skus[line.sku_id].colour if line.sku_id in skus else "",
                    size=skus[line.sku_id].size if line.sku_id in skus else "",
                    quantity=line.quantity,
                    sent=line.sent,
                )
                for line in each.lines
            ],
            parcels=parcels[each.id],
        )
        for each in found
    ]


def parcel_view(parcel: Shipment) -> FulfilmentParcel:
    return FulfilmentParcel(
        key=parcel.key,
        carrier=parcel.carrier,
        number=parcel.tracking_number,
        state=parcel.state,
        state_label=message("fulfillment", f"states.{parcel.state}"),
        pieces=[Piece(sku_id=line.sku_id, quantity=line.quantity) for line in parcel.lines],
    )


def masked(found: Fulfilment) -> Receiver | None:
    if not found.receiver:
        return None
    return Receiver(
        receiver=mask_name(found.receiver),
        phone=mask_phone(found.phone),
        province=found.province,
        city=found.city,
        district=found.district,
        street=mask_street(found.street),
    )
