"""Before buying: what there is, what it costs, what is in stock and what is cheaper now."""

from rasa_sdk.events import EventType, SlotSet

from actions import wording
from actions.base import Errand
from actions.knowledge import answer_from_knowledge, note_missed, say_article, say_special_article
from actions.products import NAMED, PRODUCT, SHOWN, ProductErrand, card
from actions.shapes import Coupon, FactAnswer, Product, ProductDetail, Promotion, StockItem
from actions.sizes import SizeAdvice
from actions.suggestions import RecommendProduct
from actions.turn import Button, Turn, button, human

MOST_COUPONS = 5
MOST_VARIANTS = 8
MOST_FACTS = 5
MOST_ANSWERS = 3
MOST_COMPARED = 7


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
    off, threshold = wording.yuan(coupon.off_fen), wording.yuan(coupon.threshold_fen)
    offer = coupon.text
    if coupon.off_fen:
        from_some = "minus" if coupon.threshold_fen else "minus_plain"
        offer = wording.piece(from_some, threshold=threshold, off=off)
    return wording.piece(
        "coupon",
        name=coupon.name,
        offer=offer,
        until=wording.day(coupon.ends_at),
        mine=wording.piece("coupon_mine") if coupon.mine else "",
    )


def promotion_row(promotion: Promotion) -> str:
    until = wording.day(promotion.ends_at)
    return wording.piece("promotion", name=promotion.name, text=promotion.text, until=until)


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
        running = [] if wording.says("coupons", turn.text) else await turn.shop.promotions()
        rows = [*map(promotion_row, running[:MOST_COUPONS]), *map(coupon_row, first)]
        if not rows:
            return await answer_from_knowledge(turn, "no_promotions", human())
        turn.say("promotions", coupons=wording.lines(rows))
        return []


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
