"""What goes wrong meanwhile, at random from a seed: killed apps, Redis started anew, a bot that is away."""

import asyncio
import random
from collections import Counter

from bench.channels.processes import ShopUnderTest

KILL_EVERY = (1.5, 4.0)
REDIS_EVERY = (25.0, 45.0)
BOT_EVERY = (40.0, 70.0)
AWAY_SECONDS = (1.0, 4.0)


class Faults:
    """Runs until cancelled; `counted` tells what was done."""

    def __init__(self, shop: ShopUnderTest, seed: int) -> None:
        self._shop, self._chance = shop, random.Random(seed)
        self.counted: Counter[str] = Counter()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_apps())
            group.create_task(self._restart_redis())
            group.create_task(self._bot_goes_away())

    async def _kill_apps(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*KILL_EVERY))
            app = self._chance.choice([app for app in self._shop.apps if app.up])
            self.counted["apps killed with -9"] += 1
            await app.end()
            await app.start()

    async def _restart_redis(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*REDIS_EVERY))
            self.counted["Redis restarts"] += 1
            await self._shop.redis.end()
            await asyncio.sleep(self._chance.uniform(*AWAY_SECONDS))
            await self._shop.redis.start()

    async def _bot_goes_away(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*BOT_EVERY))
            self.counted["bot away"] += 1
            await self._shop.bot.end()
            await asyncio.sleep(self._chance.uniform(*AWAY_SECONDS))
            await self._shop.bot.start()
