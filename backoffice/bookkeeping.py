"""The commands `xiaoer points …` and `xiaoer payments …`: whether the books are right."""

import asyncio
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from backoffice.staffing import migrated
from backoffice.stocktaking import compared
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.trade.payments.schemas import Unaccounted
    from backoffice.users.schemas import PointsDifference

SHOWN, BATCH = 50, 1000
console = Console()
points = typer.Typer(help="Points and their ledger.", no_args_is_help=True)
payments = typer.Typer(help="Payments and refunds.", no_args_is_help=True)


@points.callback()
def ledger() -> None:
    """With one command only, its name is still to be given."""


@points.command()
def audit() -> None:
    """
    Prove the points and the growth of every customer against the ledger.

    Nothing is repaired. Ends with 1 when something differs.

    [dim]xiaoer points audit[/]
    """
    found, customers = asyncio.run(look())
    if found:
        console.print(differing(found[:SHOWN]))
        raise Trouble(f"{len(found)} of {customers} customers differ from their ledger.")
    console.print(f"{customers} customers have the points that their ledger says.")


async def look() -> "tuple[list[PointsDifference], int]":
    from backoffice.users import points as ledger

    found: list[PointsDifference] = []
    async with migrated() as database, database.snapshot() as session:
        while batch := await ledger.points_audit(session, found[-1].customer_id if found else 0, BATCH):
            found += batch
        return found, await ledger.count_customers(session)


def differing(found: "list[PointsDifference]") -> Table:
    """What counters and ledger say, in this order."""
    table = Table("customer", "points", "growth")
    for each in found:
        points, growth = compared(each.counted, each.entries), compared(each.growth, each.earned)
        table.add_row(str(each.customer_id), points, growth)
    return table


@payments.callback()
def money() -> None:
    """With one command only, its name is still to be given."""


@payments.command("audit")
def audit_payments() -> None:
    """
    Prove that all money that arrived pays an order or goes back.

    Nothing is repaired. Ends with 1 when some does not.

    [dim]xiaoer payments audit[/]
    """
    found, count = asyncio.run(look_at_payments())
    if found:
        console.print(unaccounted(found[:SHOWN]))
        raise Trouble(f"{len(found)} of {count} payments neither pay their order nor go back.")
    console.print(f"{count} payments each pay their order or go back.")


async def look_at_payments() -> "tuple[list[Unaccounted], int]":
    from backoffice.trade.payments import paying

    found: list[Unaccounted] = []
    async with migrated() as database, database.snapshot() as session:
        while batch := await paying.payments_audit(session, found[-1].payment_id if found else 0, BATCH):
            found += batch
        return found, await paying.count_payments(session)


def unaccounted(found: "list[Unaccounted]") -> Table:
    """Beside the amount what is set aside to go back, and the sum of the refunds."""
    table = Table("payment", "order", "state", "method", "fen", "back")
    for each in found:
        back = compared(each.refunded_fen, each.refunds_fen)
        row = (each.payment_id, each.order_number, each.order_state, each.method, each.amount_fen, back)
        table.add_row(*map(str, row))
    return table
