"""A full garbage collection walks over all that was loaded, a quarter of a second in the middle of a turn.
What is there once a model is loaded is set aside for good, and only what is new is ever looked at: p99 comes
near to p50, and a model that takes another's place in the midst of turns costs them milliseconds. It is freed
without being looked at, as nothing in it leads back to itself."""

import gc
from typing import Any

from rasa.core.agent import Agent

load_model = Agent.load_model


def load_and_set_aside(self: Agent, *args: Any, **kwargs: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        load_model(self, *args, **kwargs)
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()


Agent.load_model = load_and_set_aside
