from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from backoffice import demo
from backoffice.catalog.attributes import all_facts, answer, written
from backoffice.catalog.schemas import FactAnswer

PRODUCTS: list[dict[str, Any]] = yaml.safe_load(
    Path(demo.__file__).with_name("catalogue.yml").read_text(encoding="utf8")
)["products"]


def ask(name: str, text: str) -> list[FactAnswer]:
    found = next(each for each in PRODUCTS if name in each["name"])
    facts = all_facts(
        found["facts"],
        brand=found["brand"],
        colours=found["colours"],
        sizes=list(found["sizes"]),
        weight_g=found.get("weight_g", 0),
        warranty_months=found.get("warranty_months", 0),
        returnable=found.get("returnable", True),
    )
    return answer(text, found["name"], facts, found["description"])


@pytest.mark.parametrize(
    ("name", "text", "verdict", "fact"),
    [
        ("T恤", "这个是纯棉的吗", "yes", "100% 新疆长绒棉"),
        ("衬衫", "这个是纯棉的吗", "no", "80% 棉"),
        ("卫衣", "能机洗吗", "yes", "机洗"),
        ("羽绒服", "能不能丢洗衣机里洗", "no", "手洗或干洗"),
        ("羽绒服", "多重啊", "value", "380 克"),
        ("奶粉", "保质期多久", "value", "24 个月"),
        ("充电宝", "支持快充吗", "yes", "30 瓦"),
        ("充电宝", "能带上飞机不", "yes", "可随身"),
        ("智能手表", "游泳能戴吗 防水不", "yes", "5 ATM"),
        ("板鞋", "真皮的么", "yes", "头层牛皮"),
        ("帆布鞋", "真皮的么", "no", "帆布"),
        ("乳胶枕", "枕头可以水洗吗", "no", "枕芯不可水洗"),
        ("空气炸锅", "可以预约吗", "no", "不支持预约"),
        ("保温杯", "漏水不", "no", "倒置不漏"),
        ("冰箱", "声音大不大", "value", "36 分贝"),
        ("电饭煲", "质保几年", "value", "内胆 3 年"),
        ("奶粉", "里面有乳铁蛋白没", "value", "乳铁蛋白"),
        ("沙发", "坐久了会不会塌", "unknown", ""),
        ("T恤", "支持快充吗", "unknown", ""),
    ],
)
def test_what_the_facts_say(name: str, text: str, verdict: str, fact: str) -> None:
    first = ask(name, text)[0]
    assert first.verdict == verdict
    assert fact in "".join(each.value for each in first.facts)
    assert bool(first.says) == (verdict in ("yes", "no"))


def test_two_questions_get_two_answers() -> None:
    assert [each.label for each in ask("T恤", "会缩水掉色吗")] == ["掉色", "缩水"]


def test_a_name_alone_asks_nothing() -> None:
    for text in ("羽绒服", "轻暖短款羽绒服怎么样", "羽绒服介绍一下", "？"):
        assert ask("羽绒服", text) == []


def test_a_weight_that_no_fact_tells_is_the_parcels() -> None:
    facts = all_facts(
        {}, brand="甲", colours=["黑"], sizes=[], weight_g=1500, warranty_months=18, returnable=False
    )
    assert answer("多重", "某物", facts, "")[0].facts[0].value == "约 1.5 公斤（含包装）"
    assert answer("质保多久", "某物", facts, "")[0].facts[0].value == "整机 18 个月"


@given(st.text(max_size=400))
def test_any_question_is_heard_without_harm(text: str) -> None:
    for each in ask("手表", text):
        assert bool(each.facts) == (each.verdict != "unknown")


def test_every_claim_can_be_told_in_words() -> None:
    for rule in written()["claims"].values():
        assert set(rule.get("say", {"yes": "", "no": ""})) == {"yes", "no"}
