from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.inventory.domain import Spot, is_open, stock_label, understand

SPOTS = [
    Spot("南京东路", "上海市", "上海", "黄浦区", 31.237, 121.480),
    Spot("北京路", "广东省", "广州", "越秀区", 23.123, 113.263),
    Spot("湖滨", "浙江省", "杭州", "上城区", 30.254, 120.159),
]


@pytest.mark.parametrize(
    ("text", "name", "city"),
    [
        ("杭州", "杭州", "杭州"),
        ("杭州市", "杭州", "杭州"),
        ("我在魔都", "上海", "上海"),
        ("南京东路那边", "南京东路", "上海"),
        ("南京", "南京", "南京"),
        ("北京路", "北京路", "广州"),
        ("北京朝阳区", "朝阳", "北京"),
        ("南京鼓楼", "鼓楼", "南京"),
        ("浙江", "杭州", "杭州"),
        ("新疆", "乌鲁木齐", "乌鲁木齐"),
        ("内蒙古", "呼和浩特", "呼和浩特"),
    ],
)
def test_the_most_exact_place_is_understood(text: str, name: str, city: str) -> None:
    place = understand(text, SPOTS)
    assert place
    assert (place.name, place.city) == (name, city)


@pytest.mark.parametrize("text", ["", "附近", "火星", "中山路十号"])
def test_an_unknown_place_is_none(text: str) -> None:
    assert understand(text, SPOTS) is None


@given(st.text(max_size=40))
def test_any_text_may_be_asked(text: str) -> None:
    place = understand(text, SPOTS)
    assert place is None or 18 < place.latitude < 54


@pytest.mark.parametrize(
    ("hours", "utc_hour", "expected"),
    [
        ("10:00-22:00", 2, True),
        ("10:00-22:00", 1, False),
        ("10:00-22:00", 14, False),
        ("18:00-02:00", 17, True),
        ("24 小时", 20, True),
        ("不定", 4, False),
    ],
)
def test_open_by_the_shops_clock(hours: str, utc_hour: int, expected: bool) -> None:
    assert is_open(hours, datetime(2026, 11, 22, utc_hour, tzinfo=UTC)) is expected


def test_labels_of_stock() -> None:
    assert [stock_label(n) for n in (0, 1, 5, 6)] == ["none", "few", "few", "in_stock"]
