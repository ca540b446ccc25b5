from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backoffice import demo
from backoffice.catalog.domain import NameIndex, advise_size, colour_fits, same_size, size_fits
from backoffice.catalog.pictures import SYMBOLS

TABLE = [
    {"size": "M", "height_cm": [158, 170], "weight_kg": [52, 62]},
    {"size": "L", "height_cm": [166, 177], "weight_kg": [62, 73]},
]
INDEX = NameIndex.build(
    [
        (1, "轻暖短款羽绒服", "服饰", ["羽绒服"]),
        (2, "云感缓震跑鞋", "鞋包", ["跑鞋", "运动鞋"]),
        (3, "无涂层精铁炒锅", "家居日用", ["炒锅", "锅"]),
        (4, "长绒棉床上四件套", "家居日用", ["四件套", "床单"]),
        (5, "高帮帆布鞋", "鞋包", ["帆布鞋"]),
    ],
    [("黑色", "XL"), ("雾蓝", "42"), ("白色", "500 毫升"), ("米白", "1.8 米床"), ("黑白", "均码")],
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("羽绒福有货吗", [1]),
        ("买双跑鞋42码", [2]),
        ("鞋子", [2, 5]),
        ("锅", [3]),
        ("床单1.8米的有吗", [4]),
        ("你好", []),
        ("帮我转人工", []),
        ("", []),
    ],
)
def test_which_product_is_meant(text: str, ids: list[int]) -> None:
    assert sorted(hit.product_id for hit in INDEX.find(text)) == ids


@pytest.mark.parametrize(
    ("text", "colour", "size"),
    [
        ("黑色xl", "黑色", "XL"),
        ("有红色的吗 42的", "红色", "42"),
        ("要白的，５００ＭＬ", "白色", "500 毫升"),
        ("42块钱贵了", None, None),
        ("2611201234567890", None, None),
        ("床单1.8米的", None, None),
    ],
)
def test_colour_and_size_said(text: str, colour: str | None, size: str | None) -> None:
    assert (INDEX.colour_said(text), INDEX.size_said(text)) == (colour, size)


@given(st.text(max_size=60))
def test_any_text_is_heard_without_harm(text: str) -> None:
    assert all(0 < hit.score <= 100 for hit in INDEX.find(text))
    assert INDEX.size_said(text) in {None, *INDEX.sizes.values()}


def test_spellings_of_a_size() -> None:
    assert same_size("2XL") == same_size("xxl") == same_size(" XX L")
    assert same_size("500ml") == same_size("500 毫升")
    assert size_fits("M", "M 54 片")
    assert size_fits("42码", "42")
    assert not size_fits("4", "42")
    assert not size_fits("L", "XL")
    assert not size_fits("X", "XL")


def test_a_plain_colour_is_any_shade_of_it() -> None:
    assert colour_fits("黑色", "曜黑")
    assert colour_fits("", "曜黑")
    assert not colour_fits("黑色", "米白")


def test_a_little_outside_is_nearest_and_far_outside_is_none() -> None:
    near = advise_size(TABLE, {"height_cm": 178, "weight_kg": 74})
    assert (near.size, near.note) == ("L", "nearest")
    far = advise_size(TABLE, {"height_cm": 200, "weight_kg": 120})
    assert (far.size, far.note) == (None, "outside")
    both = advise_size(TABLE, {"height_cm": 168, "weight_kg": 62})
    assert (both.size, both.alternatives, both.note) == ("M", ["L"], "between")


def demo_products() -> list[dict[str, Any]]:
    catalogue = Path(demo.__file__).with_name("catalogue.yml").read_text(encoding="utf8")
    return list(yaml.safe_load(catalogue)["products"])


def test_the_demo_shop_draws_what_it_sells() -> None:
    assert {product["symbol"] for product in demo_products()} <= set(SYMBOLS)


def test_every_demo_product_is_found_by_its_name_and_first_keyword() -> None:
    products = demo_products()
    index = NameIndex.build(
        ((i, each["name"], each["category"], each["keywords"]) for i, each in enumerate(products)), []
    )
    for i, each in enumerate(products):
        assert index.find(f"你好，{each['name']}还有货吗")[0].product_id == i
        assert i in {hit.product_id for hit in index.find(f"想买{each['keywords'][0]}")}
