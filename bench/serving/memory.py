"""What a replica holds after many changes of its model."""

from bench.limits import Figure
from bench.memory import memory
from bench.serving import switching
from tests.live import LiveShop

WARM = 3
GROWTH_MB = 40


async def measure(shop: LiveShop, others: list[str], swaps: int) -> list[Figure]:
    """Megabytes (10^6 bytes) of the larger replica, after some changes and after so many more.

    Of three models in turn none is loaded any more when it comes again.
    """
    async with switching.database_of(shop) as database:
        held = [largest(shop)]
        for number in range(WARM + swaps):
            await switching.promote(database, others[number % len(others)])
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
