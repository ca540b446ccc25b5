"""The backoffice's API as the actions use it: typed, on behalf of one conversation's turn."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from actions import shapes
from actions.settings import get_settings

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 8.0
LONGEST_TEXT = 2000

T = TypeVar("T", bound=BaseModel)


class Refused(Exception):
    """The backoffice said no: `code` is stable, `extra` holds what the problem document adds."""

    def __init__(self, status: int, code: str, extra: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.extra = status, code, extra


class Unreachable(Exception):
    """The backoffice gave no usable answer; a write may or may not have happened."""


@cache
def connection() -> httpx.AsyncClient:
    """The pool of connections that every turn of this process shares."""
    return httpx.AsyncClient(
        base_url=get_settings().app_url,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=50),
        trust_env=False,
    )


class Shop:
    """The API during one turn and one action.

    Every write carries the turn's id and the action's name as its idempotency key: a turn that is run again
    does nothing twice. Every method raises `Refused` or `Unreachable`.
    """

    def __init__(self, turn: str, turn_id: str, action: str, http: httpx.AsyncClient | None = None) -> None:
        self._http = http or connection()
        self._turn_id, self._action = turn_id, action
        self._headers = {"Authorization": f"Bearer {get_settings().service_token}", "X-Turn": turn}

    async def _send(
        self, method: str, path: str, shape: type[T], headers: Mapping[str, str], **content: Any
    ) -> T:
        try:
            response = await self._http.request(method, path, headers={**self._headers, **headers}, **content)
            body = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(f"{method} {path}: {error!r}") from error
        if response.is_server_error:
            raise Unreachable(f"{method} {path}: {response.status_code}")
        if response.is_error:
            raise Refused(response.status_code, str(body.get("code", "")), body)
        return shape.model_validate(body)

    async def _get(self, path: str, shape: type[T], **query: Any) -> T:
        told = {name: value for name, value in query.items() if value not in (None, "")}
        return await self._send("GET", path, shape, {}, params=told)

    async def _ask(self, path: str, shape: type[T], **body: Any) -> T:
        return await self._send("POST", path, shape, {}, json=body)

    async def _do(self, method: str, path: str, shape: type[T], target: str = "", **body: Any) -> T:
        key = ":".join(part for part in (self._turn_id, self._action, target) if part)
        headers = {"Idempotency-Key": key} if self._turn_id else {}
        return await self._send(method, path, shape, headers, json=body)

    async def order_meant(
        self,
        text: str,
        errand: str,
        order_no: str | None = None,
        last4: str | None = None,
        times: Sequence[Mapping[str, str]] = (),
    ) -> shapes.Meant:
        """Which order `text` is about, for an errand (status, cancel, return, ...).

        `times` are the times it names: {"words", "from", "to"}.
        """
        asked = {"text": text, "errand": errand, "order_no": order_no, "last4": last4}
        told = {"times": list(times)} if times else {}
        return await self._ask("/api/orders/meant", shapes.Meant, **asked, **told)

    async def order(self, number: str) -> shapes.Order:
        return await self._get(f"/api/orders/{number}", shapes.Order)

    async def verify(self, order_no: str, last4: str) -> shapes.Order:
        """Proves a visitor's order; every try counts, so it is never repeated."""
        return await self._ask("/api/orders/verify", shapes.Order, order_no=order_no, phone_last4=last4)

    async def urge(self, number: str) -> shapes.Urged:
        return await self._do("POST", f"/api/orders/{number}/urge", shapes.Urged, number)

    async def cancel(self, number: str, reason: str) -> shapes.Order:
        return await self._do("POST", f"/api/orders/{number}/cancel", shapes.Order, number, reason=reason)

    async def intercept(self, number: str) -> shapes.Order:
        return await self._do("POST", f"/api/orders/{number}/intercept", shapes.Order, number)

    async def undo_cancel(self, number: str) -> shapes.Order:
        return await self._do("POST", f"/api/orders/{number}/undo-cancel", shapes.Order, number)

    async def change_address(self, number: str, **fields: str) -> shapes.Order:
        """`text` is a free line; or receiver, phone, province, city, district, street."""
        return await self._do("PUT", f"/api/orders/{number}/address", shapes.Order, number, **fields)

    async def ask_invoice(
        self, number: str, kind: str, title: str, tax_number: str | None, email: str | None
    ) -> shapes.Invoice:
        body = {"kind": kind, "title": title, "tax_number": tax_number or None, "email": email or None}
        told = {name: value for name, value in body.items() if value}
        return await self._do("PUT", f"/api/orders/{number}/invoice", shapes.Invoice, number, **told)

    async def protection(self, number: str) -> shapes.Protection:
        return await self._get(f"/api/orders/{number}/price-protection", shapes.Protection)

    async def claim_protection(self, number: str) -> shapes.Refund:
        return await self._do("POST", f"/api/orders/{number}/price-protection", shapes.Refund, number)

    async def coupons(self, product_id: int | None = None) -> list[shapes.Coupon]:
        return (await self._get("/api/coupons", shapes.Coupons, product_id=product_id)).coupons

    async def promotions(self) -> list[shapes.Promotion]:
        return (await self._get("/api/promotions", shapes.Promotions)).promotions

    async def refunds(self, order_number: str | None = None) -> list[shapes.Refund]:
        return (await self._get("/api/refunds", shapes.Refunds, order_number=order_number)).refunds

    async def returnable(self, number: str, kind: str) -> shapes.Returnable:
        return await self._get(f"/api/orders/{number}/returnable", shapes.Returnable, kind=kind)

    async def ask_return(
        self, number: str, lines: Sequence[Mapping[str, Any]], **fields: Any
    ) -> shapes.Return:
        """`lines`: line_id, quantity, wanted_sku_id of each; `fields`: kind, reason, detail, store_id."""
        target = ":".join([number, *(str(line["line_id"]) for line in lines)])
        path = f"/api/orders/{number}/returns"
        return await self._do("POST", path, shapes.Return, target, lines=list(lines), **fields)

    async def preview_return(
        self, number: str, lines: Sequence[Mapping[str, Any]], **fields: Any
    ) -> shapes.Terms:
        """What asking for this, told as to `ask_return`, would cost and pay back."""
        return await self._ask(
            f"/api/orders/{number}/returns/preview", shapes.Terms, lines=list(lines), **fields
        )

    async def returns(self, order_number: str | None = None) -> list[shapes.Return]:
        return (await self._get("/api/returns", shapes.Returns, order_number=order_number)).returns

    async def undo_return(self, number: str) -> shapes.Return:
        return await self._do("POST", f"/api/returns/{number}/undo", shapes.Return, number)

    async def find_products(self, text: str, limit: int = 5) -> shapes.FoundProducts:
        """Products that a free sentence names, the likeliest first; scores are 0 to 100."""
        return await self._ask("/api/products/find", shapes.FoundProducts, text=text, limit=limit)

    async def suggest(self, text: str, limit: int = 3, below_fen: int | None = None) -> shapes.Suggestions:
        """What is in stock and comes near a wish said in a sentence, or costs less than `below_fen`."""
        asked = {"text": text, "limit": limit, "below_fen": below_fen}
        return await self._ask("/api/products/suggest", shapes.Suggestions, **asked)

    async def ask_product(self, product_id: int, text: str) -> list[shapes.FactAnswer]:
        """What the product's page says to a question; nothing when none is asked."""
        return (await self._ask(f"/api/products/{product_id}/ask", shapes.ProductAnswer, text=text)).answers

    async def product(self, product_id: int) -> shapes.ProductDetail:
        return await self._get(f"/api/products/{product_id}", shapes.ProductDetail)

    async def size_advice(self, product_id: int, **measures: float | None) -> shapes.SizeAdvice:
        """`measures`: height_cm, weight_kg, foot_mm; the answer names those it misses."""
        return await self._get(f"/api/products/{product_id}/size-advice", shapes.SizeAdvice, **measures)

    async def stock(self, product_id: int, **narrower: str | None) -> list[shapes.StockItem]:
        """`narrower`: colour, size, and a place to look for stores near."""
        return (await self._get("/api/stock", shapes.Stock, product_id=product_id, **narrower)).items

    async def stores(self, place: str | None) -> shapes.Stores:
        return await self._get("/api/stores", shapes.Stores, place=place)

    async def delivery(self, city: str | None, product_id: int | None = None) -> shapes.Delivery:
        return await self._get("/api/delivery/options", shapes.Delivery, city=city, product_id=product_id)

    async def articles(self, question: str, intent: str, limit: int = 1) -> shapes.Articles:
        return await self._get(
            "/api/knowledge", shapes.Articles, q=question[:LONGEST_TEXT], intent=intent, limit=limit
        )

    async def article(self, slug: str) -> shapes.Article:
        return await self._get(f"/api/knowledge/articles/{slug}", shapes.Article)

    async def note_question(
        self, text: str, intent: str, kind: str, article: str | None = None
    ) -> shapes.Noted:
        """Keep a question that was `missed`, or to which `article` was `helpful` or `unhelpful`."""
        body = {"text": text[:LONGEST_TEXT], "intent": intent, "kind": kind, "article": article or ""}
        return await self._do("POST", "/api/knowledge/questions", shapes.Noted, kind, **body)

    async def me(self) -> shapes.Me:
        return await self._get("/api/me", shapes.Me)

    async def points(self) -> shapes.Points:
        return await self._get("/api/me/points", shapes.Points)

    async def file_case(self, kind: str, text: str, order_number: str | None = None) -> shapes.Case:
        return await self._do(
            "POST", "/api/cases", shapes.Case, kind, kind=kind, text=text, order_number=order_number or ""
        )

    async def hand_over(self, reason: str) -> shapes.Handoff:
        """Gives the conversation to people; the backoffice tells the shopper itself."""
        return await self._do("POST", "/api/handoff", shapes.Handoff, reason=reason)
