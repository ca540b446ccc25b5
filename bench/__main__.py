"""Starts a shop of its own, measures it and compares with the limits; the exit code is 1 beyond them."""

import asyncio
import sys
import tempfile
from pathlib import Path

from bench import burst, memory, turns
from bench.limits import Figure, report
from tests.live import LiveShop


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as folder, LiveShop(Path(folder)) as shop:
        figures: list[Figure] = asyncio.run(turns.measure(shop))
        figures += asyncio.run(burst.measure(shop))
        figures += memory.measure(shop)
    return report(figures)


sys.exit(main())
