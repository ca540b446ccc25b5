"""Before buying: what there is, what it costs, what fits, what is in stock and what is cheaper now."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import (
    Button,
    Errand,
    Form,
    Submission,
    Turn,
    begin_form,
    button,
    command,
    human,
)
from actions.knowledge import answer_from_knowledge, say_article
from actions.shapes import Coupon, Product, ProductDetail, StockItem

PRODUCT = "product_id"
CLEAR_LEAD = 8
LIKELY = 60
NAMED = 85
FITTING = 80
MOST_COUPONS = 5
MOST_VARIANTS = 8
MOST_FACTS = 5
MEASURES = ("height_cm", "weight_kg", "foot_mm")


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
            wish = (said["colour"], said["size"]) if said.get("action") == self.name() else (None, None)
            return await self._serve(turn, await turn.shop.product(chosen), *wish)
        found = await turn.shop.find_products(turn.text)
        wish = found.colour or turn.entity("colour"), found.size or turn.entity("size")
        before, likely = turn.slot(PRODUCT), [each for each in found.products if each.score >= LIKELY]
        if before and (not likely or likely[0].score < NAMED or wording.says("same_alone", turn.text)):
            return await self._serve(turn, await turn.shop.product(before), *wish)
        if not likely:
            return await self.unnamed(turn)
        if len(likely) == 1 or likely[0].score - likely[1].score >= CLEAR_LEAD:
            return await self._serve(turn, likely[0], *wish)
        turn.waits = True
        choices = [
            Button(title=product.name, payload=command(self.intent, product_id=product.id))
            for product in likely
        ]
        turn.say("which_product", choices, card(likely))
        return [SlotSet("said", {"action": self.name(), "colour": wish[0], "size": wish[1]})]

    async def _serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        return [SlotSet(PRODUCT, product.id), *await self.serve(turn, product, colour, size)]

    async def unnamed(self, turn: Turn) -> list[EventType]:
        """No product of ours is named."""
        if not await say_article(turn, least=FITTING):
            turn.say("which_product_name", [button("recommend", "recommend_product")])
        return []


class StockInquiry(ProductErrand):
    title = "stock_inquiry"
    intent = "stock_inquiry"

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        place = turn.entity("place")
        items = await turn.shop.stock(product.id, colour=colour, size=size, place=place)
        if not items:
            items = await turn.shop.stock(product.id, place=place)
            turn.say("no_such_variant", name=product.name, colour=colour or "", size=size or "")
        facts = {"name": product.name, "price": wording.price(product.price_from_fen, product.price_to_fen)}
        rows = wording.lines(self._row(item) for item in items[:MOST_VARIANTS])
        stores = [(item, store) for item in items for store in item.stores if store.available]
        if len(items) == 1:
            only = items[0]
            facts |= {"variant": self._variant(only), "price": wording.yuan(only.price_fen)}
            alternatives = await self._alternatives(turn, product, only)
            turn.say(f"stock_{only.online_label}", alternatives, card([product]), **facts)
        else:
            anything = any(item.online for item in items)
            turn.say(
                "stock_several" if anything else "stock_all_gone", (), card([product]), rows=rows, **facts
            )
        if stores:
            shown = wording.lines(
                wording.piece(
                    "store_stock",
                    name=store.name,
                    variant=f"{self._variant(item)} " if len(items) > 1 else "",
                    available=store.available,
                    address=store.address,
                    distance=wording.distance(store.distance_km, place or store.city),
                )
                for item, store in stores[:3]
            )
            turn.say("stock_in_stores", stores=shown)
        elif place:
            turn.say("stock_not_in_stores", place=place)
        return []

    @staticmethod
    def _variant(item: StockItem) -> str:
        parts = [part for part in (item.colour, item.size) if part]
        return wording.piece("pair", colour=parts[0], size=parts[1]) if len(parts) == 2 else "".join(parts)

    def _row(self, item: StockItem) -> str:
        return wording.piece(
            "stock", variant=self._variant(item), label=wording.piece(f"stock_label.{item.online_label}")
        )

    async def _alternatives(self, turn: Turn, product: Product, gone: StockItem) -> list[Button]:
        if gone.online:
            return [button("size", "size_advice", product_id=product.id)] if product.sizes else []
        return [
            button("stock", "stock_inquiry", product_id=product.id),
            button("recommend", "recommend_product"),
        ]


class PriceInquiry(ProductErrand):
    title = "price_inquiry"
    intent = "price_inquiry"

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        coupons = [coupon for coupon in await turn.shop.coupons(product.id) if coupon.applies]
        price = wording.price(product.price_from_fen, product.price_to_fen)
        turn.say(
            "price_with_coupons" if coupons else "price",
            [button("stock", "stock_inquiry", product_id=product.id)],
            card([product]),
            name=product.name,
            price=price,
            coupons=wording.lines(map(coupon_row, coupons[:MOST_COUPONS])),
        )
        return []

    async def unnamed(self, turn: Turn) -> list[EventType]:
        turn.say("price_which", [button("promotion", "promotion_inquiry")])
        return []


def coupon_row(coupon: Coupon) -> str:
    off = wording.yuan(coupon.off_fen)
    threshold = coupon.threshold_fen
    return wording.piece(
        "coupon",
        name=coupon.name,
        offer=wording.piece("minus", threshold=wording.yuan(threshold), off=off)
        if threshold
        else wording.piece("minus_plain", off=off),
        until=wording.day(coupon.ends_at),
        mine=wording.piece("coupon_mine") if coupon.mine else "",
    )


class PromotionInquiry(Errand):
    title = "promotion_inquiry"

    async def answer(self, turn: Turn) -> list[EventType]:
        coupons = await turn.shop.coupons(turn.entity(PRODUCT))
        first = sorted(coupons, key=lambda coupon: (not coupon.mine, -coupon.off_fen))[:MOST_COUPONS]
        if not first:
            return await answer_from_knowledge(turn, "no_promotions", human())
        turn.say("promotions", coupons=wording.lines(map(coupon_row, first)))
        return []


class RecommendProduct(Errand):
    title = "recommend_product"

    async def answer(self, turn: Turn) -> list[EventType]:
        found = [] if turn.pressed else (await turn.shop.find_products(turn.text, limit=3)).products
        products: Sequence[Product] = found or await turn.shop.products()
        rows = wording.lines(
            wording.piece(
                "product",
                name=product.name,
                price=wording.price(product.price_from_fen, product.price_to_fen),
            )
            for product in products
        )
        turn.say("recommend" if found else "recommend_popular", (), card(products), products=rows)
        return [SlotSet(PRODUCT, products[0].id)] if products else []


class ProductInquiry(ProductErrand):
    title = "product_inquiry"
    intent = "product_inquiry"

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        if colour or size:
            return await StockInquiry().serve(turn, product, colour, size)
        detail = await turn.shop.product(product.id)
        if not any(name in turn.text for name in detail.facts) and await say_article(turn, least=FITTING):
            return []
        turn.say(
            "product",
            [
                button("stock", "stock_inquiry", product_id=product.id),
                button("promotion", "promotion_inquiry", product_id=product.id),
            ],
            card([product]),
            name=product.name,
            price=wording.price(product.price_from_fen, product.price_to_fen),
            description=detail.description,
            facts=self._facts(turn.text, detail),
        )
        return []

    @staticmethod
    def _facts(text: str, detail: ProductDetail) -> str:
        """The facts whose name is asked about; all of them when none is."""
        asked = {name: value for name, value in detail.facts.items() if name in text}
        shown = list((asked or detail.facts).items())[:MOST_FACTS]
        return wording.listed(wording.piece("fact", name=name, value=value) for name, value in shown)


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
