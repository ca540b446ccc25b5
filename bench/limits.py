"""Figures beside their limits."""

from dataclasses import dataclass
from math import ceil

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A measured value; `limit` is the most it may be, `least` the least; without either it is told only."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    least: float | None = None

    @property
    def bound(self) -> str:
        most = [f"{self.limit:g} {self.unit}"] if self.limit is not None else []
        return ", ".join([*most, f"at least {self.least:g} {self.unit}"] if self.least is not None else most)

    @property
    def kept(self) -> bool:
        fits = self.limit is None or self.value <= self.limit
        return fits and (self.least is None or self.value >= self.least)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def report(figures: list[Figure]) -> int:
    """Prints the figures; 0 when every limit is kept, else 1."""
    table = Table("", "measured", "limit", "")
    for figure in figures:
        mark = "" if not figure.bound else "[green]✓[/]" if figure.kept else "[red]✗[/]"
        table.add_row(figure.name, f"{figure.value:.4g} {figure.unit}", figure.bound, mark)
    Console().print(table)
    return 0 if all(figure.kept for figure in figures) else 1
