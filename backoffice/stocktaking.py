"""The commands `xiaoer inventory …`: whether the stock is what its ledger says."""

import asyncio
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from backoffice.staffing import migrated
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.inventory.schemas import Imbalance

SHOWN = 50
console = Console()
inventory = typer.Typer(help="Stock and its ledger.", no_args_is_help=True)


@inventory.callback()
def stock() -> None:
    """With one command only, its name is still to be given."""


@inventory.command()
def audit() -> None:
    """
    Prove the counters of every level against the ledger and the promises.

    Nothing is repaired. Ends with 1 when something differs.

    [dim]xiaoer inventory audit[/]
    """
    found, wrong, levels = asyncio.run(look())
    if wrong:
        console.print(differing(found))
        raise Trouble(f"{wrong} of {levels} levels differ from their ledger or their promises.")
    console.print(f"{levels} levels are what their ledger and their promises say.")


async def look() -> "tuple[list[Imbalance], int, int]":
    from backoffice.inventory import service

    async with migrated() as database, database.snapshot() as session:
        return await service.imbalances(session, SHOWN)


def differing(found: "list[Imbalance]") -> Table:
    """What counter, ledger and promises say, in this order."""
    table = Table("location", "SKU", "on hand", "allocated", "reserved")
    for each in found:
        table.add_row(
            str(each.location_id),
            str(each.sku_id),
            compared(each.on_hand, each.ledger_on_hand),
            compared(each.allocated, each.ledger_allocated, each.promised),
            compared(each.reserved, each.ledger_reserved, each.held),
        )
    return table


def compared(*figures: int) -> str:
    said = " / ".join(map(str, figures))
    return said if len(set(figures)) == 1 else f"[red]{said}[/]"
