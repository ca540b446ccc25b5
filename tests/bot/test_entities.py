from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.components.amounts import amounts, quantities
from bot.components.dates import SHOP_ZONE, dates
from bot.components.found import without_overlap
from bot.components.numerals import number
from bot.components.text import fold

NOON = datetime(2026, 11, 22, 12, tzinfo=SHOP_ZONE)
CASES = [
    ("1234567890123456", {"order_no": "1234567890123456"}),
    ("订单１２３４５６７８９０１２３４５６到哪了", {"order_no": "1234567890123456"}),
    ("1234 5678-9012 3456 这单", {"order_no": "1234567890123456"}),
    ("12345678901234567", {}),
    ("尾号1234", {"last4": "1234"}),
    ("后四位 是：1234", {"last4": "1234"}),
    ("1234结尾的那个", {"last4": "1234"}),
    (" 1234 ", {"last4": "1234"}),
    ("我有1234块", {"amount": {"from": 123400, "to": 123400}}),
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
    ("20斤大米", {"product": "五常稻花香大米"}),
    ("170", {"height_cm": 170, "size": "170"}),
    ("发到杭州西湖区要几天", {"place": "杭州西湖区"}),
    ("南京路那家店", {}),
    ("到廣州市多久", {"place": "广州市"}),
    ("有没有藏青的XL", {"colour": "藏青", "size": "XL"}),
    ("黑色的还有吗", {"colour": "黑色"}),
    ("要黑的", {"colour": "黑色"}),
    ("明白的", {}),
    ("白天没人 黑店 红包呢", {}),
    ("42码的鞋", {"size": "42"}),
    ("我穿38", {"size": "38"}),
    ("均码能穿吗", {"size": "均码"}),
    ("要s码", {"size": "S"}),
    ("sm和vip", {}),
    ("尾号0038的", {"last4": "0038"}),
    ("昨天买的那个", {"when": ("11-21", "11-22")}),
    ("刚买的", {"when": ("11-22T11", "11-22T12")}),
    ("刚好合适", {}),
    ("大前天下的单", {"when": ("11-19", "11-20")}),
    ("上周五拍的", {"when": ("11-13", "11-14")}),
    ("11月5日下的单", {"when": ("11-05", "11-06")}),
    ("3号买的", {"when": ("11-03", "11-04")}),
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
    if "when" in values:
        values = values | {"when": interval(*values["when"])}
    assert {entity["entity"]: entity["value"] for entity in extract(said, NOON)} == values


def interval(start: str, end: str) -> dict[str, str]:
    """`11-21` and `11-21T18` of the year of `NOON`."""

    def hour(text: str) -> str:
        return f"{NOON.year}-{text if 'T' in text else f'{text}T00'}:00:00+08:00"

    return {"from": hour(start), "to": hour(end)}


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
        ("一千二", 1200),
        ("一万二", 12000),
        ("1万2", 12000),
        ("1.2万", 12000),
        ("3k", 3000),
        ("1,299.5", 1299.5),
        ("三十万零五", 300005),
    ],
)
def test_numerals(said: str, value: float) -> None:
    assert number(said) == value


@pytest.mark.parametrize("said", ["", "好", "十a"])
def test_not_a_numeral(said: str) -> None:
    with pytest.raises(ValueError, match="not a numeral"):
        number(said)


@given(st.integers(1, 9999))
def test_a_sum_is_read_back(yuan: int) -> None:
    (found,) = amounts(f"花了{yuan}块")
    assert (found.value, found.entity) == ({"from": yuan * 100, "to": yuan * 100}, "amount")


TIMES = "昨天 大后天 上周 下周三 周末 双十一 去年 10月 3号 11月31号 下午三点 半夜 25点 刚 半个月前 99年前"
PIECES = [*TIMES.split(), *"2:点月号块两件k多十百几万", "买的", "能到吗", "以内"]
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join))


@example("万双", datetime(2026, 11, 22))
@example("0分钟前", datetime(2026, 11, 22))
@given(TEXTS, st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31)))
def test_whatever_is_typed_an_interval_ends_after_it_begins(text: str, now: datetime) -> None:
    folded = fold(text)
    for found in dates(folded, now.replace(tzinfo=SHOP_ZONE)):
        start, end = (datetime.fromisoformat(found.value[edge]) for edge in ("from", "to"))
        assert start < end
        assert start.utcoffset() == timedelta(hours=8)
    kept = without_overlap([*amounts(folded), *quantities(folded)])
    assert all(0 <= each.start < each.end <= len(folded) for each in kept)


def test_a_message_is_read_at_its_own_time(extractor: Any) -> None:
    message = Message(data={TEXT: "昨天买的", "metadata": {"sent_at": "2025-01-01T02:00:00Z"}})
    (entity,) = extractor.process([message])[0].get(ENTITIES)
    assert entity["value"] == {"from": "2024-12-31T00:00:00+08:00", "to": "2025-01-01T00:00:00+08:00"}


@pytest.mark.parametrize("metadata", [None, {}, {"sent_at": "yesterday"}, {"sent_at": "2025-01-01T02:00:00"}])
def test_without_a_time_of_its_own_it_is_read_now(extractor: Any, metadata: Any) -> None:
    message = Message(data={TEXT: "今天", "metadata": metadata})
    (entity,) = extractor.process([message])[0].get(ENTITIES)
    assert datetime.fromisoformat(entity["value"]["to"]) > datetime.now(SHOP_ZONE)


def test_names_carry_what_the_shop_knows_them_by(extract: Any, served: dict[str, Any]) -> None:
    found = {
        each["entity"]: (each["value"], each.get("ids"))
        for each in extract("三里屯店有羽绒服吗 发顺丰", NOON)
    }
    assert found == {
        "store": ("店小二·三里屯店", [1]),
        "product": ("轻暖短款羽绒服", [1]),
        "courier": ("顺丰", ["sf"]),
    }
    (snack,) = extract("零食", NOON)
    names = {each["id"]: each["name"] for each in served["products"]}
    assert {names[id] for id in snack["ids"]} == {"每日坚果礼盒", "风干手撕牛肉干"}


@pytest.mark.parametrize("said", ["蓝色耳机", "男衬衫三件套", "成衣", "见过吗", "我跟你贸易"])
def test_other_words_are_no_typos(extract: Any, said: str) -> None:
    assert {each["entity"] for each in extract(said, NOON)} <= {"colour", "product"}
    for each in extract(said, NOON):
        assert said[each["start"] : each["end"]] in {"蓝色", "耳机", "男衬衫"}
