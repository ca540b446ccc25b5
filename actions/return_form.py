"""The form of returns and claims: which pieces, why, which way back, and its terms before the last yes."""

from typing import Any

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import wording
from actions.base import excuse
from actions.client import Refused, Unreachable
from actions.forms import Submission
from actions.returns import (
    ALL,
    CLAIMED,
    DETAIL_LETTERS,
    PICKUP,
    ItemForm,
    all_facts,
    card,
    facts_of,
    line_facts,
    pieces,
    say_not_returnable,
)
from actions.shapes import ReturnableLine, Terms
from actions.turn import ORDER, REQUESTED, STOPPED, Button, Turn, button, command, human

REASONS = ("unwanted", "size", "defective", "damaged", "wrong_item", "missing", "other")
"""In the order of their buttons, as are those of claims."""
MOST_STORES = 3
STORE = "store"


def chosen(turn: Turn) -> list[tuple[ReturnableLine, int]]:
    """The lines that go back, each with its pieces; of a whole order those that can for the reason."""
    lines, reason = ItemForm.lines(turn), turn.slot("return_reason")
    if turn.slot("return_line") == ALL:
        fitting = [line for line in lines if reason is None or reason in line.reasons]
        return [(line, line.quantity) for line in fitting or lines]
    return [
        (line, turn.slot("return_quantity") or 1)
        for line in lines
        if line.line_id == turn.slot("return_line")
    ]


def reasons(turn: Turn) -> list[str]:
    """The reasons to choose from."""
    allowed = {reason for line, _ in chosen(turn) for reason in line.reasons}
    wanted = CLAIMED if turn.slot("return_kind") == "claim" else REASONS
    return [reason for reason in wanted if reason in allowed]


def asked_for(turn: Turn) -> dict[str, Any]:
    """What is asked of the backoffice: what never came is claimed, what is no fault is returned."""
    reason = turn.slot("return_reason")
    claimed = reason == "missing" or (turn.slot("return_kind") == "claim" and reason in CLAIMED)
    return {
        "lines": [{"line_id": line.line_id, "quantity": count} for line, count in chosen(turn)],
        "kind": "claim" if claimed else "return",
        "reason": reason,
        "store_id": way(turn)["id"],
    }


def way(turn: Turn) -> dict[str, Any]:
    """The store they are brought to; without a name when a courier comes."""
    return turn.slot("return_way") or PICKUP


def items(turn: Turn) -> str:
    named = ((wording.variant(line.name, line.variant), count) for line, count in chosen(turn))
    return wording.listed(
        wording.piece("counted", item=item, count=count) if count > 1 else item for item, count in named
    )


def terms_told(terms: Terms, store: str) -> str:
    """How the goods go back, who pays for it, and what is paid back besides their price."""
    fee = wording.piece("fee", amount=wording.yuan(terms.postage_fen)) if terms.postage_fen else ""
    if not terms.goods_back:
        told = wording.piece("terms.kept")
    elif terms.pickup_at is None:
        told = wording.piece("terms.store", store=store)
    else:
        at = wording.moment(terms.pickup_at)
        told = wording.piece("terms.pickup", at=at, postage=terms.postage_label, fee=fee)
    if terms.shipping_fen:
        told += wording.piece("terms.shipping", amount=wording.yuan(terms.shipping_fen))
    return told


def answering(label: str, intent: str = "affirm", **entities: Any) -> Button:
    return button(label, intent, **entities, of="return_form")


class AskReason(Action):
    """The reasons that are left for what goes back, as buttons."""

    def name(self) -> str:
        return "action_ask_return_reason"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        turn = Turn(self.name(), dispatcher, tracker)
        buttons = [
            Button(
                title=wording.piece(f"reason.{reason}"),
                payload=command("affirm", reason=reason, of="return_form"),
            )
            for reason in reasons(turn)
        ]
        turn.say("choose_return_reason", buttons)
        return []


class AskWay(Action):
    """The stores they can be brought to, as buttons, and the courier."""

    def name(self) -> str:
        return "action_ask_return_way"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        turn = Turn(self.name(), dispatcher, tracker)
        buttons = [
            Button(title=store["name"], payload=command("affirm", way=store["id"], of="return_form"))
            for store in turn.slot("stores") or []
        ]
        turn.say("choose_return_way", [*buttons, answering("pick_up", way="pickup")])
        return []


