import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "nlu"
INTENTS = """
order_status track_shipment urge_shipment delivery_eta delivery_options shipping_fee
cancel_order undo_request modify_address modify_order invoice_request payment_issue
product_inquiry size_advice stock_inquiry price_inquiry price_protection promotion_inquiry recommend_product
store_locator missing_or_wrong_item not_received damaged_or_defective
return_request exchange_request return_policy aftersale_progress refund_status warranty_repair installation
member_points account_help privacy_request contact_info complaint feedback human_handoff
greet goodbye thanks affirm deny bot_challenge chitchat nudge out_of_scope
""".split()  # noqa: SIM905


def test_every_intent_has_enough_examples(examples: dict[str, list[str]]) -> None:
    assert set(examples) == set(INTENTS)
    assert {intent: len(said) for intent, said in examples.items() if len(said) < 40} == {}


def test_no_example_stands_twice(examples: dict[str, list[str]]) -> None:
    owners = defaultdict(list)
    for intent, said in examples.items():
        for text in said:
            owners[re.sub(r"[\W_]+", "", text) or text].append(intent)
    assert {text: intents for text, intents in owners.items() if len(intents) > 1} == {}


def test_examples_hold_no_markup_that_rasa_would_read(examples: dict[str, list[str]]) -> None:
    assert [t for said in examples.values() for t in said if re.search(r"\][({]", t)] == []


def test_lookups(lookups: dict[str, list[str]]) -> None:
    named = {name for name in lookups if not name.startswith("concept_")}
    assert named == {"place", "courier", "colour", "size", "shop_word"}
    assert {name: table for name, table in lookups.items() if len(set(table)) != len(table)} == {}
    cities = "北京 上海 广州 深圳 杭州 南京 苏州 成都 重庆 武汉 西安 天津 长沙 郑州 青岛".split()  # noqa: SIM905
    assert set(cities) <= set(lookups["place"])


def test_a_synonym_has_one_meaning(nlu_items: list[dict[str, str]]) -> None:
    meanings = defaultdict(set)
    for item in nlu_items:
        if "synonym" in item:
            for line in item["examples"].splitlines():
                meanings[line[2:]].add(item["synonym"])
    assert meanings
    assert {said: names for said, names in meanings.items() if len(names) > 1} == {}


@pytest.mark.shared
def test_no_measured_sentence_is_trained() -> None:
    leak = [sys.executable, SHARED / "leak.py", ROOT / "nlu_data"]
    result = subprocess.run(leak, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.shared
def test_the_newest_model_understands_real_shoppers() -> None:
    models = sorted((ROOT / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not models:
        pytest.skip("no trained model in models/")
    command = [sys.executable, "-W", "ignore", SHARED / "evaluate.py", models[-1], "--json"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["served"]["strict"] >= 0.75
    assert report["served"]["lenient"] >= 0.80
    assert report["served"]["macro_f1"] >= 0.72
    assert report["out_of_scope_recall"] >= 0.65
    assert report["in_scope_refused"] <= 0.06
    assert report["calibration_error"] <= 0.06
    assert report["parse_ms"]["p50"] <= 20
