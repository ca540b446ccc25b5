"""`Domain.is_empty` makes an empty domain to compare with, `default_actions` makes all actions of Rasa to
look one up: several times in each turn, a twentieth of its time. Neither answer changes."""

from typing import List, Optional

from rasa.core.actions import action
from rasa.core.actions.action import Action
from rasa.shared.core.domain import Domain
from rasa.utils.endpoints import EndpointConfig

is_empty = Domain.is_empty
default_actions = action.default_actions


def is_empty_once(self: Domain) -> bool:
    if "_is_empty" not in self.__dict__:
        self._is_empty = is_empty(self)
    return self._is_empty


def default_actions_once(action_endpoint: Optional[EndpointConfig] = None) -> List[Action]:
    if action_endpoint is None:
        return default_actions()
    if "_default_actions" not in action_endpoint.__dict__:
        action_endpoint._default_actions = default_actions(action_endpoint)
    return action_endpoint._default_actions


Domain.is_empty = is_empty_once
action.default_actions = default_actions_once
