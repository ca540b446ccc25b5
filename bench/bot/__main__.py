"""Measures both projects, prints the ratios and exits with 1 when one is beyond what it must be."""

import argparse
import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.bot.load import Measured, measure
from bench.bot.projects import ours, stock


@dataclass(frozen=True)
class Row:
    """A figure of both; `must` and `aim` are the most the judged value may be, or with `more` the least."""

    name: str
    unit: str
    stock: float
    ours: float
    judged: float
    must: float
    aim: float
    more: bool = False

    @property
    def kept(self) -> bool:
        return self.judged >= self.must if self.more else self.judged <= self.must


def rows(stock: Measured, ours: Measured) -> list[Row]:
    def row(name: str, unit: str, figure: str, must: float, aim: float, scale: float = 1) -> Row:
        one, two = getattr(stock, figure) / scale, getattr(ours, figure) / scale
        return Row(name, unit, one, two, two, must, aim)

    gain = ours.turns_per_second / stock.turns_per_second
    growth = [measured.late / measured.early for measured in (stock, ours)]
    return [
        Row("turns per second", "x", stock.turns_per_second, ours.turns_per_second, gain, 5, 10, more=True),
        row("a turn alone, p99", "ms", "p99", 25, 10),
        row("start until ready", "s", "start", 12, 6),
        row("memory", "MB", "memory", 600, 400, scale=1e6),
        row("training", "s", "training", 60, 20),
        Row("a turn of 496-500 to one of 1-5", "x", *growth, growth[1], 1.2, 1.05),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.bot", description=__doc__)
    parser.add_argument(
        "--epochs",
        type=int,
        default=100,
        help="of the stock project's nets; with 1 it trains in minutes and serves no faster than with 100",
    )
    epochs: int = parser.parse_args().epochs
    console = Console()
    reference = stock(epochs)
    if not reference.model.exists():
        console.print(f"Training the stock project, {epochs} epochs: once for these data.")
    reference.train()
    with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as name:
        folder = Path(name)
        shop = ours(folder / "ours", reference)
        console.print(f"{len(shop.sentences())} sentences. Training ours.")
        shop.train()
        mine, theirs = (asyncio.run(measure(project, folder)) for project in (shop, reference))
    return report(console, theirs, mine)


def report(console: Console, stock: Measured, ours: Measured) -> int:
    table = Table("", "stock", "ours", "ratio", "must", "aim", "")
    found = rows(stock, ours)
    for row in found:
        sign = "≥" if row.more else "≤"
        table.add_row(
            row.name,
            f"{row.stock:.4g}",
            f"{row.ours:.4g}",
            f"{row.ours / row.stock if row.more else row.stock / row.ours:.3g} x",
            f"{sign} {row.must:g} {row.unit}",
            f"{sign} {row.aim:g} {row.unit}",
            "[green]✓[/]" if row.kept else "[red]✗[/]",
        )
    for name, figure in (
        ("a turn alone, p50, ms", "p50"),
        ("processor time of a turn among many, ms", "processor"),
        ("bare parse over HTTP, p50, ms", "parse"),
        ("empty answer of the same server, p50, ms", "empty"),
        ("turns without an answer", "unanswered"),
    ):
        one, two = getattr(stock, figure), getattr(ours, figure)
        table.add_row(name, f"{one:.4g}", f"{two:.4g}")
    console.print(table)
    return 0 if all(row.kept for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
