"""Parcels on their way, and how the next one can come."""

from collections.abc import Sequence

from backoffice.catalog import service as catalog
from backoffice.events import service as events
from backoffice.fulfillment import domain, repository
from backoffice.fulfillment.fulfilment_schemas import Piece
from backoffice.fulfillment.models import Shipment
from backoffice.fulfillment.planning.schemas import Promise
from backoffice.fulfillment.schemas import (
    CarrierName,
    DeliveryOption,
    DeliveryOptions,
    ShipmentView,
    ShipsFrom,
    TrackingView,
)
from backoffice.inventory import service as inventory
from backoffice.inventory.schemas import LocationView
from backoffice.kit.database import ReadSession, WriteSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.geo import distance_km
from backoffice.kit.messages import catalogue, message
from backoffice.kit.time import now

PICKUP = "store"
"""Stands for a carrier where the shopper comes and gets it."""
STOP = "parcel.stop"
"""Tells that a parcel shall be turned round, keyed by it: a carrier that is away keeps no other news back."""


def carrier_label(carrier: str) -> str:
    return message("fulfillment", f"carriers.{carrier}")


def carrier_names() -> list[CarrierName]:
    """Every carrier that parcels are sent with."""
    labels = catalogue("fulfillment")["carriers"]
    return [CarrierName(id=code, name=name) for code, name in labels.items() if code != PICKUP]


def view(shipment: Shipment) -> ShipmentView:
    stopping = shipment.intercept_at is not None and shipment.state in ("in_transit", "exception")
    state = "intercepting" if stopping else shipment.state
    return ShipmentView(
        carrier=shipment.carrier,
        carrier_label=carrier_label(shipment.carrier),
        number=shipment.tracking_number,
        state=state,
        state_label=message("fulfillment", f"states.{state}"),
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
        due=shipment.due,
        events=[
            TrackingView(at=event.at, place=event.place, text=event.text)
            for event in reversed(shipment.events)
        ],
        fulfilment_id=shipment.fulfilment_id,
        pieces=[Piece(sku_id=line.sku_id, quantity=line.quantity) for line in shipment.lines],
    )


async def shipments_of(session: ReadSession, order_ids: Sequence[int]) -> dict[int, list[ShipmentView]]:
    """The parcels of each order, first shipped first; an order without any has an empty list."""
    found: dict[int, list[ShipmentView]] = {order_id: [] for order_id in order_ids}
    for shipment in await repository.shipments_of(session, order_ids):
        found[shipment.order_id].append(view(shipment))
    return found


async def ask_intercept(session: WriteSession, order_id: int) -> None:
    """Have the carriers asked to turn the order's parcels round (`Sending.stop`).

    Raises `Conflict` (`intercept_impossible`) when none is on its way, or it is already out for delivery.
    """
    moment = now()
    stopped = await repository.ask_intercept(session, order_id, moment)
    if not stopped:
        raise Conflict("intercept_impossible", "no parcel of this order can be stopped any more")
    place, text = message("fulfillment", "intercept.place"), message("fulfillment", "intercept.text")
    for shipment_id, carrier, number in stopped:
        await repository.note(session, shipment_id, moment, place, text)
        await events.publish(session, STOP, f"parcel:{number}", {"carrier": carrier, "number": number})


async def delivery_options(
    session: ReadSession, city: str, amount_fen: int, weight_g: int, product_id: int | None
) -> DeliveryOptions:
    """The ways to a place named, from the nearest warehouse that has the product.

    A sold-out product has no options. Raises `NotFound` (`product_not_found`).
    """
    warehouses = await inventory.locations(session, "warehouse")
    stores = await inventory.locations(session, "store")
    stocked = {each.id for each in warehouses + stores}
    if product_id is not None:
        made = await catalog.variants(session, product_id)
        if not made:
            raise NotFound("product_not_found")
        stocked = await inventory.locations_of(session, [sku.id for sku in made])
        weight_g = weight_g or max(sku.weight_g for sku in made)
    place = await inventory.place(session, city) if city else None

    def nearest(locations: list[LocationView]) -> tuple[LocationView | None, float | None]:
        if not place or not locations:
            return None, None
        here = (place.latitude, place.longitude)
        found = min(locations, key=lambda each: distance_km(*here, each.latitude, each.longitude))
        return found, distance_km(*here, found.latitude, found.longitude)

    ready = [each for each in warehouses if each.id in stocked]
    warehouse, way_km = nearest(ready)
    _, store_km = nearest(stores)
    _, stocked_store_km = nearest([each for each in stores if each.id in stocked])
    offered = domain.options(
        distance_km=way_km,
        province=place.province if place else "",
        amount_fen=amount_fen,
        weight_g=weight_g,
        store_km=store_km,
        store_has_it=stocked_store_km is not None and stocked_store_km <= domain.PICKUP_KM,
    )
    return DeliveryOptions(
        options=[shown(option) for option in offered] if ready else [],
        ships_from=ShipsFrom(name=warehouse.name, city=warehouse.city) if warehouse else None,
        understood_city=place.city if place else None,
        free_from_fen=domain.FREE_FROM_FEN,
    )


SERVICES = {"standard": "standard", "next_day": "express", "instant": "same_day", "store_pickup": "pickup"}


def postage(promise: Promise, province: str, amount_fen: int, weight_g: int) -> int:
    """What sending a basket under a promise costs in fen; bulky goods cost what a lorry does."""
    offered = domain.options(
        distance_km=0, province=province, amount_fen=amount_fen, weight_g=weight_g, store_km=0
    )
    return next((each.fee_fen for each in offered if each.service == SERVICES[promise]), offered[0].fee_fen)


def shown(option: domain.Option) -> DeliveryOption:
    first, last = option.arrives(now())
    return DeliveryOption(
        carrier=option.carrier,
        carrier_label=carrier_label(option.carrier),
        service=option.service,
        service_label=message("fulfillment", f"services.{option.service}"),
        fee_fen=option.fee_fen,
        free_from_fen=option.free_from_fen,
        days_min=option.days[0],
        days_max=option.days[1],
        arrives_from=first,
        arrives_to=last,
        cut_off=f"{option.cut_off:%H:%M}",
    )
