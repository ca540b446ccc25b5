from pathlib import Path
from typing import Any

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource

from bot.components.entities import ShopEntityExtractor
from bot.components.numerals import number


@pytest.fixture(scope="module")
def extract(lookups: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    storage = LocalModelStorage(Path(tmp_path_factory.mktemp("model")))
    return ShopEntityExtractor(lookups, storage, Resource("entities")).extract


CASES = [
    ("1234567890123456", {"order_no": "1234567890123456"}),
    ("订单１２３４５６７８９０１２３４５６到哪了", {"order_no": "1234567890123456"}),
    ("1234 5678-9012 3456 这单", {"order_no": "1234567890123456"}),
    ("12345678901234567", {}),
    ("尾号1234", {"last4": "1234"}),
    ("后四位 是：1234", {"last4": "1234"}),
    ("1234结尾的那个", {"last4": "1234"}),
    (" 1234 ", {"last4": "1234"}),
    ("我有1234块", {}),
    ("打15412345678这个电话", {"phone": "15412345678"}),
    ("154-1234-5678", {"phone": "15412345678"}),
    ("sf1234567890123到哪了", {"tracking_no": "SF1234567890123"}),
    ("单号YT12345678", {"tracking_no": "YT12345678"}),
    ("税号是91310000MA1FL0X23K", {"tax_no": "91310000MA1FL0X23K"}),
    ("123456789012345678", {"tax_no": "123456789012345678"}),
    ("抬头某某公司 91310000MA1FL0X23K", {"tax_no": "91310000MA1FL0X23K"}),
    ("发到Li.Lei+a@mail.example.com谢谢", {"email": "li.lei+a@mail.example.com"}),
    ("身高165体重110穿什么码", {"height_cm": 165, "weight_kg": 55}),
    ("我一米七 120斤", {"height_cm": 170, "weight_kg": 60}),
    ("一米七五 六十公斤", {"height_cm": 175, "weight_kg": 60}),
    ("1米65 一百二十斤", {"height_cm": 165, "weight_kg": 60}),
    ("1.8米 75kg", {"height_cm": 180, "weight_kg": 75}),
    ("172 65kg", {"height_cm": 172, "weight_kg": 65}),
    ("体重55", {"weight_kg": 55}),
    ("1米8的床", {}),
    ("20斤大米", {}),
    ("170", {"height_cm": 170, "size": "170"}),
    ("发到杭州西湖区要几天", {"place": "杭州西湖区"}),
    ("南京路那家店", {}),
    ("到廣州市多久", {"place": "广州市"}),
    ("有没有藏青的XL", {"colour": "藏青", "size": "XL"}),
    ("黑色的还有吗", {"colour": "黑色"}),
    ("要黑的", {"colour": "黑"}),
    ("明白的", {}),
    ("白天没人 黑店 红包呢", {}),
    ("42码的鞋", {"size": "42"}),
    ("我穿38", {"size": "38"}),
    ("均码能穿吗", {"size": "均码"}),
    ("要s码", {"size": "S"}),
    ("sm和vip", {}),
    ("尾号0038的", {"last4": "0038"}),
    ("昨天买的那个", {"when": "昨天"}),
    ("刚买的", {"when": "刚"}),
    ("刚好合适", {}),
    ("大前天下的单", {"when": "大前天"}),
    ("上周五拍的", {"when": "上周五"}),
    ("11月5日下的单", {"when": "11月5日"}),
    ("3号买的", {"when": "3号"}),
    ("我住3号楼", {}),
    ("杭州市文三路1号", {"place": "杭州市"}),
    ("买了三件", {"quantity": 3}),
    ("数量改成5", {"quantity": 5}),
    ("两双", {"quantity": 2}),
    ("两盒月饼", {"quantity": 2}),
    ("给我一个说法", {}),
    ("三个月了", {}),
    ("没有收到", {}),
    ("", {}),
]


@pytest.mark.parametrize(("said", "values"), CASES, ids=[said or "nothing" for said, _ in CASES])
def test_values(extract: Any, said: str, values: dict[str, Any]) -> None:
    assert {entity["entity"]: entity["value"] for entity in extract(said)} == values


def test_offsets_point_into_the_message_as_typed(extract: Any) -> None:
    said = "　訂單：１２３４５６７８９０１２３４５６，發到廣州"
    found = {entity["entity"]: said[entity["start"] : entity["end"]] for entity in extract(said)}
    assert found == {"order_no": "１２３４５６７８９０１２３４５６", "place": "廣州"}


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("12", 12),
        ("1.5", 1.5),
        ("十二", 12),
        ("二十", 20),
        ("一百二", 120),
        ("一百零二", 102),
        ("两百五十", 250),
    ],
)
def test_numerals(said: str, value: float) -> None:
    assert number(said) == value


@pytest.mark.parametrize("said", ["", "好", "十a"])
def test_not_a_numeral(said: str) -> None:
    with pytest.raises(ValueError, match="not a numeral"):
        number(said)
