"""Where things go on a map without tiles: points in a box, apart from each other, and names beside them.

Pure rules. Units are those of the picture, y down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, radians, sin

KM_PER_DEGREE = 111.2
SMALLEST_KM = 1.5
ROUNDS_APART = 200
SIDEWAYS = 0.3
"""Radians by which circles are pushed aside as well, or those at an edge would stay in line."""


@dataclass(frozen=True)
class Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True)
class Projection:
    """Kilometres east and south of a middle, a unit of the picture for each `km_per_unit`."""

    latitude: float
    longitude: float
    middle: tuple[float, float]
    km_per_unit: float

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        east = (longitude - self.longitude) * cos(radians(self.latitude)) * KM_PER_DEGREE
        north = (latitude - self.latitude) * KM_PER_DEGREE
        return self.middle[0] + east / self.km_per_unit, self.middle[1] - north / self.km_per_unit


def fitted(points: Sequence[tuple[float, float]], box: Box, margin: float) -> Projection:
    """The projection that shows all points (latitude, longitude; at least one) as large as the box allows."""
    south, north = min(lat for lat, _ in points), max(lat for lat, _ in points)
    west, east = min(lon for _, lon in points), max(lon for _, lon in points)
    latitude, longitude = (south + north) / 2, (west + east) / 2
    wide = max(SMALLEST_KM, (east - west) * cos(radians(latitude)) * KM_PER_DEGREE)
    high = max(SMALLEST_KM, (north - south) * KM_PER_DEGREE)
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    scale = max(
        wide / (box.right - box.left - 2 * margin),
        high / (box.bottom - box.top - 2 * margin),
    )
    return Projection(latitude, longitude, middle, scale)


def apart(
    points: Sequence[tuple[float, float]], radii: Sequence[float], box: Box
) -> list[tuple[float, float]]:
    """The points moved as little as need be until circles around them do not meet, all inside the box."""
    placed = [list(point) for point in points]
    for _ in range(ROUNDS_APART):
        moved = False
        for one in range(len(placed)):
            for other in range(one):
                (ax, ay), (bx, by) = placed[one], placed[other]
                far, least = hypot(ax - bx, ay - by), radii[one] + radii[other]
                if far >= least - 0.01:
                    continue
                moved = True
                angle = (atan2(ay - by, ax - bx) if far > 0.01 else 2.4 * one) + SIDEWAYS
                ux, uy = cos(angle), sin(angle)
                push = (least - far) / 2
                placed[one] = [ax + push * ux, ay + push * uy]
                placed[other] = [bx - push * ux, by - push * uy]
        for at, (x, y) in enumerate(placed):
            r = radii[at]
            kept = [
                min(max(x, box.left + r), box.right - r),
                min(max(y, box.top + r), box.bottom - r),
            ]
            moved = moved or kept != [x, y]
            placed[at] = kept
        if not moved:
            break
    return [(x, y) for x, y in placed]


def width(text: str, size: float) -> float:
    """About how wide a text is: Chinese characters are square, others a little over half as wide."""
    return sum(size if ord(each) > 0x2E80 or each in "“”…" else 0.58 * size for each in text)


def beside(
    x: float, y: float, radius: float, wide: float, high: float, taken: Iterable[Box], box: Box, far: int = 1
) -> Box | None:
    """A free place for a text near a circle, the nearer the better; None when there is none so near."""
    busy = list(taken)
    for step in range(far):
        gap = radius + 4 + step * 8
        corners = [
            (x + gap, y - high / 2),
            (x - gap - wide, y - high / 2),
            (x - wide / 2, y + gap - 2),
            (x - wide / 2, y - gap - high + 2),
            (x + gap * 0.7, y + gap * 0.5),
            (x - gap * 0.7 - wide, y + gap * 0.5),
            (x + gap * 0.7, y - gap * 0.5 - high),
            (x - gap * 0.7 - wide, y - gap * 0.5 - high),
        ]
        for left, top in corners:
            place = Box(left, top, left + wide, top + high)
            if box.holds(place) and not any(place.meets(each) for each in busy):
                return place
    return None


def round_km(most: float) -> float:
    """The largest of 1, 2, 5, 10, 20 … that is not above `most`; at least 0.1."""
    found = 0.1
    for power in range(-1, 5):
        for step in (1, 2, 5):
            if step * 10.0**power <= most:
                found = step * 10.0**power
    return found
