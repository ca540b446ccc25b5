"""Figures beside their limits."""

from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A measured value; `limit` is the most it may be, None where it is told for comparison only."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        return self.limit is None or self.value <= self.limit


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def report(figures: list[Figure]) -> int:
    """Prints the figures; 0 when every limit is kept, else 1."""
    table = Table("", "measured", "limit", "")
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g} {figure.unit}"
        mark = "" if figure.limit is None else "[green]✓[/]" if figure.kept else "[red]✗[/]"
        table.add_row(figure.name, f"{figure.value:.4g} {figure.unit}", limit, mark)
    Console().print(table)
    return 0 if all(figure.kept for figure in figures) else 1
