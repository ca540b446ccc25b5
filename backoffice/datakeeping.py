"""The commands `xiaoer data …`: the training data of the running shop as a zip of Rasa YAML."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer
from rich.console import Console

from backoffice.settings import Settings

if TYPE_CHECKING:
    from backoffice.client import Shop

data = typer.Typer(help="What the bot learns from.", no_args_is_help=True)
console = Console()


@data.command("export")
def write_out(
    path: Annotated[Path, typer.Argument(help="Where to, e.g. data.zip.")],
    number: Annotated[int | None, typer.Option(min=0, help="An older revision.")] = None,
) -> None:
    """
    Write the training data as a zip that `xiaoer data import` takes in.

    [dim]xiaoer data export data.zip[/]
    """
    query = "" if number is None else f"?number={number}"
    with shop() as running:
        answer = running.exchange("GET", f"/api/training/data/export{query}", running.service_token)
    path.write_bytes(answer.content)
    console.print(f"{path}: {len(answer.content):,} bytes")


@data.command("import")
def take_in(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A zip, or one YAML file.")],
    whole: Annotated[bool, typer.Option("--whole", help="Files that it does not hold go.")] = False,
    why: Annotated[str, typer.Option(help="For the history.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be, keep nothing.")] = False,
) -> None:
    """
    Take in training data as a new revision: files that it holds replace those of their paths.

    [dim]xiaoer data import data.zip --dry-run[/]
    """
    asked = {"name": path.name, "whole": whole, "why": why, "dry_run": dry_run}
    with shop() as running:
        url = f"/api/training/data/import?{urlencode(asked)}"
        edited = running.exchange("POST", url, running.service_token, content=path.read_bytes()).json()
    for name in edited["left_out"]:
        console.print(f"{name} is no training data: left out")
    counts = f"{len(edited['added'])} sentences added, {len(edited['removed'])} removed"
    made = f"revision {edited['number']}" if edited["number"] else "nothing kept"
    console.print(f"{len(edited['files'])} files, {counts}, {len(edited['touched'])} other things: {made}.")


def shop() -> "Shop":
    from backoffice.client import Shop, address

    return Shop(address(), Settings().service_token)
