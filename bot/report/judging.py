"""Messages through a trained model, and through models that learnt from some of the sentences only."""

import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from rasa.core.agent import Agent
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME as FALLBACK
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.classifier import ShopIntentClassifier
from bot.report.figures import OUTSIDE, Judged, Labelled, Point


def read(path: Path) -> list[Labelled]:
    """JSON lines of `text`, `intent` and, where another reading would do, `also`.

    Raises ValueError with the place of the first line that is none.
    """
    messages = []
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        try:
            row = json.loads(line)
            messages.append(Labelled(row["text"], row["intent"], tuple(row.get("also", ()))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}:{number}: not a labelled message ({error!r})") from error
    if not messages:
        raise ValueError(f"{path}: no messages")
    return messages


async def judge(model: Path, messages: Iterable[Labelled]) -> AsyncIterator[Judged]:
    """Each message through the whole pipeline of `model`, as a shopper's would go."""
    agent = Agent.load(model)
    for message in messages:
        start = time.perf_counter()
        parsed = await agent.parse_message(message.text)
        yield _judged(message, parsed["intent"], parsed["intent_ranking"], time.perf_counter() - start)


def learning_curve(
    data: TrainingData, config: Path, messages: Sequence[Labelled], parts: int = 5
) -> Iterator[Point]:
    """Trains on 1/`parts` of the sentences of each intent, then on twice that, up to all of them.

    Each share holds the smaller ones; which sentences it holds is always the same.
    """
    pipeline = {each.pop("name"): each for each in yaml.safe_load(config.read_text("utf8"))["pipeline"]}
    settings = pipeline[f"{ShopIntentClassifier.__module__}.{ShopIntentClassifier.__name__}"]
    for part in range(1, parts + 1):
        sentences = _share(data, part / parts)
        with tempfile.TemporaryDirectory() as folder:
            classifier = ShopIntentClassifier.create(
                {**ShopIntentClassifier.get_default_config(), **settings},
                LocalModelStorage(Path(folder)),
                Resource("intents"),
                ExecutionContext(GraphSchema({})),
            )
            classifier.train(TrainingData(sentences, lookup_tables=data.lookup_tables))
        fallback = FallbackClassifier(
            {**FallbackClassifier.get_default_config(), **pipeline[FallbackClassifier.__name__]}
        )
        parsed = fallback.process(classifier.process([Message.build(each.text) for each in messages]))
        yield Point(
            len(sentences),
            [
                _judged(message, each.get("intent"), each.get("intent_ranking"))
                for message, each in zip(messages, parsed, strict=True)
            ],
        )


def _share(data: TrainingData, share: float) -> list[Message]:
    """Some of the sentences of each intent, in the order of all, on which the noise of the training hangs."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(data.intent_examples):
        places[example.get("intent")].append(place)
    drawn = {
        place
        for intent, members in places.items()
        for place in random.Random(intent).sample(members, len(members))[: round(share * len(members))]
    }
    return [example for place, example in enumerate(data.intent_examples) if place in drawn]


def _judged(
    message: Labelled, intent: dict[str, Any], ranking: list[dict[str, Any]], seconds: float = 0.0
) -> Judged:
    served = OUTSIDE if intent["name"] == FALLBACK else intent["name"]
    top = next((each for each in ranking if each["name"] != FALLBACK), {"name": served, "confidence": 0.0})
    return Judged(message, served, top["name"], float(top["confidence"]), seconds)
