"""Starts a shop with two replicas of the bot, promotes and rolls back under load, and measures."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench.limits import Figure, report
from bench.serving import load, memory
from bench.serving.models import folder_of
from tests.live import LiveShop


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.serving")
    parser.add_argument("--rate", type=float, default=20, help="turns a second")
    parser.add_argument("--seconds", type=float, default=20, help="of each quiet stretch")
    parser.add_argument("--swaps", type=int, default=10, help="over which memory is measured")
    parser.add_argument("--database", default="", help="URL of an empty database; SQLite without")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xiaoer-serving-") as place:
        models, others = folder_of(Path(place), 3)
        with LiveShop(Path(place) / "state", asked.database, bots=2, models=models) as shop:
            figures: list[Figure] = asyncio.run(load.measure(shop, others[0], asked.rate, asked.seconds))
            figures += asyncio.run(memory.measure(shop, others, asked.swaps))
    return report(figures)


sys.exit(main())
