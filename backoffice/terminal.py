"""Shows events of a conversation in the terminal: texts, buttons by number, cards as panels."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from backoffice.client import Event
from backoffice.kit.time import SHOP_ZONE

Card = dict[str, Any]


def show(console: Console, events: Iterable[Event]) -> None:
    for event in events:
        if event["text"]:
            colour = {"bot": "green", "agent": "cyan", "system": "yellow"}.get(event["from"], "white")
            console.print(f"[{colour}]{event['from']}[/] {escape(event['text'])}", highlight=False)
        if event.get("card"):
            console.print(panel(event["card"]))
        for number, button in enumerate(event.get("buttons") or [], 1):
            console.print(f"  [bold cyan]{number}[/] {escape(button['label'])}", highlight=False)


def panel(card: Card) -> Panel:
    """A card of a known type as rows, of an unknown one as its plain facts."""
    title = str(card.get("number") or card.get("title") or card["type"])
    rows = {
        "order": order,
        "products": products,
        "stores": stores,
        "refund": refund,
        "return": goods_return,
        "points": points,
        "article": article,
    }
    return Panel(rows.get(card["type"], facts)(card), title=escape(title), title_align="left", expand=False)


def order(card: Card) -> RenderableType:
    lines = grid(
        (line["name"], line["variant"], f"×{line['quantity']}", yuan(line["price_fen"]))
        for line in card["lines"]
    )
    parts: list[RenderableType] = [f"{escape(card['state_label'])}  {yuan(card['total_fen'])}", lines]
    parts.append(progress(card))
    if tracking := card.get("tracking"):
        parts.append(escape(f"{tracking['carrier']} {tracking['number']}"))
        parts.append(
            grid((local(event["at"]), event["place"], event["text"]) for event in tracking["events"])
        )
    return Group(*parts)


def products(card: Card) -> RenderableType:
    return grid(
        (product["name"], yuan(product["price_fen"]), product["stock_label"], product["variants"])
        for product in card["products"]
    )


def stores(card: Card) -> RenderableType:
    return grid(
        (store["name"], f"{store['distance_km']} km", store["address"], store["hours"], store["phone"])
        for store in card["stores"]
    )


def refund(card: Card) -> RenderableType:
    return grid(
        [(card["state_label"], yuan(card["amount_fen"]), card["destination"], local(card["expected_by"]))]
    )


def goods_return(card: Card) -> RenderableType:
    return Group(escape(f"{card['state_label']}  {card['item']}"), progress(card), escape(card["next"]))


def points(card: Card) -> RenderableType:
    onward = f"→ {card['next_level']}: {card['points_to_next']}" if card["next_level"] else ""
    return grid([(card["level"], card["points"], onward)])


def article(card: Card) -> RenderableType:
    return escape(card["url"])


def facts(card: Card) -> RenderableType:
    return grid(card.items())


def progress(card: Card) -> str:
    """下单 ✓ → 付款 ✓ → 签收."""
    return " → ".join(f"{escape(step['label'])}{' ✓' if step['done'] else ''}" for step in card["progress"])


def grid(rows: Iterable[Iterable[object]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    return table


def local(moment: str | None) -> str:
    """An ISO time where the shop is, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone(SHOP_ZONE):%m-%d %H:%M}" if moment else ""


def yuan(fen: int) -> str:
    return f"¥{fen / 100:.2f}"
