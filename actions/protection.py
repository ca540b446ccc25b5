"""The price fell after it was bought: what is owed, until when, and paying it back."""

from typing import Any

from rasa_sdk.events import EventType

from actions import wording
from actions.base import OrderErrand, begin_form
from actions.cancelling import order_facts
from actions.client import Refused
from actions.forms import Form, Submission
from actions.orders import refund_card
from actions.shapes import Order
from actions.turn import ORDER, Turn, human


class PriceProtection(OrderErrand):
    title = "price_protection"
    informs = False
    errand = "price_protection"
    intent = "price_protection"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        found = await turn.shop.protection(order.number)
        until = wording.day(found.deadline) if found.deadline else ""
        if found.eligible:
            drops = wording.lines(
                wording.piece(
                    "drop",
                    item=wording.variant(line.name, line.variant),
                    paid=wording.yuan(line.paid_fen),
                    current=wording.yuan(line.current_fen),
                )
                for line in found.lines
                if line.difference_fen
            )
            facts = {"difference": wording.yuan(found.difference_fen), "until": until, "drops": drops}
            return begin_form(turn, "protect_form", order_facts(order) | facts)
        turn.say(f"protection_{found.reason}", [human()], order=wording.order_short(order), until=until)
        return []


class ProtectForm(Form):
    form = "protect_form"
    slots = ("protect_confirm",)
    own = frozenset({"price_protection"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        return self.confirm(turn, asked)


class ProtectSubmit(Submission):
    form = "protect_form"
    title = "protected"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            refund = await turn.shop.claim_protection(turn.slot(ORDER))
        except Refused as refused:
            if refused.code != "not_eligible":
                raise
            turn.say("protection_no_drop", [human()], order=turn.slot("order_label"), until="")
            return []
        turn.say(
            "protected",
            (),
            refund_card(refund),
            amount=wording.yuan(refund.amount_fen),
            destination=refund.destination,
            expected=wording.day(refund.expected_by or refund.requested_at),
        )
        return []
