"""Places in degrees, WGS-84 unless a point names another system."""

from collections.abc import Callable, Sequence
from math import asin, atan2, cos, degrees, hypot, pi, radians, sin, sqrt
from typing import Literal, NamedTuple

EARTH_RADIUS_KM = 6371.0088


def distance_km(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Great-circle distance between two points in degrees (haversine formula)."""
    a, b = radians(latitude), radians(to_latitude)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(to_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(half))


def inside(latitude: float, longitude: float, corners: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon of (latitude, longitude) corners; its border belongs to it.

    Sides are straight in degrees, and none crosses the 180th meridian.
    """
    within = False
    for (a_lat, a_lon), (b_lat, b_lon) in zip(corners, [*corners[1:], corners[0]], strict=True):
        turn = (b_lon - a_lon) * (latitude - a_lat) - (b_lat - a_lat) * (longitude - a_lon)
        beside = min(a_lat, b_lat) <= latitude <= max(a_lat, b_lat)
        if turn == 0 and beside and min(a_lon, b_lon) <= longitude <= max(a_lon, b_lon):
            return True
        if (a_lat > latitude) != (b_lat > latitude):
            crosses = a_lon + (latitude - a_lat) * (b_lon - a_lon) / (b_lat - a_lat)
            within ^= longitude < crosses
    return within


System = Literal["wgs84", "gcj02", "bd09"]
"""WGS-84 is what satellites say, GCJ-02 what Chinese maps and WeChat show, BD-09 what Baidu shows."""
AXIS_M, ECCENTRICITY = 6_378_245.0, 0.006_693_421_622_965_943
"""Of the Krasovsky 1940 ellipsoid: half the long axis, and the first eccentricity squared."""
BAIDU_TURN = pi * 3000 / 180
CLOSE_DEGREES = 1e-9
"""Where the inverse stops: a tenth of a millimetre."""


class Point(NamedTuple):
    """Degrees, and the system in which they are meant."""

    latitude: float
    longitude: float
    system: System = "wgs84"

    def to(self, system: System) -> "Point":
        """The same place in another system, to less than half a metre there and back.

        Places outside of China are the same in WGS-84 and GCJ-02. Where the shift ends, in a strip of some
        hundred metres along the rectangle around China, a place in GCJ-02 has two meanings; one is taken.
        """
        if system == self.system:
            return self
        latitude, longitude = self.latitude, self.longitude
        if self.system == "bd09":
            latitude, longitude = undone(baidu, latitude, longitude)
        elif self.system == "wgs84":
            latitude, longitude = shifted(latitude, longitude)
        if system == "bd09":
            latitude, longitude = baidu(latitude, longitude)
        elif system == "wgs84":
            latitude, longitude = unshifted(latitude, longitude)
        return Point(latitude, longitude, system)


def in_china(latitude: float, longitude: float) -> bool:
    """The rectangle in which maps are shifted."""
    return 0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347


def shifted(latitude: float, longitude: float) -> tuple[float, float]:
    """WGS-84 to GCJ-02; outside of China nothing changes."""
    return shift(latitude, longitude) if in_china(latitude, longitude) else (latitude, longitude)


def unshifted(latitude: float, longitude: float) -> tuple[float, float]:
    """GCJ-02 to WGS-84: a point whose origin lies outside of China was never shifted."""
    origin = undone(shift, latitude, longitude)
    return origin if in_china(*origin) else (latitude, longitude)


def shift(latitude: float, longitude: float) -> tuple[float, float]:
    """The published approximation of GCJ-02, everywhere on earth.

    Polynomials with sine waves around 35° N, 105° E give metres, which the ellipsoid's radii at this latitude
    turn into degrees (as in "Restrictions on geographic data in China", Wikipedia).
    """
    north, east = latitude - 35, longitude - 105
    bend = 0.1 * sqrt(abs(east))
    ripple = (20 * sin(6 * pi * east) + 20 * sin(2 * pi * east)) * 2 / 3
    up = -100 + 2 * east + 3 * north + 0.2 * north**2 + 0.1 * east * north + 2 * bend + ripple
    up += (20 * sin(pi * north) + 40 * sin(pi * north / 3)) * 2 / 3
    up += (160 * sin(pi * north / 12) + 320 * sin(pi * north / 30)) * 2 / 3
    right = 300 + east + 2 * north + 0.1 * east**2 + 0.1 * east * north + bend + ripple
    right += (20 * sin(pi * east) + 40 * sin(pi * east / 3)) * 2 / 3
    right += (150 * sin(pi * east / 12) + 300 * sin(pi * east / 30)) * 2 / 3
    flat = 1 - ECCENTRICITY * sin(radians(latitude)) ** 2
    meridian = AXIS_M * (1 - ECCENTRICITY) / flat**1.5
    parallel = AXIS_M / sqrt(flat) * cos(radians(latitude))
    return latitude + degrees(up / meridian), longitude + degrees(right / parallel)


def baidu(latitude: float, longitude: float) -> tuple[float, float]:
    """GCJ-02 to BD-09: a little farther from the origin, turned a little, moved by a constant."""
    far = hypot(latitude, longitude) + 0.00002 * sin(latitude * BAIDU_TURN)
    turn = atan2(latitude, longitude) + 0.000003 * cos(longitude * BAIDU_TURN)
    return far * sin(turn) + 0.006, far * cos(turn) + 0.0065


def undone(
    step: Callable[[float, float], tuple[float, float]], latitude: float, longitude: float
) -> tuple[float, float]:
    """Where `step` leads to this point from, by moving a guess by what it misses."""
    guess = latitude, longitude
    for _ in range(30):
        reached = step(*guess)
        missed = latitude - reached[0], longitude - reached[1]
        guess = guess[0] + missed[0], guess[1] + missed[1]
        if max(map(abs, missed)) < CLOSE_DEGREES:
            break
    return guess
