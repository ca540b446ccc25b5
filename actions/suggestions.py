"""What suits who it is for, what it is for and the budget."""

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import Errand
from actions.products import MOST_SHOWN, PRODUCT, SHOWN, card, tell_unsold
from actions.shapes import Suggestions
from actions.talk import NotUnderstood
from actions.turn import Turn, button, human

MOST_CHEAPER = 20
MOST_WISHED = 300
GOES_ON = ("recommend_product", "price_inquiry", "fallback")


def asks_cheaper(turn: Turn) -> bool:
    """Whether something cheaper than what was shown is asked for."""
    return bool(turn.slot(SHOWN)) and not turn.pressed and wording.says("cheaper", turn.text)


class RecommendProduct(Errand):
    """What is in stock and suits who it is for, what it is for and the budget; wishes add up."""

    title = "recommend_product"

    async def answer(self, turn: Turn) -> list[EventType]:
        said = turn.slot("said") or {}
        goes_on = turn.slot("topic") in GOES_ON and said.get("action") == self.name()
        wish = "" if turn.pressed else turn.text
        if asks_cheaper(turn):
            return await self._cheaper(turn, said["text"] if said.get("action") == self.name() else "")
        found = await turn.shop.suggest(wish or " ")
        if goes_on and wish:
            wish = f"{said['text']} {wish}"[-MOST_WISHED:]
            both = await turn.shop.suggest(wish)
            found = both if both.products else found
        if not found.understood and await tell_unsold(turn):
            return []
        if not found.products:
            turn.say("recommend_none", [button("recommend", "recommend_product"), human()])
            return []
        return self._tell(turn, found, wish, "recommend" if found.understood else "recommend_popular")

    async def _cheaper(self, turn: Turn, wish: str) -> list[EventType]:
        """What costs less than anything shown so far and suits the same wish, or is of the same kind."""
        shown = [await turn.shop.product(id) for id in turn.slot(SHOWN)]
        least = min(product.price_from_fen for product in shown)
        found = await turn.shop.suggest(wish or " ", MOST_CHEAPER, least)
        if not wish:
            kind = shown[0].category
            found.products = [product for product in found.products if product.category == kind]
        found.products = found.products[:MOST_SHOWN]
        if not found.products:
            turn.say("recommend_none_cheaper", [button("promotion", "promotion_inquiry"), human()])
            return [SlotSet("said", {"action": self.name(), "text": wish})]
        return self._tell(turn, found, wish, "recommend_cheaper")

    def _tell(self, turn: Turn, found: Suggestions, wish: str, response: str) -> list[EventType]:
        rows = wording.lines(
            wording.piece(
                "product",
                name=product.name,
                price=wording.price(product.price_from_fen, product.price_to_fen),
                why=wording.piece("why", reasons=wording.listed(product.reasons)) if product.reasons else "",
            )
            for product in found.products
        )
        turn.say(response, (), card(found.products), products=rows)
        ids = [product.id for product in found.products]
        remembered = {"action": self.name(), "text": wish}
        return [SlotSet(PRODUCT, ids[0]), SlotSet(SHOWN, ids), SlotSet("said", remembered)]


class NotUnderstoodOrBudget(NotUnderstood):
    """A bare sum after a recommendation (`300` by itself says no intent) narrows it."""

    async def answer(self, turn: Turn) -> list[EventType]:
        narrows = turn.slot("topic") == RecommendProduct.title and wording.says("sum", turn.text)
        return await RecommendProduct().answer(turn) if narrows else await super().answer(turn)
