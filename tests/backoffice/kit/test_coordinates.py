import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.kit.geo import Point, System, distance_km

SYSTEMS: tuple[System, ...] = ("wgs84", "gcj02", "bd09")
in_china = st.tuples(st.floats(18, 53.5), st.floats(73.6, 135))
HALF_A_METRE_KM = 0.0005


def apart_km(one: Point, other: Point) -> float:
    assert one.system == other.system
    return distance_km(one.latitude, one.longitude, other.latitude, other.longitude)


@given(in_china, st.sampled_from(SYSTEMS), st.sampled_from(SYSTEMS))
def test_there_and_back_is_the_same_place(place: tuple[float, float], own: System, other: System) -> None:
    point = Point(*place, own)
    assert apart_km(point.to(other).to(own), point) < HALF_A_METRE_KM


@given(in_china)
def test_maps_of_china_are_shifted_by_some_hundred_metres(place: tuple[float, float]) -> None:
    moved = Point(*place).to("gcj02")
    assert apart_km(moved._replace(system="wgs84"), Point(*place)) < 1.5


@given(
    st.tuples(st.floats(-80, 80), st.floats(-179, 179)).filter(
        lambda p: not (0 <= p[0] <= 56.5 and 71.5 <= p[1] <= 138.5)
    )
)
def test_outside_of_china_nothing_is_shifted(place: tuple[float, float]) -> None:
    assert Point(*place).to("gcj02") == Point(*place, "gcj02")
    assert Point(*place, "gcj02").to("wgs84") == Point(*place)


def test_known_conversions() -> None:
    """The figures that other implementations of the same formulas give for one point."""
    maps = Point(39.915, 116.404).to("gcj02")
    assert maps[:2] == pytest.approx((39.91640428150164, 116.41024449916938), abs=1e-6)
    baidu = Point(39.915, 116.404, "gcj02").to("bd09")
    assert baidu[:2] == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-6)
