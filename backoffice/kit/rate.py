"""Limits against floods: counted in this process, so that a refusal costs nothing.

What must survive a restart, such as tries to guess something, is counted in rows (kit.attempts).
"""

import time
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from backoffice.kit.errors import TooMany

MINUTE = 60.0


class RateLimit:
    """At most `limit` a minute of each key; 0: any number."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()
        self._until = 0.0

    def take(self, key: str) -> None:
        """Raises `TooMany` (`too_many_requests`), which says when to try again."""
        moment = time.monotonic()
        if moment >= self._until:
            self._taken.clear()
            self._until = moment + MINUTE
        if self._limit and self._taken[key] >= self._limit:
            wait = ceil(self._until - moment)
            raise TooMany("too_many_requests", f"at most {self._limit} a minute", retry_after=wait)
        self._taken[key] += 1


def network_of(address: str) -> str:
    """Whose address it is, as far as that can be told: an IPv6 customer has the first half of one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(ip_network((int(parsed) >> 64 << 64, 64)))
    return address
