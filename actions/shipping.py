"""Getting it to the shopper: how long, by whom, for how much."""

from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import Errand
from actions.client import Refused
from actions.knowledge import Knowledge, answer_from_knowledge, say_article, say_special_article
from actions.orders import card, tell
from actions.products import PRODUCT
from actions.shapes import Delivery, DeliveryOption, Order, TrackingEvent
from actions.turn import ORDER, Turn, button, human


async def destination(turn: Turn) -> str | None:
    """The place that is named, or else the shopper's own city."""
    place: str | None = turn.place
    if place or not turn.signed_in:
        return place
    try:
        addresses = (await turn.shop.me()).addresses
    except Refused:
        return None
    return next((address.city for address in addresses if address.is_default), None)


def option_row(option: DeliveryOption) -> str:
    fee = wording.yuan(option.fee_fen) if option.fee_fen else wording.piece("free")
    if option.fee_fen and option.free_from_fen:
        fee = wording.piece("free_from", fee=fee, amount=wording.yuan(option.free_from_fen))
    arrival = wording.day(option.arrives_from) if option.arrives_from else ""
    if option.arrives_to and option.arrives_to != option.arrives_from:
        arrival = wording.piece("range", first=arrival, last=wording.day(option.arrives_to))
    return wording.piece(
        "delivery",
        carrier=option.carrier_label,
        service=option.service_label,
        fee=fee,
        days=wording.days(option.days_min, option.days_max),
        arrival=arrival,
    )


def facts_of(found: Delivery, city: str | None) -> dict[str, Any]:
    first = found.options[0]
    return {
        "city": city or wording.piece("your_city"),
        "options": wording.lines(map(option_row, found.options)),
        "days": wording.days(first.days_min, first.days_max),
        "fee": wording.yuan(first.fee_fen),
        "free_from": wording.yuan(found.free_from_fen),
        "origin": found.ships_from.city if found.ships_from else wording.piece("nearest_warehouse"),
    }


class DeliveryErrand(Errand):
    """Tells what the backoffice works out for the shopper's city."""

    response: ClassVar[str]

    async def answer(self, turn: Turn) -> list[EventType]:
        if wording.says("abroad", turn.text):
            turn.say("no_delivery_abroad")
            return []
        city = await destination(turn)
        found = await turn.shop.delivery(city, turn.entity(PRODUCT) or turn.slot(PRODUCT))
        if not found.options:
            return await answer_from_knowledge(turn, "no_delivery", human())
        turn.say(self.response if city else f"{self.response}_anywhere", **facts_of(found, city))
        return []


class DeliveryEta(DeliveryErrand):
    """An order that is on its way is told about; else what a purchase would take."""

    title = "delivery_eta"
    response = "delivery_eta"

    async def answer(self, turn: Turn) -> list[EventType]:
        named = (
            wording.says("abroad", turn.text)
            or turn.place
            or turn.entity(PRODUCT)
            or wording.says("if_bought", turn.text)
        )
        if turn.signed_in and not named:
            meant = await turn.shop.order_meant(turn.text, "track", turn.slot("order_no"))
            if meant.verdict == "one" and meant.orders[0].state in ("paid", "shipped"):
                tell(turn, meant.orders[0])
                return []
        return await super().answer(turn)


class ShippingFee(DeliveryErrand):
    """Rules (returns, orders put together) are articles; what it costs is worked out."""

    title = "shipping_fee"
    response = "shipping_fee"

    async def answer(self, turn: Turn) -> list[EventType]:
        if not turn.place and await say_special_article(turn):
            return []
        return await super().answer(turn)


class DeliveryOptions(DeliveryErrand):
    """Rules (which carriers, carrying upstairs, choosing a time) are articles; the list stands below."""

    title = "delivery_options"
    response = "delivery_options"

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.place or wording.says("abroad", turn.text):
            return await super().answer(turn)
        if await say_article(turn, button("delivery", "delivery_eta")):
            return []
        return await super().answer(turn)


class ContactInfo(Knowledge):
    """Phone numbers are in articles; the courier's stands in the tracking of the parcel."""

    async def answer(self, turn: Turn) -> list[EventType]:
        if turn.signed_in and not turn.pressed and wording.says("courier", turn.text):
            meant = await turn.shop.order_meant(turn.text, "track", turn.slot(ORDER), times=turn.times)
            named = [(order, event) for order in meant.orders if (event := courier_event(order))]
            if named:
                order, event = named[0]
                turn.say("courier_phone", (), card(order), order=wording.order_short(order), event=event.text)
                return [SlotSet(ORDER, order.number)]
        return await super().answer(turn)


def courier_event(order: Order) -> TrackingEvent | None:
    """The newest news of the order's parcels that names a mobile number."""
    events = (event for parcel in order.shipments for event in parcel.events)
    return next((event for event in events if wording.says("phone", event.text)), None)
