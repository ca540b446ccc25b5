"""Messages through a trained model, and through models that learnt from some of the sentences only."""

import random
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

import yaml
from rasa.core.agent import Agent
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.nlu.classifiers.fallback_classifier import FallbackClassifier
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from backoffice.training.models.figures import Judged, Point
from backoffice.training.models.labelled import Labelled
from bot.components.classifier import ShopIntentClassifier
from bot.judging import sentences


async def judge(model: Path, messages: Iterable[Labelled]) -> AsyncIterator[Judged]:
    """Each message through the whole pipeline of `model`, as a shopper's would go."""
    said = list(messages)
    heard = sentences.judge(Agent.load(model), [message.text for message in said])
    for message in said:
        yield Judged(message, **await heard.__anext__())


def learning_curve(
    data: TrainingData, config: Path, messages: Sequence[Labelled], parts: int = 5
) -> Iterator[Point]:
    """Trains on 1/`parts` of the sentences of each intent, then on twice that, up to all of them.

    Each share holds the smaller ones; which sentences it holds is always the same.
    """
    pipeline = {each.pop("name"): each for each in yaml.safe_load(config.read_text("utf8"))["pipeline"]}
    settings = pipeline[f"{ShopIntentClassifier.__module__}.{ShopIntentClassifier.__name__}"]
    for part in range(1, parts + 1):
        learnt = _share(data, part / parts)
        with tempfile.TemporaryDirectory() as folder:
            classifier = ShopIntentClassifier.create(
                {**ShopIntentClassifier.get_default_config(), **settings},
                LocalModelStorage(Path(folder)),
                Resource("intents"),
                ExecutionContext(GraphSchema({})),
            )
            classifier.train(TrainingData(learnt, lookup_tables=data.lookup_tables))
        fallback = FallbackClassifier(
            {**FallbackClassifier.get_default_config(), **pipeline[FallbackClassifier.__name__]}
        )
        parsed = fallback.process(classifier.process([Message.build(each.text) for each in messages]))
        yield Point(
            len(learnt),
            [
                Judged(message, **sentences.reading(each.as_dict()))
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
