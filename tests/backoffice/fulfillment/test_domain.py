from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.fulfillment.domain import Option, options

MONDAY_NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
MONDAY_EVENING = datetime(2026, 11, 23, 9, tzinfo=UTC)


def fees(
    province: str, amount_fen: int, weight_g: int = 500, distance_km: float | None = 200
) -> dict[str, int]:
    found = options(distance_km=distance_km, province=province, amount_fen=amount_fen, weight_g=weight_g)
    return {option.service: option.fee_fen for option in found}


@pytest.mark.parametrize(
    ("province", "amount_fen", "fee_fen"),
    [
        ("浙江省", 9899, 800),
        ("浙江省", 9900, 0),
        ("新疆维吾尔自治区", 9900, 1500),
        ("新疆维吾尔自治区", 19900, 0),
        ("内蒙古自治区", 0, 1500),
    ],
)
def test_postage(province: str, amount_fen: int, fee_fen: int) -> None:
    assert fees(province, amount_fen)["standard"] == fee_fen


def test_express_is_never_free_and_grows_with_every_kilo_begun() -> None:
    assert fees("浙江省", 10**6)["express"] == 1800
    assert fees("浙江省", 0, weight_g=3000)["express"] == 1800
    assert fees("浙江省", 0, weight_g=3001)["express"] == 2000
    assert fees("西藏自治区", 0)["express"] == 2800


def test_what_is_bulky_goes_by_lorry_only() -> None:
    assert set(fees("浙江省", 0, weight_g=60_000)) == {"standard"}


def test_same_day_only_next_to_a_warehouse() -> None:
    assert "same_day" in fees("江苏省", 0, distance_km=60)
    assert "same_day" not in fees("江苏省", 0, distance_km=61)
    assert "same_day" not in fees("", 0, distance_km=None)


def test_an_order_after_the_cut_off_leaves_a_day_later() -> None:
    option = Option("zto", "standard", 0, None, (1, 2), time(17))
    assert option.arrives(MONDAY_NOON) == (date(2026, 11, 24), date(2026, 11, 25))
    assert option.arrives(MONDAY_EVENING) == (date(2026, 11, 25), date(2026, 11, 26))


@given(st.floats(0, 5000), st.floats(0, 5000), st.sampled_from(["浙江省", "西藏自治区"]))
def test_farther_is_never_faster(one: float, other: float, province: str) -> None:
    near, far = sorted((one, other))
    ways = [
        {o.service: o.days for o in options(distance_km=d, province=province, amount_fen=0, weight_g=0)}
        for d in (near, far)
    ]
    assert all(ways[0][service] <= ways[1][service] for service in ("standard", "express"))
    assert all(first <= last for way in ways for first, last in way.values())
