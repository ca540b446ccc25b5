"""How much memory bot, actions and app hold together."""

import subprocess
from pathlib import Path

from bench.limits import Figure
from tests.live import LiveShop

LIMIT_GB = 1.6


def measure(shop: LiveShop) -> list[Figure]:
    """Gigabytes (10^9 bytes) in all and by process."""
    held = {name: memory(pid) / 1e9 for name, pid in shop.pids().items()}
    parts = [Figure(f"memory of {name}", value, "GB") for name, value in held.items()]
    return [Figure("memory of all three", sum(held.values()), "GB", LIMIT_GB), *parts]


def memory(pid: int) -> int:
    """Bytes of a process: its share of shared pages (PSS) on Linux, else what is resident."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    if rollup.exists():
        return 1024 * int(rollup.read_text().partition("\nPss:")[2].split()[0])
    resident = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return 1024 * int(resident.stdout)
