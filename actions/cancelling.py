"""Stopping an order that has not been received: cancelled before it is sent, intercepted afterwards."""

from typing import Any

from rasa_sdk.events import EventType

from actions import wording
from actions.base import begin_form
from actions.client import Refused
from actions.forms import Form, Submission
from actions.orders import about, card, last_event, tell, tell_cancelled
from actions.shapes import Order
from actions.turn import ORDER, Turn, human

REASON_LETTERS = 60


def order_facts(order: Order) -> dict[str, Any]:
    """Slots that the questions of a form speak of."""
    return {"order_label": wording.order_short(order), "amount": wording.yuan(order.total_fen)}


def begin_cancel(turn: Turn, order: Order) -> list[EventType]:
    """Ask before an order is cancelled or its parcel stopped; or say why neither can be."""
    if order.can.get("cancel"):
        told = {
            "detail": turn.text[:REASON_LETTERS],
            "latest": wording.piece("refund_follows") if order.state == "paid" else "",
        }
        return begin_form(turn, "cancel_form", order_facts(order) | told)
    if order.intercept_at or order.state == "cancelled":
        tell(turn, order)
        return []
    if order.can.get("intercept"):
        facts = order_facts(order) | {"latest": last_event(order)}
        return begin_form(turn, "intercept_form", facts)
    if order.state == "shipped":
        turn.say("too_late_to_intercept", [human()], card(order), order=wording.order_short(order))
        return []
    turn.say("received_so_return", order=wording.order_short(order))
    return []


class CancelForm(Form):
    form = "cancel_form"
    slots = ("cancel_confirm",)
    own = frozenset({"cancel_order"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        return self.confirm(turn, asked)


class CancelSubmit(Submission):
    form = "cancel_form"
    title = "cancelled"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            order = await turn.shop.cancel(turn.slot(ORDER), turn.slot("detail") or "")
        except Refused as refused:
            if refused.code != "order_shipped":
                raise
            return begin_cancel(turn, await turn.shop.order(turn.slot(ORDER)))
        facts = {"order": wording.order_short(order), "number": order.number}
        if order.refunds:
            tell_cancelled(turn, order, facts)
        else:
            turn.say("cancelled_unpaid", [about("undo", "undo_request", order)], card(order), **facts)
        return []


class InterceptForm(Form):
    form = "intercept_form"
    slots = ("intercept_confirm",)
    own = frozenset({"cancel_order"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        return self.confirm(turn, asked)


class InterceptSubmit(Submission):
    form = "intercept_form"
    title = "intercepted"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            order = await turn.shop.intercept(turn.slot(ORDER))
        except Refused as refused:
            if refused.code != "intercept_impossible":
                raise
            turn.say("intercept_impossible", [human()])
            return []
        turn.say("intercepted", (), card(order), order=wording.order_short(order))
        return []