class AskTerms(Action):
    """Tells what a return or a claim would pay back and cost, and asks for the last yes."""

    def name(self) -> str:
        return "action_ask_return_confirm"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[EventType]:
        turn = Turn(self.name(), dispatcher, tracker)
        asked = asked_for(turn)
        try:
            terms = await turn.shop.preview_return(turn.slot(ORDER), **asked)
        except Unreachable:
            turn.say("unreachable", [human()])
        except Refused as refused:
            if refused.code == "not_returnable":
                say_not_returnable(turn, refused)
            else:
                excuse(turn, refused)
        else:
            self.tell(turn, asked, terms)
            return []
        return [SlotSet(STOPPED, "silent"), SlotSet(REQUESTED, None)]

    @staticmethod
    def tell(turn: Turn, asked: dict[str, Any], terms: Terms) -> None:
        kind, reason = asked["kind"], asked["reason"]
        photos = bool(terms.photos_required)
        buttons = [answering("send_photos" if photos else f"confirm_{kind}")]
        if photos:
            buttons.append(answering("return_instead", kind="return"))
        elif terms.goods_back:
            to_store = asked["store_id"] is None
            buttons.append(
                answering("drop_off", way=STORE) if to_store else answering("pick_up", way="pickup")
            )
        if kind == "claim" and reason != "missing":
            buttons.append(button("exchange", "exchange_request", order_no=turn.slot(ORDER), reason=reason))
        turn.say(
            "choose_claim_photos" if photos else f"choose_{kind}_confirm",
            [*buttons, answering(f"not_{kind}", "deny")],
            items=items(turn),
            reason=wording.piece(f"reason.{reason}"),
            amount=wording.yuan(terms.amount_fen),
            terms=terms_told(terms, way(turn)["name"]),
        )


class ReturnForm(ItemForm):
    form = "return_form"
    slots = ("return_line", "return_quantity", "return_reason", "return_way", "return_confirm")
    own = frozenset({"return_request", "damaged_or_defective", "missing_or_wrong_item", "cancel_order"})
    line_slot = "return_line"

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        if self.turns_round(turn):
            return {}
        heard = self._pieces(turn, asked) | self._reason(turn, asked) | self._kind(turn)
        heard |= await self._way(turn, asked)
        if heard or asked != "return_confirm":
            return heard
        if wording.says("again", turn.text) and not turn.pressed:
            return {"return_reason": None}
        return self.confirm(turn, asked)

    def _pieces(self, turn: Turn, asked: str) -> dict[str, Any]:
        every = not turn.pressed and wording.says("all", turn.text)
        if every and asked != "return_quantity" and len(self.lines(turn)) > 1:
            return all_facts(self.lines(turn))
        if item := self.item(turn):
            return line_facts(item) | {"return_quantity": pieces(turn, item)}
        line = self.line(turn, turn.slot("return_line"))
        if line is None or line.quantity == 1 or asked not in ("return_quantity", "return_confirm"):
            return {}
        count = line.quantity if every else pieces(turn, line)
        told = count is not None and count != turn.slot("return_quantity")
        return {"return_quantity": count} if told else {}

    @staticmethod
    def _reason(turn: Turn, asked: str) -> dict[str, Any]:
        said = None if turn.pressed else wording.first_said("reason", turn.text)
        if asked == "return_reason" and not turn.pressed:
            said = said or wording.pick(turn.text, reasons(turn))
        reason = turn.entity("reason") or said
        if not reason or reason == turn.slot("return_reason"):
            return {}
        return {"return_reason": reason} | ({"detail": turn.text[:DETAIL_LETTERS]} if said else {})

    @staticmethod
    def _kind(turn: Turn) -> dict[str, Any]:
        """Who would rather send it back than claim says so."""
        wished = turn.intent == "return_request" and not turn.asks() and not turn.pressed
        to_return = wished or turn.entity("kind") == "return"
        return {"return_kind": "return"} if to_return and turn.slot("return_kind") == "claim" else {}

    @staticmethod
    async def _way(turn: Turn, asked: str) -> dict[str, Any]:
        told, stores = turn.entity("way"), turn.slot("stores") or []
        says_store = not turn.pressed and not turn.asks() and wording.says("drop_off", turn.text)
        if told == STORE or (says_store and asked == "return_confirm"):
            order = await turn.shop.order(turn.slot(ORDER))
            near = (await turn.shop.stores(order.city)).stores[:MOST_STORES]
            if not near:
                turn.say("no_store_to_drop", city=order.city)
                return {"return_confirm": None}
            return {
                "return_way": None,
                "stores": [{"id": store.id, "name": store.name} for store in near],
            }
        by_courier = not turn.pressed and wording.says("pick_up", turn.text)
        if told == "pickup" or (asked == "return_way" and by_courier):
            return {"return_way": PICKUP}
        if asked != "return_way":
            return {}
        named = [
            store for store in stores if store["id"] == told or (turn.place and turn.place in store["name"])
        ]
        picked = named[0] if len(named) == 1 else None if turn.pressed else wording.pick(turn.text, stores)
        return {"return_way": picked} if picked else {}


class ReturnSubmit(Submission):
    form = "return_form"
    title = "return_asked"

    async def submit(self, turn: Turn) -> list[EventType]:
        """A claim that lacks its photos goes to people, who can take them."""
        detail = turn.slot("detail") or ""
        try:
            asked = await turn.shop.ask_return(turn.slot(ORDER), **asked_for(turn), detail=detail)
        except Refused as refused:
            if refused.code == "photos_required":
                await turn.shop.hand_over("claim_photos")
            else:
                say_not_returnable(turn, refused)
            return []
        turn.say(f"{asked.kind}_done", (), card(asked), **facts_of(asked) | {"item": items(turn)})
        return []
