"""`make bench-channels`: thousands of turns over three channels and three apps, while everything fails."""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress

from bench.channels.audit import Findings, audit
from bench.channels.faults import Faults
from bench.channels.picture import write
from bench.channels.processes import ShopUnderTest, free_ports
from bench.channels.shoppers import AppShopper, Record, Turns, WebShopper, WeChatShopper
from bench.channels.tencent import Anywhere, served
from bench.limits import Figure, percentile, report

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
AT_ONCE = 36
MESSAGES = 12
LATE_SECONDS = 5.0
SETTLE_SECONDS = 60.0


async def main(turns: int, seed: int, page: Path, faulty: bool) -> int:
    console = Console()
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as folder:
        tencent = Anywhere()
        accounts = json.dumps([json.loads(each.model_dump_json()) for each in tencent.accounts.values()])
        url = f"http://127.0.0.1:{port}"
        async with served(tencent, port), ShopUnderTest(Path(folder), POSTGRES, url, accounts) as shop:
            tencent.shop = shop
            console.print(f"3 apps on PostgreSQL and Redis; {turns} turns, {AT_ONCE} shoppers at once")
            faults = Faults(shop, seed)
            failing = asyncio.create_task(faults.run()) if faulty else None
            began = time.monotonic()
            records = await rush(shop, tencent, turns, seed, console)
            took = time.monotonic() - began
            if failing:
                failing.cancel()
                await asyncio.gather(failing, return_exceptions=True)
            await asyncio.gather(*(app.start() for app in shop.apps if not app.up))
            await settled(shop)
            found = await audit(shop.database, records)
    return tell(records, found, faults.counted, took, page, console)


async def rush(
    shop: ShopUnderTest, tencent: Anywhere, turns: int, seed: int, console: Console
) -> list[Record]:
    """Shoppers of all three channels, one after the other in each of `AT_ONCE` lanes, until all is said."""
    left = Turns(turns)
    records: list[Record] = []
    limits = httpx.Limits(max_connections=4 * AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, timeout=20, limits=limits) as http:
        with Progress(console=console) as progress:
            bar = progress.add_task("turns", total=turns)

            async def lane(number: int) -> None:
                chance = random.Random(f"{seed}-{number}")
                while left.left > 0:
                    kind = number % 3
                    if kind == 2:
                        shopper: WebShopper | AppShopper | WeChatShopper = WeChatShopper(tencent, chance)
                    else:
                        shopper = (WebShopper, AppShopper)[kind](shop, http, chance)
                    records.append(shopper.record)
                    await shopper.shop(left, chance.randint(1, MESSAGES))
                    progress.update(bar, completed=turns - left.left)

            await asyncio.gather(*(lane(number) for number in range(AT_ONCE)))
    return records


async def settled(shop: ShopUnderTest) -> None:
    """Until nothing waits to be sent or answered."""
    from sqlalchemy import func, select

    from backoffice.conversations.models import Conversation, Delivery

    busy = select(func.count()).select_from(Delivery).where(Delivery.state.in_(("queued", "sending")))
    turns = select(func.count()).select_from(Conversation).where(Conversation.turn_id.is_not(None))
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            async with shop.database.read() as session:
                if not (await session.scalar(busy) or await session.scalar(turns)):
                    return
            await asyncio.sleep(0.5)


def tell(
    records: list[Record], found: Findings, done: Counter[str], took: float, page: Path, console: Console
) -> int:
    for record in records:
        found.told.update(record.counted)
    found.told.update(done)
    waits = [wait for record in records for wait in record.waits.values()]
    said = sum(len(record.said) for record in records)
    write(page, records, found, f"{said} turns in {took:.0f} s")
    figures = [Figure(name, count, "", 0) for name, count in found.faults.items()]
    figures += [Figure(name, count, "") for name, count in sorted(found.told.items())]
    figures += [
        Figure("turns", said, ""),
        Figure("turns per second", said / took, "/s"),
        Figure("answers later than 5 s", sum(wait > LATE_SECONDS for wait in waits), ""),
        Figure("answer, p50", percentile(waits, 0.5), "s"),
        Figure("answer, p99", percentile(waits, 0.99), "s"),
    ]
    for kind, example in found.examples.items():
        console.print(f"{kind}: {example}", markup=False)
    console.print(f"written to {page}")
    return report(figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, default=Path("var/bench-channels.html"))
    parser.add_argument("--calm", action="store_true", help="nothing fails, for comparison")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.turns, asked.seed, asked.page, not asked.calm)))
