"""Where an order stands: its state, not the wording, decides what is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rasa_sdk.events import EventType

from actions import wording
from actions.base import OrderErrand
from actions.shapes import Order, Refund, Shipment
from actions.turn import Button, Turn, button, command, human

STALLED = timedelta(hours=48)


def card(order: Order) -> dict[str, Any]:
    """The order card of the chat; times in ISO 8601, money in fen."""
    parcel = order.shipments[0] if order.shipments else None
    return {
        "type": "order",
        "number": order.number,
        "state": order.state,
        "state_label": order.state_label,
        "placed_at": order.placed_at.isoformat(),
        "total_fen": order.total_fen,
        "lines": [
            line.model_dump(include={"name", "variant", "quantity", "price_fen", "image"})
            for line in order.lines
        ],
        "progress": [step.model_dump(mode="json") for step in order.progress],
        "tracking": parcel and tracking(parcel),
    }


def tracking(parcel: Shipment) -> dict[str, Any]:
    return {
        "carrier": parcel.carrier_label,
        "number": parcel.number,
        "events": [event.model_dump(mode="json") for event in parcel.events],
    }


def refund_card(refund: Refund) -> dict[str, Any]:
    return {
        "type": "refund",
        "number": refund.number,
        "amount_fen": refund.amount_fen,
        "state_label": refund.state_label,
        "destination": refund.destination,
        "expected_by": refund.expected_by and refund.expected_by.isoformat(),
    }


def about(label: str, intent: str, order: Order) -> Button:
    """A button that starts another errand with the same order."""
    return button(label, intent, order_no=order.number)


def tell(turn: Turn, order: Order, lead: str = "") -> None:
    """Say where the order stands and what can be done now; `lead` names a sentence to begin with."""
    facts: dict[str, Any] = {"order": wording.order_short(order), "number": order.number}
    if lead:
        turn.say(lead, **facts)
    match order.state:
        case "unpaid":
            turn.say(
                "order_unpaid",
                [about("cancel", "cancel_order", order)],
                card(order),
                total=wording.yuan(order.total_fen),
                **facts,
            )
        case "paid":
            tell_waiting(turn, order, facts)
        case "shipped":
            tell_under_way(turn, order, facts)
        case "delivered" | "completed":
            signed = order.delivered_at or order.placed_at
            turn.say(
                "order_delivered",
                [about("return", "return_request", order), about("exchange", "exchange_request", order)],
                card(order),
                delivered=wording.moment(signed),
                event=last_event(order),
                **facts,
            )
        case "cancelled":
            tell_cancelled(turn, order, facts)


def tell_waiting(turn: Turn, order: Order, facts: dict[str, Any]) -> None:
    late = order.ship_by < datetime.now(UTC)
    buttons = [
        about("urge", "urge_shipment", order),
        about("address", "modify_address", order),
        about("cancel", "cancel_order", order),
    ]
    response = "order_paid_late" if late else "order_paid"
    turn.say(response, buttons, card(order), ship_by=wording.moment(order.ship_by), **facts)


def tell_under_way(turn: Turn, order: Order, facts: dict[str, Any]) -> None:
    parcel = order.shipments[0] if order.shipments else None
    if parcel is None or not parcel.events:
        turn.say("order_shipped_untracked", [human()], card(order), **facts)
        return
    facts |= {
        "carrier": parcel.carrier_label,
        "tracking": parcel.number,
        "event": last_event(order),
        "state": parcel.state_label,
    }
    overdue = parcel.due is not None and parcel.due < datetime.now(wording.SHOP_ZONE).date()
    if order.intercept_at:
        turn.say("order_intercepting", [about("refund", "refund_status", order)], card(order), **facts)
    elif parcel.state == "exception":
        turn.say("order_exception", [human()], card(order), **facts)
    elif overdue or datetime.now(UTC) - parcel.events[0].at > STALLED:
        turn.say("order_stalled", [human()], card(order), **facts)
    else:
        due = parcel.due or datetime.now(wording.SHOP_ZONE).date()
        turn.say("order_shipped", (), card(order), due=wording.day(due), **facts)


def tell_cancelled(turn: Turn, order: Order, facts: dict[str, Any]) -> None:
    undo = [about("undo", "undo_request", order)] if order.can.get("undo_cancel") else []
    at = wording.moment(order.cancelled_at or order.placed_at)
    if not order.refunds:
        turn.say("order_cancelled", undo, card(order), at=at, **facts)
        return
    refund = order.refunds[0]
    turn.say(
        "order_cancelled_settled" if refund.state == "settled" else "order_cancelled_refunding",
        undo,
        card(order),
        at=at,
        amount=wording.yuan(refund.amount_fen),
        destination=refund.destination,
        refund=refund.state_label,
        expected=wording.day(refund.settled_at or refund.expected_by or refund.requested_at),
        **facts,
    )


def last_event(order: Order) -> str:
    """When, where and what was last heard of the parcel; empty when nothing was."""
    events = order.shipments[0].events if order.shipments else []
    if not events:
        return ""
    return wording.piece(
        "event", at=wording.moment(events[0].at), place=events[0].place, text=events[0].text
    ).strip()


class OrderStatus(OrderErrand):
    title = "order_status"
    errand = "status"
    intent = "order_status"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        tell(turn, order)
        return []


class TrackShipment(OrderStatus):
    title = "track_shipment"
    errand = "track"
    intent = "track_shipment"


class UrgeShipment(OrderErrand):
    title = "urge_shipment"
    also = False
    errand = "urge"
    intent = "urge_shipment"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        """Who only asks when it is sent is told so; a wish to hurry is counted."""
        only_asks = wording.says("when_sent", turn.text) and not wording.says("hurries", turn.text)
        if only_asks or not order.can.get("urge"):
            tell(turn, order)
            return []
        urged = await turn.shop.urge(order.number)
        late = urged.ship_by < datetime.now(UTC)
        response = "urged_late" if late else "urged" if urged.first else "urged_again"
        turn.say(
            response,
            [human()] if late or not urged.first else [about("cancel", "cancel_order", order)],
            order=wording.order_short(order),
            ship_by=wording.moment(urged.ship_by),
            times=urged.urges,
        )
        return []


class NotReceived(OrderErrand):
    title = "not_received"
    errand = "not_received"
    intent = "not_received"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if wording.says("found_it", turn.text):
            turn.say("found_it")
            return []
        if order.state not in ("delivered", "completed"):
            tell(turn, order)
            return []
        report = Button(
            title=wording.piece("button.case"),
            payload=command("complaint", kind="not_received", order_no=order.number),
        )
        turn.say(
            "not_received",
            [report, human()],
            card(order),
            order=wording.order_short(order),
            delivered=wording.moment(order.delivered_at or order.placed_at),
            event=last_event(order),
        )
        return []
