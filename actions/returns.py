"""Sending goods back: return and exchange, and how they stand."""

from typing import Any, ClassVar, Literal

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import OrderErrand, begin_form, resumed
from actions.cancelling import begin_cancel
from actions.client import Refused
from actions.forms import Form, Submission
from actions.orders import about, tell
from actions.orders import card as order_card
from actions.shapes import Choice, Order, Return, ReturnableLine
from actions.turn import ORDER, REQUESTED, Button, Turn, command, human

Kind = Literal["return", "exchange", "claim"]
DETAIL_LETTERS = 400
MOST_CHOICES = 10
MOST_PIECES = 9
PICKUP = {"id": None, "name": ""}
"""The way back by a courier; a store otherwise."""
CLAIMED = ("missing", "wrong_item", "damaged", "defective")
"""Faults of the shop, for which something can be claimed."""
ALL = "all"
"""In place of a line: everything in the order that can be sent back."""
OPEN_STATES = ("approved", "picked_up", "dropped", "received")


def card(sent_back: Return) -> dict[str, Any]:
    """The return card of the chat."""
    return {
        "type": "return",
        "number": sent_back.number,
        "kind": sent_back.kind,
        "state_label": sent_back.state_label,
        "item": wording.variant(sent_back.item, sent_back.variant),
        "progress": [step.model_dump(mode="json") for step in sent_back.progress],
        "next": sent_back.next,
    }


async def begin(
    turn: Turn, order: Order, kind: Kind, reason: str | None = None, lead: str = ""
) -> list[EventType]:
    """Start the form of a return, a claim or an exchange, `lead` said before; or say why it cannot be."""
    found = await turn.shop.returnable(order.number, kind)
    label = wording.order_short(order)
    if not found.eligible:
        open_ones = [r for r in await turn.shop.returns(order.number) if r.state in OPEN_STATES]
        if found.reason == "already" and open_ones:
            turn.say("return_already", (), card(open_ones[0]), **facts_of(open_ones[0]))
        else:
            turn.say(f"not_returnable_{found.reason}", [human()], order_card(order), order=label)
        return []
    if lead:
        turn.say(lead, order=label)
    only = found.lines[0] if len(found.lines) == 1 else meant_line(turn, order, found.lines)
    filled: dict[str, Any] = {
        "order_label": label,
        "lines": [line.model_dump(mode="json") for line in found.lines],
        "detail": turn.text[:DETAIL_LETTERS],
        "choices": [
            Button(
                title=wording.variant(line.name, line.variant), payload=command("affirm", line=line.line_id)
            )
            for line in found.lines
        ],
    }
    told = reason or turn.entity("reason") or wording.first_said("reason", turn.text)
    if kind != "exchange":
        filled |= {"return_kind": kind, "return_way": PICKUP, "return_reason": told}
        if kind == "return" and len(found.lines) > 1 and wording.says("all", turn.text):
            filled |= all_facts(found.lines)
        elif only:
            filled |= line_facts(only) | {"return_quantity": pieces(turn, only)}
        return begin_form(turn, "return_form", filled)
    sku = wanted(turn, only) if only else None
    if only and not sku and not offers(only):
        turn.say("exchange_sold_out", [about("return", "return_request", order), human()], order=label)
        return []
    filled |= {"exchange_line": only and only.line_id, "exchange_reason": told or "other"}
    filled |= {"exchange_sku": sku and sku.sku_id} | (item_facts(only) if only else {})
    return begin_form(turn, "exchange_form", filled | (wanted_fact(sku) if sku else {}))


def line_facts(line: ReturnableLine) -> dict[str, Any]:
    """Of one line that goes back; how many pieces is asked when there are several."""
    most = min(line.quantity, MOST_PIECES)
    counts = [*range(1, most), line.quantity] if line.quantity > 1 else []
    return {
        "return_line": line.line_id,
        "item_label": wording.variant(line.name, line.variant),
        "choices": [
            Button(
                title=wording.piece("pieces_all" if count == line.quantity else "pieces", count=count),
                payload=command("affirm", quantity=count, of="return_form"),
            )
            for count in counts
        ],
    }


def pieces(turn: Turn, line: ReturnableLine) -> int | None:
    """How many pieces of a line the message names, as many as there are; None when that is to be asked."""
    if line.quantity == 1:
        return 1
    told = turn.text.strip()
    count = turn.entity("quantity") or (int(told) if told.isascii() and told.isdigit() else None)
    return count if isinstance(count, int) and 1 <= count <= line.quantity else None


def item_facts(line: ReturnableLine) -> dict[str, Any]:
    return {
        "item_label": wording.variant(line.name, line.variant),
        "choices": [
            Button(title=sku_label(choice), payload=command("affirm", sku=choice.sku_id))
            for choice in offers(line)[:MOST_CHOICES]
        ],
    }


