"""Which intent a message has, how sure that is, and what else it asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.features import Features
from bot.components.model import IntentModel
from bot.components.noise import Noise
from bot.components.text import clauses, sentences, stands_alone

ALSO_ASKED = "also_asked"
SHOP_WORD = "shop_word"
CONCEPT = "concept_"
COPIES = 2
SOCIAL = {"greet", "goodbye", "thanks", "affirm", "deny", "nudge", "chitchat", "bot_challenge"}
FEELING = {"complaint", "feedback"}
OUTSIDE = "out_of_scope"
UNASKED = SOCIAL | {OUTSIDE}
FIRST = {"human_handoff"}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class ShopIntentClassifier(IntentClassifier, GraphComponent):
    """Hears every sentence of a message.

    Besides `intent` and `intent_ranking` it sets `also_asked`: the other things asked in the same message,
    in the order they were said, as [{"intent", "text", "confidence"}].
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`sure`: the confidence from which a part of a message stands for itself; `outside`: how much more
        often a shopper's message is out of scope than a sentence of the training data.
        """
        return {"sure": 0.7, "outside": 1.5, "ranking_length": 10}

    def __init__(self, config: dict[str, Any], storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._labels: list[str] = []
        self._chances: Callable[[str], NDArray[np.float64]] = untrained

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> ShopIntentClassifier:
        return cls(config, model_storage, resource)

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the intent examples.

        The lookup table `shop_word` names words not to be cut, those that begin with `concept_` the words of
        a concept.
        """
        tables = {table["name"]: table["elements"] for table in training_data.lookup_tables}
        concepts = {name: words for name, words in tables.items() if name.startswith(CONCEPT)}
        known = {"words": tables.get(SHOP_WORD, []), "concepts": concepts}
        features = Features(**known)
        pairs = [(example.get(TEXT), example.get(INTENT)) for example in training_data.intent_examples]
        model = learn(features, pairs)
        with self._storage.write_to(self._resource) as folder:
            (folder / "known.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf8")
            model.save(folder)
        self._know(features, model)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> ShopIntentClassifier:
        component = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            features = Features(**json.loads((folder / "known.json").read_text(encoding="utf8")))
            component._know(features, IntentModel.load(folder))
        return component

    def _know(self, features: Features, model: IntentModel) -> None:
        judged = partial(judge, features, model, self._config["outside"])
        self._labels, self._chances = model.labels, lru_cache(maxsize=256)(judged)

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            self._understand(message)
        return messages

    def _understand(self, message: Message) -> None:
        text = message.get(TEXT)
        parts = [(part, *self._best(part)) for part in clauses(text)]
        social = {part for part, intent, sure in parts if intent in SOCIAL and sure >= self._config["sure"]}
        serious = " ".join(part for part, _, _ in parts if part not in social)
        heard = self._rank(serious if social and serious else text)
        asked = self._asked(text)
        if asked and asked[0]["intent"] != heard[0]["name"]:
            heard = self._rank(asked[0]["text"])
        message.set(INTENT, heard[0], add_to_output=True)
        message.set(INTENT_RANKING_KEY, heard, add_to_output=True)
        message.set(ALSO_ASKED, asked[1:], add_to_output=True)

    def _asked(self, text: str) -> list[dict[str, Any]]:
        """What two or more sure sentences ask, the most urgent first; nothing if it is one thing only."""
        found: dict[str, dict[str, Any]] = {}
        for part in filter(stands_alone, sentences(text)):
            intent, sure = self._best(part)
            if intent not in UNASKED and sure >= self._config["sure"]:
                found.setdefault(intent, {"intent": intent, "text": part, "confidence": sure})
        if len(found) < 2:
            return []
        return sorted(found.values(), key=_urgency)

    def _best(self, text: str) -> tuple[str, float]:
        top = self._rank(text)[0]
        return top["name"], top["confidence"]

    def _rank(self, text: str) -> list[dict[str, Any]]:
        chances = self._chances(text)
        order = np.argsort(-chances)[: self._config["ranking_length"]]
        return [{"name": self._labels[i], "confidence": float(chances[i])} for i in order]


def judge(features: Features, model: IntentModel, outside: float, text: str) -> NDArray[np.float64]:
    """The chances of a text's intents. It knows no component: a model that is put away goes at once, without
    waiting for the garbage to be collected."""
    chances = model.probabilities(text, features(text))
    if OUTSIDE in model.labels:
        chances[model.labels.index(OUTSIDE)] *= outside
    return chances / chances.sum()


def untrained(text: str) -> NDArray[np.float64]:
    raise RuntimeError("the classifier has not been trained")


def learn(features: Features, pairs: Sequence[tuple[str, str]]) -> IntentModel:
    """A model of sentences and their intents, each heard also as if typed less carefully, `COPIES` times."""
    noise = Noise()
    copies = []
    for at, (text, intent) in enumerate(pairs):
        for _ in range(COPIES):
            noisy = noise(text, framed=intent not in SOCIAL)
            if noisy != text:
                copies.append((at, features(noisy)))
    texts, intents = zip(*pairs, strict=True)
    return IntentModel.fit(texts, list(map(features, texts)), intents, copies)


def _urgency(asked: dict[str, Any]) -> tuple[bool, bool]:
    return asked["intent"] not in FIRST, asked["intent"] in FEELING
