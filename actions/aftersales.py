"""After the sale: what is wrong with a thing, how far a return is, the rules, and the money."""

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import OrderErrand
from actions.knowledge import Knowledge, answer_from_knowledge
from actions.orders import about, refund_card, tell
from actions.returns import CLAIMED, OPEN_STATES, begin, card, facts_of, tell_later, tell_return, under_way
from actions.shapes import Order, Refund
from actions.turn import ORDER, Button, Turn, button, human

MOST_TOLD = 2


class SomethingWrong(OrderErrand):
    """Damaged, faulty, missing or wrong: say sorry, then claim."""

    informs = False

    async def answer(self, turn: Turn) -> list[EventType]:
        """What would be, if something were wrong, is a question about the rules."""
        if wording.says("supposes", turn.text) and not turn.pressed:
            turn.intent = "return_policy"
            return await answer_from_knowledge(turn, "no_article", human())
        return await super().answer(turn)

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.state not in ("delivered", "completed"):
            tell(turn, order)
            return []
        said = wording.first_said("reason", turn.text)
        lead = f"sorry_{said}" if said in CLAIMED else "sorry_unclear"
        return await begin(turn, order, "claim", said if said in CLAIMED else None, lead)


class MissingOrWrongItem(SomethingWrong):
    title = "missing_or_wrong_item"
    errand = "wrong_item"
    intent = "missing_or_wrong_item"


class DamagedOrDefective(SomethingWrong):
    title = "damaged_or_defective"
    errand = "defective"
    intent = "damaged_or_defective"


class AftersaleProgress(OrderErrand):
    title = "aftersale_progress"
    errand = "progress"
    intent = "aftersale_progress"

    async def answer(self, turn: Turn) -> list[EventType]:
        """Without an order named, everything under way is told: nobody needs to choose."""
        mine = await under_way(turn)
        if not 0 < len(mine) <= MOST_TOLD:
            return await super().answer(turn)
        for sent_back in mine:
            tell_return(turn, sent_back)
        return [SlotSet(ORDER, mine[0].order_number)]

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        found = await turn.shop.returns(order.number)
        for sent_back in [r for r in found if r.state in OPEN_STATES] or found[:1]:
            tell_return(turn, sent_back)
        if not found and turn.form:
            turn.intent = "return_policy"
            return await answer_from_knowledge(turn, "no_article", human())
        if not found:
            tell_refunds(turn, order, order.refunds)
        return []


def switch(turn: Turn) -> list[Button]:
    """In the form of a return, the button of an exchange that was asked about, or the other way round."""
    for kind, other in (("return", "exchange"), ("exchange", "return")):
        if turn.form == f"{kind}_form" and wording.says(f"wish.{other}_form", turn.text):
            return [button(other, f"{other}_request", order_no=turn.slot(ORDER))]
    return []


class ReturnPolicy(Knowledge):
    """The rules; or whether the order talked about can be sent back."""

    async def answer(self, turn: Turn) -> list[EventType]:
        order = await self._talked_about(turn)
        if order is None:
            return await answer_from_knowledge(turn, "no_article", self._button, onward=switch(turn))
        label = wording.order_short(order)
        if order.state not in ("delivered", "completed"):
            tell_later(turn, order)
            return []
        found = await turn.shop.returnable(order.number, "return")
        until = [line.until for line in found.lines if line.until]
        if found.eligible and until:
            choices = [about("return", "return_request", order), about("exchange", "exchange_request", order)]
            turn.say("returnable", choices, order=label, until=wording.moment(max(until)))
        else:
            turn.say(f"not_returnable_{found.reason}", [human()], order=label)
        return []

    @staticmethod
    async def _talked_about(turn: Turn) -> Order | None:
        """The order whose goods are named, or the one talked about before when it is pointed at."""
        if turn.signed_in and not turn.pressed:
            meant = await turn.shop.order_meant(turn.text, "return", times=turn.times)
            if meant.verdict == "one" and meant.reason in ("product", "day"):
                return meant.orders[0]
        number = turn.slot(ORDER)
        return await turn.shop.order(number) if number and wording.says("same", turn.text) else None


class RefundStatus(OrderErrand):
    title = "refund_status"
    errand = "refund"
    intent = "refund_status"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.refunds:
            tell_refunds(turn, order, order.refunds)
            return []
        open_ones = [r for r in await turn.shop.returns(order.number) if r.state in OPEN_STATES]
        if not any(sent_back.kind != "exchange" for sent_back in open_ones):
            others = [sent_back for sent_back in await under_way(turn) if sent_back.kind != "exchange"]
            open_ones = others if len(others) == 1 else open_ones
        for sent_back in open_ones[:1]:
            response = "progress_exchange" if sent_back.kind == "exchange" else "refund_after_return"
            turn.say(response, (), card(sent_back), **facts_of(sent_back))
            return [SlotSet(ORDER, sent_back.order_number)]
        if not open_ones and turn.form:
            return await answer_from_knowledge(turn, "no_article", human())
        if not open_ones:
            tell_refunds(turn, order, [])
        return []


def tell_refunds(turn: Turn, order: Order, refunds: list[Refund]) -> None:
    """Say where the money is; or that none is on its way, and what can be done instead."""
    label = wording.order_short(order)
    for refund in refunds[:2]:
        day = refund.settled_at or refund.expected_by or refund.requested_at
        turn.say(
            f"refund_{refund.state}",
            [human()] if refund.state == "failed" else (),
            refund_card(refund),
            order=label,
            amount=wording.yuan(refund.amount_fen),
            destination=refund.destination,
            day=wording.day(day),
            number=refund.number,
        )
    if refunds:
        return
    if order.state in ("delivered", "completed"):
        choices = [about("return", "return_request", order)]
    elif order.can.get("cancel") or order.can.get("intercept"):
        choices = [about("cancel", "cancel_order", order)]
    else:
        choices = []
    turn.say("no_refund", [*choices, human()], order=label, state=order.state_label)