def all_facts(lines: list[ReturnableLine]) -> dict[str, Any]:
    return {
        "return_line": ALL,
        "return_quantity": ALL,
        "item_label": wording.piece("all_items", items=wording.listed(line.name for line in lines)),
    }


def wanted_fact(choice: Choice) -> dict[str, Any]:
    return {"wanted_label": sku_label(choice)}


def sku_label(choice: Choice) -> str:
    parts = [part for part in (choice.colour, choice.size) if part]
    return wording.piece("pair", colour=parts[0], size=parts[1]) if len(parts) == 2 else "".join(parts)


def offers(line: ReturnableLine) -> list[Choice]:
    """What can be had instead: in stock, and not what it is already."""
    return [choice for choice in line.choices if choice.available > 0 and not same(line, choice)]


def same(line: ReturnableLine, choice: Choice) -> bool:
    return sku_label(choice) == line.variant


def next_size(line: ReturnableLine, step: int) -> Choice | None:
    """The variant of the same colour that is `step` sizes larger, if it is in stock."""
    own = next((choice for choice in line.choices if same(line, choice)), None)
    if own is None:
        return None
    sizes = [choice for choice in line.choices if choice.colour == own.colour]
    at = sizes.index(own) + step
    return sizes[at] if 0 <= at < len(sizes) and sizes[at].available else None


def named(text: str, lines: list[ReturnableLine]) -> ReturnableLine | None:
    """The only line whose name shares two letters in a row with the text, or else its last letter."""
    said = [line for line in lines if any(line.name[i : i + 2] in text for i in range(len(line.name) - 1))]
    said = said or [line for line in lines if line.name[-1] in text]
    return said[0] if len(said) == 1 else None


def meant_line(turn: Turn, order: Order, lines: list[ReturnableLine]) -> ReturnableLine | None:
    """The line that is named, or else the one of the product talked about before."""
    talked = {line.id for line in order.lines if line.product_id == turn.slot("product_id")}
    if turn.form in ("return_form", "exchange_form"):
        talked = {turn.slot(turn.form.replace("form", "line"))}
    about_it = [line for line in lines if line.line_id in talked]
    return named(turn.text, lines) or (about_it[0] if len(about_it) == 1 else None)


def wanted(turn: Turn, line: ReturnableLine, text: str | None = None) -> Choice | None:
    """The variant in stock that the message names by colour, size or both, when only one fits."""
    colour, size = turn.entity("colour"), turn.entity("size")
    step = wording.first_said("step", turn.text if text is None else text)
    if step and not colour and not size:
        return next_size(line, {"larger": 1, "smaller": -1}[step])
    fits = [
        choice
        for choice in offers(line)
        if (not colour or str(colour) in choice.colour)
        and (not size or str(size).upper() == choice.size.upper())
    ]
    return fits[0] if (colour or size) and len(fits) == 1 else None


class ItemForm(Form):
    """What the forms of return and exchange have in common: the item, found in the slot `lines`."""

    line_slot: ClassVar[str]

    def turns_round(self, turn: Turn) -> bool:
        """Whether a return has become an exchange, or the other way round."""
        other = "exchange" if self.form == "return_form" else "return"
        asked = turn.intent in (f"{other}_request", "return_policy")
        return asked and wording.says(f"wish.{other}_form", turn.text)

    @staticmethod
    def lines(turn: Turn) -> list[ReturnableLine]:
        return [ReturnableLine.model_validate(line) for line in turn.slot("lines") or []]

    def line(self, turn: Turn, line_id: Any) -> ReturnableLine | None:
        return next((line for line in self.lines(turn) if line.line_id == line_id), None)

    def item(self, turn: Turn) -> ReturnableLine | None:
        """Another item than before that the message names, by button or by words."""
        lines = self.lines(turn)
        chosen = self.line(turn, turn.entity("line")) if turn.pressed else named(turn.text, lines)
        if turn.slot(REQUESTED) == self.line_slot and not turn.pressed:
            chosen = chosen or wording.pick(turn.text, lines)
        return chosen if chosen and chosen.line_id != turn.slot(self.line_slot) else None


def tell_later(turn: Turn, order: Order) -> None:
    """Say that what has not been received can be returned later, or be stopped now."""
    choices = [about("cancel", "cancel_order", order)] if order.state != "cancelled" else []
    turn.say("returnable_later", choices, order=wording.order_short(order), state=order.state_label)


class ReturnRequest(OrderErrand):
    title = "return_request"
    informs = False
    errand = "return"
    intent = "return_request"
    kind: Kind = "return"

    async def answer(self, turn: Turn) -> list[EventType]:
        """Asked how far it is, the one going on is told."""
        if not turn.pressed and not resumed(turn) and wording.says("how_far", turn.text):
            mine = [each for each in await under_way(turn) if each.kind == self.kind]
            if len(mine) == 1:
                tell_return(turn, mine[0])
                return [SlotSet(ORDER, mine[0].order_number)]
        return await super().answer(turn)

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.state in ("delivered", "completed"):
            return await begin(turn, order, self.kind)
        if order.state == "cancelled":
            tell(turn, order)
            return []
        if turn.asks() and wording.says("rule", turn.text):
            tell_later(turn, order)
            return []
        return begin_cancel(turn, order)


