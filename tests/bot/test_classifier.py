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
from bot.components.model import IntentModel
from bot.components.neighbours import STRANGE, Neighbours
from bot.components.weighing import Weighing

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
    texts = ["退货", "发票", "包邮"] * 5
    model = IntentModel.fit(texts, list(map(list, texts)), ["return", "invoice", "fee"] * 5)
    model.save(tmp_path)
    again = IntentModel.load(tmp_path)
    assert again.labels == ["fee", "invoice", "return"]
    for text in ("退新", "退", ""):
        chances = again.probabilities(text, list(text))
        np.testing.assert_allclose(chances, model.probabilities(text, list(text)))
        assert chances.sum() == pytest.approx(1)
    assert again.probabilities("退", ["退"]).argmax() == 2


def test_the_same_sentences_make_the_same_model(examples: dict[str, list[str]]) -> None:
    texts, labels = zip(*((text, intent) for intent in INTENTS for text in examples[intent]), strict=True)
    one, other = (IntentModel.fit(texts, list(map(list, texts)), labels) for _ in range(2))
    assert np.array_equal(one.linear.weights, other.linear.weights)
    for name, learnt in vars(one.weighing).items():
        assert np.array_equal(learnt, vars(other.weighing)[name])


def test_only_the_likeliest_labels_are_compared_with_their_examples() -> None:
    examples = [["退货", "退钱", "退", "换"], ["发票"], ["包邮"], ["人工"], ["谢谢"]]
    scores = np.array([[3.0, 2.0, 1.0, 0.5, 0.0], [0.0, 9.0, 1.0, 2.0, 3.0]])
    (first, second) = Neighbours(examples)(["退货", "发票"], scores)
    assert first[0] == pytest.approx((1 + 0.5 + 0.67) / 3, abs=0.01)
    assert (first == STRANGE).tolist() == [False, False, False, False, True]
    assert second[1] == 1
    assert (second == STRANGE).tolist() == [True, False, False, False, False]


def test_evidence_of_one_kind_does_for_the_other() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 40)
    evidence = np.hstack([np.eye(3)[truth] + random.normal(0, 0.3, (120, 3)), np.full((120, 3), STRANGE)])
    chances = Weighing.fit(evidence, truth)(evidence)
    assert (chances.argmax(axis=1) == truth).mean() > 0.9
    np.testing.assert_allclose(chances.sum(axis=1), 1)
