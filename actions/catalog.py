"""Before buying: what there is, what it costs, what fits, what is in stock and what is cheaper now."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import (
    ORDER,
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
from actions.client import Refused
from actions.knowledge import answer_from_knowledge, note_missed, say_article, say_special_article
from actions.shapes import Coupon, FactAnswer, Line, Product, ProductDetail, StockItem, Suggestions
from actions.talk import ORDER_TOPICS, NotUnderstood

PRODUCT, SHOWN = "product_id", "shown"
CLEAR_LEAD = 8
LIKELY = 60
OF_KIND = 75
NAMED = 85
MOST_SHOWN = 3
MOST_CHEAPER = 20
MOST_COUPONS = 5
MOST_VARIANTS = 8
MOST_FACTS = 5
MOST_ANSWERS = 3
MOST_COMPARED = 7
MOST_WISHED = 300
GOES_ON = ("recommend_product", "price_inquiry", "fallback")
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
    there = turn.intent in (StockInquiry.title, RecommendProduct.title)
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


class StockInquiry(ProductErrand):
    title = "stock_inquiry"
    intent = "stock_inquiry"

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        place = turn.place
        items = await turn.shop.stock(product.id, colour=colour, size=size, place=place)
        if not items:
            items = await turn.shop.stock(product.id, place=place)
            wanted = wording.piece("pair", colour=colour, size=size) if colour and size else colour or size
            turn.say("no_such_variant", name=product.name, wanted=wanted or "")
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
            advice = await turn.shop.size_advice(product.id)
            return [button("size", "size_advice", product_id=product.id)] if advice.missing else []
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

    async def answer(self, turn: Turn) -> list[EventType]:
        budget = turn.slot("topic") == RecommendProduct.title and wording.says("sum", turn.text)
        return await RecommendProduct().answer(turn) if budget else await super().answer(turn)

    async def unnamed(self, turn: Turn) -> list[EventType]:
        if await say_special_article(turn):
            return []
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
        which = wording.says("coupons", turn.text) and not wording.says("coupon_rule", turn.text)
        if not which and await say_special_article(turn, button("promotion", "promotion_inquiry")):
            return []
        coupons = await turn.shop.coupons(turn.entity(PRODUCT))
        if wording.says("own_coupons", turn.text) and (mine := [each for each in coupons if each.mine]):
            turn.say("my_coupons", count=len(mine), coupons=wording.lines(map(coupon_row, mine)))
            return []
        first = sorted(coupons, key=lambda coupon: (not coupon.mine, -coupon.off_fen))[:MOST_COUPONS]
        if not first:
            return await answer_from_knowledge(turn, "no_promotions", human())
        turn.say("promotions", coupons=wording.lines(map(coupon_row, first)))
        return []


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


class ProductInquiry(ProductErrand):
    """Answers from the facts of the product's page; what they do not say is not made up."""

    title = "product_inquiry"
    intent = "product_inquiry"

    async def answer(self, turn: Turn) -> list[EventType]:
        if not turn.pressed and wording.says("compare", turn.text):
            return await self._compare(turn)
        return await super().answer(turn)

    async def serve(
        self, turn: Turn, product: Product, colour: str | None, size: str | None
    ) -> list[EventType]:
        answers = [] if turn.pressed else await turn.shop.ask_product(product.id, turn.text)
        known = [each for each in answers if each.verdict != "unknown"][:MOST_ANSWERS]
        fits = not turn.pressed and wording.says("fit", turn.text)
        if fits and (await turn.shop.size_advice(product.id)).missing:
            return await SizeAdvice().serve(turn, product, colour, size)
        if known:
            said = wording.piece("and_also").join(map(in_words, known))
            turn.say("product_answer", self._onward(product), name=product.name, answer=said)
            return []
        if colour or size:
            return await StockInquiry().serve(turn, product, colour, size)
        if not answers:
            await self._introduce(turn, product)
        elif not await say_article(turn):
            label = answers[0].label
            asked = wording.piece("asked", label=label) if label else wording.piece("this_point")
            turn.say("product_unknown", [human()], name=product.name, asked=asked)
            await note_missed(turn)
        return []

    @staticmethod
    def _onward(product: Product) -> list[Button]:
        return [
            button("stock", "stock_inquiry", product_id=product.id),
            button("promotion", "promotion_inquiry", product_id=product.id),
        ]

    async def _introduce(self, turn: Turn, product: Product) -> None:
        detail = await turn.shop.product(product.id)
        facts = list(detail.facts.items())[:MOST_FACTS]
        turn.say(
            "product",
            self._onward(product),
            card([product]),
            name=product.name,
            price=wording.price(product.price_from_fen, product.price_to_fen),
            description=detail.description,
            facts=wording.listed(wording.piece("fact", name=name, value=value) for name, value in facts),
        )

    async def _compare(self, turn: Turn) -> list[EventType]:
        """Put the facts of two products side by side: those named, or those shown last."""
        found = (await turn.shop.find_products(turn.text)).products
        named = [each.id for each in found if each.score >= NAMED]
        named += [before] if (before := turn.slot(PRODUCT)) else []
        ids = list(dict.fromkeys([*named, *(turn.slot(SHOWN) or [])]))[:2]
        if len(ids) < 2:
            turn.say("compare_which")
            return []
        one, other = [await turn.shop.product(id) for id in ids]
        turn.say(
            "product_comparison",
            (),
            card([one, other]),
            one=one.name,
            other=other.name,
            rows=wording.lines(compared(one, other)),
        )
        return [SlotSet(PRODUCT, one.id), SlotSet(SHOWN, ids)]


def in_words(answer: FactAnswer) -> str:
    """The yes or no with the facts that prove it, or the facts alone."""
    facts = wording.piece("and_also").join(
        wording.piece("fact" if answer.says else "told", name=fact.name, value=fact.value).strip()
        for fact in answer.facts
    )
    return wording.piece("proven", says=answer.says, facts=facts) if answer.says else facts


def compared(one: ProductDetail, other: ProductDetail) -> list[str]:
    """Price first, then the facts that both have and that differ."""
    prices = [wording.price(each.price_from_fen, each.price_to_fen) for each in (one, other)]
    rows = [(wording.piece("price_label"), *prices)]
    rows += [(name, value, other.facts[name]) for name, value in one.facts.items() if name in other.facts]
    differing = [row for row in rows if row[1] != row[2]]
    return [
        wording.piece("compared", label=label, one=mine, other=its)
        for label, mine, its in differing[:MOST_COMPARED]
    ]


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
