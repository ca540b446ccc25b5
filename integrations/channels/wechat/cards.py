"""A card of the bot's as the lines of a text, for chats that know no cards."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

from integrations.channels.wechat.wording import says

Card = dict[str, Any]
MOST_ROWS = 5
TOLD = ("products", "stores", "article")


def as_text(card: Card, shop_url: str, told: bool = False) -> str:
    """A card of a known type as lines, of an unknown one as its title. `shop_url` makes its link whole.

    Lists are left out where they were `told` already: the bot's sentences name what is in them.
    """
    kind = str(card.get("type"))
    rows = [] if told and kind in TOLD else ROWS.get(kind, titled)(card)
    link = [urljoin(f"{shop_url}/", str(card["url"]))] if card.get("url") and shop_url else []
    return "\n".join([*(row for row in rows if row), *link])


def order(card: Card) -> list[str]:
    tracking = card.get("tracking") or {}
    newest = [event["text"] for event in sorted(tracking.get("events", []), key=lambda e: e["at"])[-1:]]
    return [
        says("card.order", total=yuan(card["total_fen"]), **texts(card, "number", "state_label")),
        *(
            says("card.line", **texts(line, "name", "variant", "quantity"))
            for line in card["lines"][:MOST_ROWS]
        ),
        progress(card),
        " ".join([tracking.get("carrier", ""), tracking.get("number", ""), *newest]).strip(),
    ]


def products(card: Card) -> list[str]:
    return [
        says("card.product", name=product["name"], price=yuan(product["price_fen"]))
        for product in card["products"][:MOST_ROWS]
    ]


def stores(card: Card) -> list[str]:
    return [
        says("card.store", **texts(store, "name", "address", "hours", "phone"))
        for store in card["stores"][:MOST_ROWS]
    ]


def refund(card: Card) -> list[str]:
    return [says("card.refund", amount=yuan(card["amount_fen"]), **texts(card, "state_label", "destination"))]


def goods_return(card: Card) -> list[str]:
    return [says("card.return", **texts(card, "item", "state_label")), progress(card), card.get("next") or ""]


def titled(card: Card) -> list[str]:
    return [str(card.get("title") or "")]


def progress(card: Card) -> str:
    done = says("card.done")
    return " → ".join(f"{step['label']}{done if step['done'] else ''}" for step in card.get("progress", []))


def texts(row: Card, *names: str) -> dict[str, str]:
    return {name: str(row.get(name) or "") for name in names}


def yuan(fen: int) -> str:
    return f"¥{fen / 100:.2f}"


ROWS: dict[str, Callable[[Card], list[str]]] = {
    "order": order,
    "products": products,
    "stores": stores,
    "refund": refund,
    "return": goods_return,
}
