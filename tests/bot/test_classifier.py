from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.classifier import ShopIntentClassifier
from bot.components.linear import LinearModel

INTENTS = (
    "greet",
    "thanks",
    "order_status",
    "cancel_order",
    "track_shipment",
    "return_request",
    "invoice_request",
    "human_handoff",
    "complaint",
)


@pytest.fixture(scope="module")
def hear(examples: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small classifier over `INTENTS`, trained, written and read back."""
    storage = LocalModelStorage(Path(tmp_path_factory.mktemp("model")))
    context = ExecutionContext(GraphSchema({}))
    config = ShopIntentClassifier.get_default_config()
    arguments = (config, storage, Resource("intents"), context)
    data = TrainingData([Message.build(text, intent) for intent in INTENTS for text in examples[intent]])
    ShopIntentClassifier.create(*arguments).train(data)
    classifier = ShopIntentClassifier.load(*arguments)

    def parse(text: str) -> dict[str, Any]:
        [message] = classifier.process([Message.build(text)])
        return message.as_dict(only_output_properties=True)

    return parse


@pytest.mark.parametrize(
    ("said", "intent"),
    [
        ("你好", "greet"),
        ("你好，我的快递到哪了", "track_shipment"),
        ("在吗 亲 我要退货", "return_request"),
        ("帮我开发票，谢谢", "invoice_request"),
        ("取消订单2611221394333248", "cancel_order"),
        ("2611221394333248", "order_status"),
        ("幫我開發票", "invoice_request"),
        ("我 要 退 货", "return_request"),
        ("谢谢！再帮我转人工。", "human_handoff"),
    ],
)
def test_the_errand_is_the_intent(hear: Any, said: str, intent: str) -> None:
    heard = hear(said)
    assert heard["intent"]["name"] == intent
    assert heard["also_asked"] == []


def test_several_questions_are_all_heard_in_order(hear: Any) -> None:
    heard = hear("你好。我的快递到哪了？另外帮我开一张发票。谢谢")
    assert heard["intent"]["name"] == "track_shipment"
    assert [(asked["intent"], asked["text"]) for asked in heard["also_asked"]] == [
        ("invoice_request", "另外帮我开一张发票")
    ]
    assert heard["also_asked"][0]["confidence"] >= 0.7


@pytest.mark.parametrize("border", ["，顺便", " 另外", "，然后", " 再"])
def test_a_second_errand_behind_a_comma_is_heard(hear: Any, border: str) -> None:
    heard = hear(f"帮我取消订单{border}帮我开一张发票")
    assert heard["intent"]["name"] == "cancel_order"
    assert [asked["intent"] for asked in heard["also_asked"]] == ["invoice_request"]


def test_a_person_is_asked_for_before_all_else_and_anger_comes_last(hear: Any) -> None:
    heard = hear("服务态度太差了！我的快递到哪了？给我转人工客服")
    assert heard["intent"]["name"] == "human_handoff"
    assert [asked["intent"] for asked in heard["also_asked"]] == ["track_shipment", "complaint"]


@pytest.mark.parametrize("said", ["", " ", "\n\t　", "？？", "𠮷", "a" * 2000, "退货 " * 300])
def test_any_text_is_understood_as_something(hear: Any, said: str) -> None:
    heard = hear(said)
    assert heard["intent"]["name"] in INTENTS
    assert heard["intent_ranking"][0] == heard["intent"]
    assert sum(each["confidence"] for each in heard["intent_ranking"]) == pytest.approx(1, abs=1e-6)


def test_a_model_survives_its_files(tmp_path: Path) -> None:
    documents = [["退", "货"], ["发", "票"], ["包", "邮"]] * 5
    model = LinearModel.fit(documents, ["return", "invoice", "fee"] * 5)
    model.save(tmp_path)
    again = LinearModel.load(tmp_path)
    assert again.labels == ["fee", "invoice", "return"]
    np.testing.assert_allclose(again.probabilities(["退", "新"]), model.probabilities(["退", "新"]))
    assert again.probabilities(["退"])[2] > 0.8
    assert again.probabilities([]).sum() == pytest.approx(1)
