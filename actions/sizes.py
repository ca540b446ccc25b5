"""Which size fits a body."""

from typing import Any

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import begin_form
from actions.forms import Form, Submission
from actions.products import PRODUCT, ProductErrand, variants
from actions.shapes import Product
from actions.turn import Turn, button, human

MEASURES = ("height_cm", "weight_kg", "foot_mm")


class SizeAdvice(ProductErrand):
    title = "size_advice"
    informs = False
    intent = "size_advice"

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        known = measures(turn)
        advice = await turn.shop.size_advice(product.id, **known)
        kept: list[EventType] = [SlotSet(name, value) for name, value in known.items()]
        if advice.note == "no_table":
            stock = button("stock", "stock_inquiry", product_id=product.id)
            turn.say("size_no_table", [stock], name=product.name, variants=variants(product))
            return kept
        if not advice.missing:
            tell_size(turn, product, advice.size, advice.alternatives)
            return kept
        filled = {
            "missing": advice.missing,
            "missing_label": wording.listed(wording.piece(f"measure.{name}") for name in advice.missing),
            "product_name": product.name,
        }
        return [*kept, *begin_form(turn, "size_form", filled)]

    async def unnamed(self, turn: Turn) -> list[EventType]:
        kept: list[EventType] = [SlotSet(name, value) for name, value in measures(turn).items()]
        return [*kept, *await super().unnamed(turn)]


def measures(turn: Turn) -> dict[str, Any]:
    """What is known of the shopper's body: said now, or before."""
    known = {name: turn.entity(name) or turn.slot(name) for name in MEASURES}
    return known | {"foot_mm": foot(turn.text)} if wording.says("foot", turn.text) else known


def foot(text: str) -> int | None:
    """The length of a foot in mm, said in centimetres or millimetres."""
    said = wording.pattern("foot_mm").search(text)
    return int(float(said[0]) * (10 if float(said[0]) < 100 else 1)) if said else None


def tell_size(turn: Turn, product: Product, size: str | None, alternatives: list[str]) -> None:
    if size is None:
        turn.say("size_outside", [human()], name=product.name)
        return
    turn.say(
        "size_between" if alternatives else "size",
        [button("stock", "stock_inquiry", product_id=product.id)],
        name=product.name,
        size=size,
        other=wording.piece("or").join(alternatives),
    )


class SizeForm(Form):
    form = "size_form"
    slots = ("size_measured",)
    own = frozenset({"size_advice"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        known = measures(turn)
        heard = {name: turn.entity(name) for name in MEASURES if turn.entity(name)}
        if "foot_mm" in (turn.slot("missing") or []) and "foot_mm" not in heard:
            heard |= {"foot_mm": length} if (length := foot(turn.text)) else {}
        if not heard:
            return {}
        still = [name for name in turn.slot("missing") or [] if not (known | heard)[name]]
        label = wording.listed(wording.piece(f"measure.{name}") for name in still)
        return heard | {"missing": still, "missing_label": label, "size_measured": not still or None}


class SizeSubmit(Submission):
    form = "size_form"
    title = "size_advised"

    async def submit(self, turn: Turn) -> list[EventType]:
        product = await turn.shop.product(turn.slot(PRODUCT))
        advice = await turn.shop.size_advice(product.id, **{name: turn.slot(name) for name in MEASURES})
        tell_size(turn, product, advice.size, advice.alternatives)
        return []
