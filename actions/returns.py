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

Kind = Literal["return", "exchange"]
DETAIL_LETTERS = 400
MOST_CHOICES = 10
REASONS = ("unwanted", "size", "defective", "wrong_item", "missing", "other")
"""In the order of their buttons."""
ALL = "all"
"""In place of a line: everything in the order that can be sent back."""
OPEN_STATES = ("approved", "picked_up", "received")


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


async def begin(turn: Turn, order: Order, kind: Kind, reason: str | None = None) -> list[EventType]:
    """Start the form of a return or an exchange; or say why it cannot be."""
    found = await turn.shop.returnable(order.number, kind)
    label = wording.order_short(order)
    if not found.eligible:
        open_ones = [r for r in await turn.shop.returns(order.number) if r.state in OPEN_STATES]
        if found.reason == "already" and open_ones:
            turn.say("return_already", (), card(open_ones[0]), **facts_of(open_ones[0]))
        else:
            turn.say(f"not_returnable_{found.reason}", [human()], order_card(order), order=label)
        return []
    only = found.lines[0] if len(found.lines) == 1 else meant_line(turn, order, found.lines)
    together = kind == "return" and len(found.lines) > 1 and wording.says("all", turn.text)
    filled: dict[str, Any] = {
        "order_label": label,
        "lines": [line.model_dump(mode="json") for line in found.lines],
        f"{kind}_line": only and only.line_id,
        "detail": turn.text[:DETAIL_LETTERS],
        "choices": [
            Button(
                title=wording.variant(line.name, line.variant), payload=command("affirm", line=line.line_id)
            )
            for line in found.lines
        ],
    }
    if together:
        filled |= {"return_line": ALL} | all_facts(found.lines)
    elif only:
        filled |= item_facts(only)
    told = reason or turn.entity("reason") or wording.first_said("reason", turn.text)
    if kind == "return":
        return begin_form(turn, "return_form", filled | {"return_reason": told} | reason_fact(told))
    sku = wanted(turn, only) if only else None
    if only and not sku and not offers(only):
        turn.say("exchange_sold_out", [about("return", "return_request", order), human()], order=label)
        return []
    filled |= {"exchange_reason": told or "other", "exchange_sku": sku and sku.sku_id}
    return begin_form(turn, "exchange_form", filled | (wanted_fact(sku) if sku else {}))


def item_facts(line: ReturnableLine) -> dict[str, Any]:
    return {
        "item_label": wording.variant(line.name, line.variant),
        "amount": wording.yuan(line.amount_fen),
        "choices": [
            Button(title=sku_label(choice), payload=command("affirm", sku=choice.sku_id))
            for choice in offers(line)[:MOST_CHOICES]
        ],
    }


def all_facts(lines: list[ReturnableLine]) -> dict[str, Any]:
    return {
        "item_label": wording.piece("all_items", items=wording.listed(line.name for line in lines)),
        "amount": wording.yuan(sum(line.amount_fen for line in lines)),
    }


def reason_fact(reason: str | None) -> dict[str, Any]:
    return {"reason_label": wording.piece(f"reason.{reason}")} if reason else {}


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

    def item(self, turn: Turn) -> dict[str, Any]:
        """The item that the message names, by button or by words."""
        lines = self.lines(turn)
        chosen = self.line(turn, turn.entity("line")) if turn.pressed else named(turn.text, lines)
        if turn.slot(REQUESTED) == self.line_slot and not turn.pressed:
            chosen = chosen or wording.pick(turn.text, lines)
        if chosen is None or chosen.line_id == turn.slot(self.line_slot):
            return {}
        return {self.line_slot: chosen.line_id} | item_facts(chosen)


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


class ReturnForm(ItemForm):
    form = "return_form"
    slots = ("return_line", "return_reason", "return_confirm")
    own = frozenset({"return_request", "damaged_or_defective", "missing_or_wrong_item", "cancel_order"})
    line_slot = "return_line"

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        if self.turns_round(turn):
            return {}
        together = not turn.pressed and len(self.lines(turn)) > 1 and wording.says("all", turn.text)
        heard = {"return_line": ALL} | all_facts(self.lines(turn)) if together else self.item(turn)
        said = None if turn.pressed else wording.first_said("reason", turn.text)
        if asked == "return_reason" and not turn.pressed:
            said = said or wording.pick(turn.text, REASONS)
        reason = turn.entity("reason") or said
        if reason and reason != turn.slot("return_reason"):
            heard |= {"return_reason": reason} | reason_fact(reason)
            if said:
                heard["detail"] = turn.text[:DETAIL_LETTERS]
        if heard or asked != "return_confirm":
            return heard
        if wording.says("again", turn.text) and not turn.pressed:
            return {"return_reason": None}
        return self.confirm(turn, asked)


class ReturnSubmit(Submission):
    form = "return_form"
    title = "return_asked"

    async def submit(self, turn: Turn) -> list[EventType]:
        chosen = turn.slot("return_line")
        wanted_lines = [line["line_id"] for line in turn.slot("lines")] if chosen == ALL else [chosen]
        told = {"reason": turn.slot("return_reason"), "detail": turn.slot("detail") or ""}
        events: list[EventType] = []
        for line_id in wanted_lines:
            events += await ask(turn, line_id, "return", told)
        return events


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
        heard = self.item(turn)
        line = self.line(turn, heard.get("exchange_line") or turn.slot("exchange_line"))
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
        return await ask(
            turn,
            turn.slot("exchange_line"),
            "exchange",
            {
                "reason": turn.slot("exchange_reason"),
                "detail": turn.slot("detail") or "",
                "wanted_sku_id": turn.slot("exchange_sku"),
            },
        )


async def ask(turn: Turn, line_id: int, kind: Kind, fields: dict[str, Any]) -> list[EventType]:
    try:
        asked = await turn.shop.ask_return(turn.slot(ORDER), line_id, kind=kind, **fields)
    except Refused as refused:
        if refused.code == "out_of_stock":
            turn.say("exchange_sold_out", [human()], order=turn.slot("order_label"))
            return []
        if refused.code != "not_returnable":
            raise
        reason = refused.extra.get("reason", "expired")
        turn.say(f"not_returnable_{reason}", [human()], order=turn.slot("order_label"))
        return []
    turn.say(f"{kind}_done", (), card(asked), **facts_of(asked))
    return []


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
    turn.say(f"progress_{sent_back.kind}", (), card(sent_back), **facts_of(sent_back))


async def under_way(turn: Turn) -> list[Return]:
    """Returns and exchanges that are going on, of the kind that is said; none when an order is named."""
    if turn.pressed or turn.entity(ORDER) or turn.entity("last4") or not turn.signed_in:
        return []
    kind = wording.first_said("returns", turn.text)
    going_on = [r for r in await turn.shop.returns() if r.state in OPEN_STATES]
    return [r for r in going_on if r.kind == kind] or going_on
