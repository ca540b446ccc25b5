"""Rasa imports every component it knows, whichever a model uses: TensorFlow, scikit-learn, channels and
stores. That is three quarters of the start and half of the memory. The modules named here are not executed:
what is imported from one is an empty class of that name, good for `isinstance`, registries and type hints. A
pipeline that names one of them is refused as unknown; `python -m rasa` still runs it."""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Optional, Sequence

CHANNELS = (
    "botframework callback console facebook hangouts mattermost rocketchat slack telegram twilio webexteams"
)
NETS = "callback data_generator model_data model_data_utils models"
UNUSED = {
    "boto3",
    "dask",
    "pymongo",
    *(f"rasa.core.channels.{name}" for name in CHANNELS.split()),
    "rasa.core.brokers.kafka",
    "rasa.core.brokers.pika",
    "rasa.core.policies.ted_policy",
    "rasa.core.policies.unexpected_intent_policy",
    "rasa.nlu.classifiers.diet_classifier",
    "rasa.nlu.classifiers.logistic_regression_classifier",
    "rasa.nlu.featurizers.dense_featurizer.convert_featurizer",
    "rasa.nlu.featurizers.dense_featurizer.lm_featurizer",
    "rasa.nlu.featurizers.sparse_featurizer.count_vectors_featurizer",
    "rasa.nlu.selectors.response_selector",
    "rasa.utils.plotting",
    *(f"rasa.utils.tensorflow.{name}" for name in NETS.split()),
}


class Unused:
    """What a stand-in has in place of a class: it has a name and cannot be made."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise ImportError(f"{type(self).__module__} is not loaded here, `python -m rasa` does: {__file__}")

    @classmethod
    def name(cls) -> str:
        """Of a channel, by which credentials.yml would choose it."""
        return f"{cls.__module__}.{cls.__name__}"


class StandIn(ModuleType):
    """A module with a class of every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = type(name, (Unused,), {"__module__": self.__name__})
        setattr(self, name, value)
        return value


class StandInFinder(MetaPathFinder, Loader):
    """Finds a stand-in for each unused module, before anybody looks for the module itself."""

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        unused = any(f"{name}.".startswith(f"{each}.") for each in UNUSED)
        return ModuleSpec(name, self, is_package=True) if unused else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install() -> None:
    sys.meta_path.insert(0, StandInFinder())
