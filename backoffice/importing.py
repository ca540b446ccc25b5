"""The commands `xiaoer import …` and `xiaoer export …`: tables of the shop as CSV."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backoffice.staffing import migrated
from backoffice.supervisor import Trouble

if TYPE_CHECKING:
    from backoffice.kit.database import Database
    from backoffice.kit.sheets import BadLine, Report, Sheet

SHOWN = 100
console = Console()

TakenIn = Literal["products", "prices", "customers", "stock", "receipts"]
WrittenOut = Literal["products", "customers", "stock"]


def take_in(
    kind: Annotated[TakenIn, typer.Argument(help="What is in the file.")],
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="UTF-8 or GB18030.")],
    by: Annotated[str, typer.Option(help="The login of whom it is on record for.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be, keep nothing.")] = False,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="One bad line and nothing is kept.")
    ] = False,
) -> None:
    """
    Take in a CSV: what it names is added or changed, a second time nothing is left to do.

    The first line names the columns, as `xiaoer export` writes them. Good lines
    are taken in, bad ones told with line, column and what is wrong; ends with 1
    when there are any. By their short names `prices` needs the columns code,
    price, reason; `customers` phone, name; `stock`, which was counted, location,
    code, on_hand; `receipts` document, location, code, pieces.

    [dim]xiaoer import products goods.csv --by boss --dry-run[/]
    """
    from backoffice.kit.errors import Problem

    mode = "dry" if dry_run else "all" if all_or_nothing else "each"
    try:
        report = asyncio.run(read(kind, path, by, mode))
    except Problem as problem:
        raise Trouble(f"{problem.detail or problem.code}.") from None
    if report.bad:
        console.print(complaints(report.bad_lines[:SHOWN]))
    kept = "" if report.kept else "; nothing was kept"
    console.print(f"{report.lines} lines: {report.taken} taken in, {report.unchanged} as they were{kept}.")
    if report.bad:
        raise Trouble(f"{report.bad} of {report.lines} lines are bad.")


def write_out(
    kind: Annotated[WrittenOut, typer.Argument(help="What to write.")],
    path: Annotated[Path | None, typer.Argument(help="Where to; the terminal if not given.")] = None,
) -> None:
    """
    Write a CSV that Excel opens and, but for masked customers, `xiaoer import` takes in.

    [dim]xiaoer export products goods.csv[/]
    """
    asyncio.run(write(kind, path))


async def read(kind: TakenIn, path: Path, by: str, mode: Any) -> "Report":
    from backoffice.kit.sheets import take_in
    from backoffice.staff import service as staff
    from backoffice.up import step

    async with migrated() as database:
        async with database.read() as session:
            staff_id = await staff.id_of(session, by)
        with path.open("rb") as file, step(console, f"Reading {path.name}") as tell:
            return await take_in(
                database, sheet_of(kind, staff_id), file, mode, lambda done, size: tell(percent(done, size))
            )


def percent(done: int, size: int) -> str:
    return f"{100 * done // max(size, 1)}%"


def sheet_of(kind: TakenIn, staff_id: int) -> "Sheet[Any]":
    from backoffice.catalog import sheets as catalog
    from backoffice.inventory import sheets as inventory
    from backoffice.users import sheets as users

    sheets: dict[TakenIn, Callable[[int], Sheet[Any]]] = {
        "products": catalog.products,
        "prices": catalog.prices,
        "customers": users.customers,
        "stock": inventory.counts,
        "receipts": inventory.receipts,
    }
    return sheets[kind](staff_id)


async def write(kind: WrittenOut, path: Path | None) -> None:
    async with migrated() as database:
        with path.open("wb") if path else nullcontext(sys.stdout.buffer) as file:
            async for chunk in chunks_of(kind, database):
                file.write(chunk)


def chunks_of(kind: WrittenOut, database: "Database") -> AsyncIterator[bytes]:
    from backoffice.catalog import sheets as catalog
    from backoffice.inventory import sheets as inventory
    from backoffice.users import sheets as users

    written = {"products": catalog.exported, "customers": users.exported, "stock": inventory.exported}
    return written[kind](database)


def complaints(found: "list[BadLine]") -> Table:
    table = Table("line", "column", "what is wrong")
    for each in found:
        table.add_row(str(each.line), escape(each.column), escape(each.says))
    return table