class ExchangeRequest(ReturnRequest):
    title = "exchange_request"
    errand = "exchange"
    intent = "exchange_request"
    kind: Kind = "exchange"

    async def serve(self, turn: Turn, order: Order) -> list[EventType]:
        if order.state in ("delivered", "completed"):
            return await begin(turn, order, self.kind)
        if order.state == "cancelled":
            tell(turn, order)
            return []
        choices = [about("cancel", "cancel_order", order)] if order.can.get("cancel") else []
        turn.say("exchange_not_received", [*choices, human()], order=wording.order_short(order))
        return []


class ExchangeForm(ItemForm):
    form = "exchange_form"
    slots = ("exchange_line", "exchange_sku", "exchange_confirm")
    own = frozenset(
        {"exchange_request", "damaged_or_defective", "missing_or_wrong_item", "modify_order", "size_advice"}
    )
    line_slot = "exchange_line"

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        if self.turns_round(turn):
            return {}
        item = self.item(turn)
        heard = {"exchange_line": item.line_id} | item_facts(item) if item else {}
        line = item or self.line(turn, turn.slot("exchange_line"))
        sku = self._sku(turn, line) if line else None
        if sku and sku.sku_id != turn.slot("exchange_sku"):
            heard |= {"exchange_sku": sku.sku_id} | wanted_fact(sku)
        elif line and "exchange_line" in heard:
            heard["exchange_sku"] = None
        if heard:
            return heard
        named_one = turn.entity("size") or turn.entity("colour") or wording.first_said("step", turn.text)
        if asked != "exchange_line" and named_one and not self.asks_else(turn):
            turn.say("exchange_not_available")
            return {"exchange_sku": None}
        if asked != "exchange_confirm":
            return {}
        if wording.says("again", turn.text) and not turn.pressed:
            return {"exchange_sku": None}
        return self.confirm(turn, asked)

    @staticmethod
    def _sku(turn: Turn, line: ReturnableLine) -> Choice | None:
        pressed = turn.entity("sku")
        if pressed:
            return next((choice for choice in offers(line) if choice.sku_id == pressed), None)
        if turn.slot(REQUESTED) == "exchange_sku" and (picked := wording.pick(turn.text, offers(line))):
            return picked
        before = "" if turn.slot("exchange_sku") else turn.slot("detail") or ""
        return wanted(turn, line) or wanted(turn, line, before)


class ExchangeSubmit(Submission):
    form = "exchange_form"
    title = "exchange_asked"

    async def submit(self, turn: Turn) -> list[EventType]:
        line = {"line_id": turn.slot("exchange_line"), "wanted_sku_id": turn.slot("exchange_sku")}
        told = {"reason": turn.slot("exchange_reason"), "detail": turn.slot("detail") or ""}
        try:
            asked = await turn.shop.ask_return(turn.slot(ORDER), [line], kind="exchange", **told)
        except Refused as refused:
            if refused.code == "out_of_stock":
                turn.say("exchange_sold_out", [human()], order=turn.slot("order_label"))
            else:
                say_not_returnable(turn, refused)
            return []
        turn.say("exchange_done", (), card(asked), **facts_of(asked))
        return []


def say_not_returnable(turn: Turn, refused: Refused) -> None:
    """Say why it cannot go back. Raises `refused` when that is not what it says."""
    if refused.code != "not_returnable":
        raise refused
    reason = refused.extra.get("reason", "expired")
    turn.say(f"not_returnable_{reason}", [human()], order=turn.slot("order_label"))


def facts_of(sent_back: Return) -> dict[str, Any]:
    """Fields for the sentences about a return."""
    return {
        "number": sent_back.number,
        "kind": sent_back.kind_label,
        "state": sent_back.state_label,
        "item": wording.variant(sent_back.item, sent_back.variant),
        "wanted": sent_back.wanted_variant or "",
        "amount": wording.yuan(sent_back.amount_fen),
        "next": sent_back.next,
    }


def tell_return(turn: Turn, sent_back: Return) -> None:
    kind = "exchange" if sent_back.kind == "exchange" else "return"
    turn.say(f"progress_{kind}", (), card(sent_back), **facts_of(sent_back))


async def under_way(turn: Turn) -> list[Return]:
    """Returns and exchanges that are going on, of the kind that is said; none when an order is named."""
    if turn.pressed or turn.entity(ORDER) or turn.entity("last4") or not turn.signed_in:
        return []
    kind = wording.first_said("returns", turn.text)
    going_on = [r for r in await turn.shop.returns() if r.state in OPEN_STATES]
    return [r for r in going_on if r.kind == kind] or going_on
