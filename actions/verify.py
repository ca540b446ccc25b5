"""A visitor proves an order by its number and the last four digits of its phone."""

from typing import Any

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions import wording
from actions.base import begin_form
from actions.client import Refused
from actions.forms import Form, Submission
from actions.turn import ORDER, Turn, human

LAST = 4


class VerifyForm(Form):
    form = "verify_form"
    slots = ("verify_order", "verify_last4")

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        order_no, last4, phone = turn.entity(ORDER), turn.entity("last4"), turn.entity("phone")
        heard: dict[str, Any] = {}
        if order_no:
            heard["verify_order"] = order_no
        if last4 or phone:
            heard["verify_last4"] = last4 or phone[-LAST:]
        number = wording.says("code", turn.text) or not self.asks_else(turn)
        if not heard and number and wording.says("digits", turn.text):
            turn.say("verify_number_wrong" if asked == "verify_order" else "verify_last4_wrong")
            heard[asked] = None
        return heard


class VerifySubmit(Submission):
    form = "verify_form"
    title = "verified"

    async def submit(self, turn: Turn) -> list[EventType]:
        try:
            order = await turn.shop.verify(turn.slot("verify_order"), turn.slot("verify_last4"))
        except Refused as refused:
            if refused.code != "order_not_found":
                raise
            turn.say("verify_failed", [human()])
            return begin_form(turn, "verify_form", {"resume": turn.slot("resume")})
        resume = turn.slot("resume")
        return [SlotSet(ORDER, order.number), *([FollowupAction(resume)] if resume else [])]
