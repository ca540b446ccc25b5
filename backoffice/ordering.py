"""The commands `xiaoer order …`: what happened to an order, and whether that is what is stored."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backoffice.staffing import migrated
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.trade.history import Event, Standing

console = Console()
order = typer.Typer(help="Orders and their history.", no_args_is_help=True)


@order.callback()
def orders() -> None:
    """With one command only, its name is still to be given."""


@order.command("replay")
def replay(number: Annotated[str, typer.Argument(help="The order's number, 16 digits.")]) -> None:
    """
    The history of an order, and the order rebuilt from it beside the stored one.

    Ends with 1 when the two differ.

    [dim]xiaoer order replay 2611220000000017[/]
    """
    from backoffice.trade.history import differences
    from backoffice.trade.history import replay as rebuild

    told, stored = asyncio.run(read(number))
    console.print(history(told))
    try:
        rebuilt = rebuild(told)
    except ValueError as error:
        raise Trouble(f"The history cannot be: {error}.") from None
    console.print(comparison(stored, rebuilt))
    if found := differences(stored, rebuilt):
        raise Trouble(f"Stored and rebuilt differ in {', '.join(name for name, _, _ in found)}.")
    console.print("Stored and rebuilt are the same.")


async def read(number: str) -> "tuple[list[Event], Standing]":
    from backoffice.kit.errors import NotFound
    from backoffice.trade import service

    try:
        async with migrated() as database, database.read() as session:
            return await service.past(session, number)
    except NotFound:
        raise Trouble(f"There is no order {number}.") from None


def history(told: "list[Event]") -> Table:
    from backoffice.kit.time import SHOP_ZONE

    table = Table("", "when", "what", "by", "changed")
    for event in told:
        changed = {**event.order, **{f"line {id}": line for id, line in event.lines.items()}, **event.detail}
        table.add_row(
            str(event.sequence),
            f"{event.at.astimezone(SHOP_ZONE):%Y-%m-%d %H:%M:%S}",
            event.kind,
            escape(event.by),
            "" if event.kind in ("placed", "taken_over") else escape(shown(changed)),
        )
    return table


def comparison(stored: "Standing", rebuilt: "Standing") -> Table:
    table = Table("", "stored", "rebuilt", "")
    parts = [("", stored.order, rebuilt.order)]
    for id in sorted(stored.lines.keys() | rebuilt.lines.keys()):
        parts.append((f"line {id} ", stored.lines.get(id, {}), rebuilt.lines.get(id, {})))
    for where, ours, theirs in parts:
        for name in sorted(ours.keys() | theirs.keys()):
            left, right = ours.get(name), theirs.get(name)
            mark = "" if left == right else "[red]✗[/]"
            table.add_row(f"{where}{name}", escape(shown(left)), escape(shown(right)), mark)
    return table


def shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
