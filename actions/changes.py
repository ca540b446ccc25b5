"""Changing an order: cancel, take back, another address, and what cannot be changed."""

from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions import returns, wording
from actions.base import OrderErrand, begin_form
from actions.cancelling import begin_cancel, order_facts
from actions.client import Refused
from actions.forms import Form, Submission
from actions.orders import about, card, tell
from actions.shapes import Order, Return
from actions.turn import AFFIRM, DENY, ORDER, Turn, human


class CancelOrder(OrderErrand):
    title = "cancel_order"
    informs = False
    errand = "cancel"
    intent = "cancel_order"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.state in ("delivered", "completed"):
            turn.say("received_so_return", order=wording.order_short(order))
            return await returns.begin(turn, order, "return")
        return begin_cancel(turn, order)


class UndoRequest(OrderErrand):
    """Takes back a cancellation, or a return that has not been inspected."""

    title = "undo_request"
    informs = False
    errand = "undo"
    intent = "undo_request"

    async def answer(self, turn: Turn) -> list[EventType]:
        """A return or exchange that is named as one is meant when it is the only one going on."""
        going_on = await returns.under_way(turn) if wording.first_said("returns", turn.text) else []
        if len(going_on) != 1:
            return await super().answer(turn)
        order = await turn.shop.order(going_on[0].order_number)
        return [SlotSet(ORDER, order.number), *self.take_back(turn, order, going_on)]

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        facts = order_facts(order)
        if order.can.get("undo_cancel"):
            return begin_form(
                turn, "undo_form", facts | {"undo_number": None, "undo_kind": wording.piece("undo.order")}
            )
        return self.take_back(turn, order, await turn.shop.returns(order.number))

    def take_back(self, turn: Turn, order: Order, sent_backs: list[Return]) -> list[EventType]:
        facts = order_facts(order)
        for sent_back in sent_backs:
            if sent_back.state in returns.OPEN_STATES:
                kind = wording.piece(f"undo.{sent_back.kind}")
                return begin_form(
                    turn, "undo_form", facts | {"undo_number": sent_back.number, "undo_kind": kind}
                )
        if sent_backs and order.state != "cancelled":
            last = sent_backs[0]
            turn.say("undo_return_too_late", [human()], returns.card(last), **returns.facts_of(last))
        elif order.state == "cancelled":
            turn.say("undo_too_late", [human()], card(order), order=wording.order_short(order))
        else:
            turn.say("nothing_to_undo", (), order=wording.order_short(order), state=order.state_label)
        return []


