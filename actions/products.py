"""Which product is meant: named, talked about, picked, bought, or not sold here."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import Errand
from actions.client import Refused
from actions.knowledge import say_article
from actions.shapes import Line, Product
from actions.talk import ORDER_TOPICS
from actions.turn import ORDER, Button, Turn, button, command

PRODUCT, SHOWN = "product_id", "shown"
CLEAR_LEAD = 8
LIKELY = 60
OF_KIND = 75
NAMED = 85
MOST_SHOWN = 3
ASKS_THERE = ("stock_inquiry", "recommend_product")
"""Intents that ask what there is."""


def card(products: Sequence[Product]) -> dict[str, Any]:
    """The product card of the chat."""
    return {
        "type": "products",
        "products": [
            {
                "id": product.id,
                "name": product.name,
                "price_fen": product.price_from_fen,
                "image": product.image,
                "stock_label": "",
                "variants": variants(product),
            }
            for product in products
        ],
    }


def variants(product: Product) -> str:
    """Colours and sizes, short."""
    colours = "/".join(product.colours)
    sizes = product.sizes if len(product.sizes) < 3 else [f"{product.sizes[0]}-{product.sizes[-1]}"]
    return " · ".join(part for part in (colours, "/".join(sizes)) if part)


class ProductErrand(Errand):
    """An errand about one product: the one that is named, or talked about, or chosen."""

    intent: ClassVar[str]

    @abstractmethod
    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        """Do the errand for the product that is meant, in the colour and size that were said."""

    async def answer(self, turn: Turn) -> list[EventType]:
        chosen = turn.entity(PRODUCT)
        if chosen:
            said = turn.slot("said") or {}
            same = said.get("action") == self.name()
            wish = (said.get("colour"), said.get("size")) if same else (None, None)
            if same and said.get("text"):
                turn.text, turn.pressed = said["text"], False
            return await self._serve(turn, await turn.shop.product(chosen), *wish)
        found = await turn.shop.find_products(turn.text)
        wish = found.colour or turn.entity("colour"), found.size or turn.entity("size")
        of_order = turn.slot(ORDER) and turn.slot("topic") in ORDER_TOPICS
        before = None if of_order else turn.slot(PRODUCT)
        likely = [each for each in found.products if each.score >= LIKELY]
        if (not likely or likely[0].score < OF_KIND) and await tell_unsold(turn):
            return []
        if (placed := self._placed(turn)) and (not likely or likely[0].score < NAMED):
            return await self._serve(turn, await turn.shop.product(placed), *wish)
        if before and (not likely or likely[0].score < NAMED or wording.says("same_alone", turn.text)):
            return await self._serve(turn, await turn.shop.product(before), *wish)
        if not likely:
            bought = await bought_products(turn)
            if len(bought) == 1:
                return await self._serve(turn, await turn.shop.product(bought[0].product_id), *wish)
            if bought:
                return self._which_of(turn, [(line.product_id, line.name) for line in bought], wish)
            return await self.unnamed(turn)
        if len(likely) == 1 or likely[0].score - likely[1].score >= CLEAR_LEAD:
            return await self._serve(turn, likely[0], *wish)
        return self._which_of(turn, [(product.id, product.name) for product in likely], wish, likely)

    @staticmethod
    def _placed(turn: Turn) -> int | None:
        """The product that is picked by its place out of those shown last."""
        shown: list[int] = turn.slot(SHOWN) or []
        return wording.pick(turn.text, shown) if wording.says("placed", turn.text) else None

    def _which_of(
        self,
        turn: Turn,
        products: Sequence[tuple[int, str]],
        wish: tuple[str | None, str | None],
        likely: Sequence[Product] = (),
    ) -> list[EventType]:
        """Ask which product is meant, and keep what was said of it."""
        turn.waits = True
        choices = [Button(title=name, payload=command(self.intent, product_id=id)) for id, name in products]
        turn.say("which_product", choices, card(likely) if likely else None)
        return [
            SlotSet("said", {"action": self.name(), "colour": wish[0], "size": wish[1], "text": turn.text})
        ]

    async def _serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        shown = turn.slot(SHOWN) or []
        if product.id not in shown:
            shown = [product.id, *shown][:MOST_SHOWN]
        told = await self.serve(turn, product, colour, size)
        return [SlotSet(PRODUCT, product.id), SlotSet(SHOWN, shown), *told]

    async def unnamed(self, turn: Turn) -> list[EventType]:
        """No product of ours is named."""
        if not await say_article(turn):
            turn.say("which_product_name", [button("recommend", "recommend_product")])
        return []


async def tell_unsold(turn: Turn) -> bool:
    """Say that there is no such thing here, if the message asks whether there is; whether it was said."""
    thing = asked_for(turn)
    if thing is None or (await turn.shop.suggest(thing)).understood:
        return False
    turn.say("not_sold", [button("recommend", "recommend_product")], thing=thing)
    return True


def asked_for(turn: Turn) -> str | None:
    """The kind of thing that the message asks whether the shop sells. What "is there" may be a part of the
    product talked about, unless the message sounds like a question about the stock.
    """
    if turn.pressed or turn.entity("colour") or turn.entity("size"):
        return None
    there = turn.intent in ASKS_THERE
    return wording.named("sells", turn.text) or (wording.named("is_there", turn.text) if there else None)


async def bought_products(turn: Turn) -> list[Line]:
    """The lines of the order talked about, one for each product."""
    number = turn.slot(ORDER)
    if not number:
        return []
    try:
        lines = (await turn.shop.order(number)).lines
    except Refused:
        return []
    return list({line.product_id: line for line in lines}.values())
