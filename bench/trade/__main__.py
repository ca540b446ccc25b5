"""`make bench-trade`: orders per second beside the database's limit, routing, and processes killed at work.

Without a part named, every part runs in turn.
"""

import argparse
import asyncio
import sys
from importlib import import_module
from importlib.util import find_spec

from bench.limits import report
from bench.trade import orders

PARTS = ("orders", "routing", "drill")


def run(part: str, seconds: float) -> int:
    if part == "orders":
        return report(asyncio.run(orders.main(seconds)))
    outcome = import_module(f"bench.trade.{part}").main()
    return int(asyncio.run(outcome) if asyncio.iscoroutine(outcome) else outcome)


if __name__ == "__main__":
    made = [part for part in PARTS if find_spec(f"bench.trade.{part}")]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(made)}; none: all")
    parser.add_argument("--seconds", type=float, default=20, help="that each run of orders is measured")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(made):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    sys.exit(max([run(part, asked.seconds) for part in asked.parts or made]))