class UndoForm(Form):
    form = "undo_form"
    slots = ("undo_confirm",)
    own = frozenset({"undo_request"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        return self.confirm(turn, asked)


class UndoSubmit(Submission):
    form = "undo_form"
    title = "undone"

    async def submit(self, turn: Turn) -> list[EventType]:
        number = turn.slot("undo_number")
        try:
            if number:
                sent_back = await turn.shop.undo_return(number)
                turn.say(
                    "return_undone",
                    (),
                    returns.card(sent_back),
                    item=sent_back.item,
                    kind=sent_back.kind_label,
                )
                return []
            order = await turn.shop.undo_cancel(turn.slot(ORDER))
        except Refused as refused:
            if refused.code != "undo_impossible":
                raise
            sold_out = refused.extra.get("reason") == "out_of_stock"
            turn.say("undo_sold_out" if sold_out else "undo_impossible", [human()])
            return []
        tell(turn, order, lead="undone")
        return []


class ModifyAddress(OrderErrand):
    title = "modify_address"
    informs = False
    errand = "address"
    intent = "modify_address"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.state == "shipped":
            choices = [about("intercept", "cancel_order", order)] if order.can.get("intercept") else []
            turn.say("address_shipped", [*choices, human()], card(order), order=wording.order_short(order))
            return []
        if not order.can.get("change_address"):
            tell(turn, order, lead="address_too_late")
            return []
        facts = order_facts(order) | {"receiver": f"{order.receiver} {order.phone} {order.address}"}
        return begin_form(
            turn, "address_form", facts | {"address_text": address_in(turn), "address_before": None}
        )


def address_in(turn: Turn) -> str | None:
    """The address, name or phone that a message tells; None when it only wishes to change it."""
    told = wording.without("address_lead", turn.text)
    marks = len(wording.pattern("address").findall(told))
    place = marks > 1 or (marks == 1 and turn.entity("place") is not None)
    if not (place or turn.entity("phone") or wording.says("receiver", turn.text)):
        return None
    return wording.without("phone_lead", wording.without("correction", told))


def joined(turn: Turn, told: str) -> str:
    """What was told before completed or corrected by what is told now: region, street, name and phone may
    come one after the other and in any order."""
    before, phone = turn.slot("address_text") or turn.slot("address_before") or "", turn.entity("phone")
    if not before:
        return told
    if not wording.says("address", told):
        if phone and wording.says("phone", before):
            return wording.pattern("phone").sub(phone, before)
        return wording.piece("address_more", before=before, more=told)
    place, *people = wording.pattern("comma").split(before)
    if not wording.says("address", place):
        place, people = "", [before]
    region = wording.pattern("region").match(place)
    in_region = turn.entity("place") or wording.pattern("region").match(told)
    if in_region and not wording.says("street", told) and not region:
        told = wording.without("of", told) + place
    elif not in_region and region:
        told = region[0] + told
    if phone or wording.says("receiver", told) or wording.pattern("comma").search(told):
        return told
    return wording.piece("comma").join([told, *people])


class AddressForm(Form):
    """`address_text`: what was said; `address_confirm`: yes. Another address corrects the first."""

    form = "address_form"
    slots = ("address_text", "address_confirm")
    own = frozenset({"modify_address"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        if turn.entity("again"):
            return {"address_text": None}
        told = address_in(turn)
        if told:
            return {"address_text": joined(turn, told), "address_confirm": None}
        if asked == "address_confirm":
            if wording.says("again", turn.text) and not turn.pressed:
                return {"address_text": None}
            return self.confirm(turn, asked)
        if turn.pressed or self.asks_else(turn) or turn.intent in (AFFIRM, DENY, *self.own):
            return {}
        return {"address_text": joined(turn, turn.text)} if wording.says("name_alone", turn.text) else {}


class AddressSubmit(Submission):
    form = "address_form"
    title = "address_changed"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            order = await turn.shop.change_address(turn.slot(ORDER), text=turn.slot("address_text"))
        except Refused as refused:
            if refused.code != "address_unclear":
                raise
            missing = wording.listed(
                wording.piece(f"address.{part}") for part in refused.extra.get("missing", [])
            )
            turn.say("address_unclear", missing=missing or wording.piece("address.street"))
            return begin_form(turn, "address_form", {"address_before": turn.slot("address_text")})
        turn.say(
            "address_changed",
            (),
            card(order),
            order=wording.order_short(order),
            receiver=order.receiver,
            phone=order.phone,
            address=order.address,
        )
        return []


class ModifyOrder(OrderErrand):
    title = "modify_order"
    errand = "modify"
    intent = "modify_order"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        label = wording.order_short(order)
        if wording.says("note", turn.text) and order.state in ("paid", "unpaid", "shipped"):
            turn.say("note_before" if order.state != "shipped" else "note_shipped", [human()], order=label)
        elif order.can.get("cancel"):
            choices = [about("cancel", "cancel_order", order), about("address", "modify_address", order)]
            turn.say("modify_by_reordering", [*choices, human()], order=label)
        elif order.state == "shipped":
            turn.say(
                "modify_after_receipt", [about("intercept", "cancel_order", order), human()], order=label
            )
        elif order.state == "cancelled":
            tell(turn, order)
        else:
            turn.say("modify_by_exchange", [about("exchange", "exchange_request", order)], order=label)
        return []
