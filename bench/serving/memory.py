"""What a replica holds after many changes of its model."""

from bench.limits import Figure
from bench.memory import memory
from bench.serving import switching
from tests.live import LiveShop

WARM = 2
GROWTH_MB = 40


async def measure(shop: LiveShop, other: str, swaps: int) -> list[Figure]:
    """Megabytes (10^6 bytes) of the larger replica, after two changes and after so many more."""
    async with switching.database_of(shop) as database:
        held = [largest(shop)]
        for number in range(WARM + swaps):
            await (switching.roll_back(database) if number % 2 else switching.promote(database, other))
            await switching.followed(database, len(shop.settings.bot_urls))
            held.append(largest(shop))
    return [
        Figure("memory of a replica before", held[0], "MB"),
        Figure(f"memory after {WARM} changes", held[WARM], "MB"),
        Figure(f"memory after {swaps} more", held[-1], "MB"),
        Figure(f"growth over {swaps} changes", held[-1] - held[WARM], "MB", GROWTH_MB),
    ]


def largest(shop: LiveShop) -> float:
    return max(memory(pid) for name, pid in shop.pids().items() if name.startswith("bot")) / 1e6
