"""A page with what was measured: how long answers took in each channel, and when they were late."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.channels.audit import Findings
from bench.channels.shoppers import Record
from bench.limits import percentile

EDGES = (0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)
COLOURS = {"web": "#2a78d6", "app": "#1baf7a", "wechat": "#eda100"}
WIDTH, HEIGHT, LEFT, FOOT = 900, 260, 50, 30


def histogram(waits: dict[str, list[float]]) -> str:
    """Answers by how long they took, a bar per channel; both axes logarithmic in steps."""
    counts = {
        channel: [
            sum(low < wait <= high for wait in found) for low, high in zip((0.0, *EDGES), EDGES, strict=False)
        ]
        for channel, found in waits.items()
    }
    top = max((max(each) for each in counts.values()), default=1) or 1
    step = (WIDTH - LEFT) / len(EDGES)
    parts = []
    for place, edge in enumerate(EDGES):
        at = LEFT + place * step
        parts.append(
            f'<text x="{at + step / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">≤ {edge:g} s</text>'
        )
        for index, (channel, each) in enumerate(counts.items()):
            share = (each[place] / top) ** 0.5
            tall = share * (HEIGHT - FOOT - 20)
            x, y = at + 6 + index * (step - 12) / 3, HEIGHT - FOOT - tall
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{(step - 16) / 3:.1f}" height="{tall:.1f}"'
                f' fill="{COLOURS[channel]}"><title>{channel} ≤ {edge:g} s: {each[place]}</title></rect>'
            )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="answers by waiting time"'
    return f"<svg {box}>{''.join(parts)}</svg>"


def write(path: Path, records: Sequence[Record], found: Findings, title: str) -> None:
    """The page, with nothing to load from elsewhere."""
    waits = {
        channel: [w for r in records if r.channel == channel for w in r.waits.values()] for channel in COLOURS
    }
    rows = "".join(
        f"<tr><td><b style='color:{COLOURS[channel]}'>■</b> {channel}</td><td>{len(found_waits)}</td>"
        + "".join(f"<td>{percentile(found_waits, share):.2f} s</td>" for share in (0.5, 0.9, 0.99, 1.0))
        + "</tr>"
        for channel, found_waits in waits.items()
        if found_waits
    )
    faults = "".join(
        f"<tr><td>{escape(kind)}</td><td>{count}</td><td>{escape(found.examples.get(kind, ''))}</td></tr>"
        for kind, count in found.faults.items()
    )
    told = "".join(f"<tr><td>{escape(kind)}</td><td>{count}</td></tr>" for kind, count in found.told.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""<!doctype html><meta charset="utf8"><title>{escape(title)}</title>
<style>body{{font:15px/1.5 system-ui;max-width:960px;margin:2em auto;padding:0 1em;color:#222}}
svg{{width:100%;font-size:11px;fill:#555}} table{{border-collapse:collapse;margin:1em 0}}
td,th{{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}}</style>
<h1>{escape(title)}</h1>{histogram(waits)}
<table><tr><th>channel<th>answers<th>p50<th>p90<th>p99<th>slowest</tr>{rows}</table>
<h2>Faults (all must be 0)</h2><table>{faults}</table><h2>What happened</h2><table>{told}</table>""",
        encoding="utf8",
    )
