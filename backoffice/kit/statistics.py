"""What a share of a few tells of the share of all."""

from math import sqrt
from typing import NamedTuple

Z95 = 1.959964


class Interval(NamedTuple):
    low: float
    high: float


def wilson(part: int, whole: int) -> Interval:
    """Between which shares the true one lies, 95 times of 100 (Wilson 1927); 0 and 1 when `whole` is 0."""
    if not whole:
        return Interval(0.0, 1.0)
    share, noise = part / whole, Z95**2 / whole
    middle = share + noise / 2
    half = Z95 * sqrt(share * (1 - share) / whole + noise / (4 * whole))
    return Interval(max((middle - half) / (1 + noise), 0.0), min((middle + half) / (1 + noise), 1.0))
