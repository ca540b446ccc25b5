"""`RulePolicy._get_possible_keys` goes over all rules once for each past turn and turns each rule round anew:
a twelfth of a turn. Each rule is turned round once and left at the first turn that contradicts it."""

from functools import lru_cache
from typing import Dict, List, Set, Tuple

from rasa.core.policies.rule_policy import RulePolicy
from rasa.shared.core.constants import PREVIOUS_ACTION
from rasa.shared.core.domain import State

rasas_possible_keys = RulePolicy._get_possible_keys


@lru_cache(maxsize=None)
def latest_first(rule_key: str) -> Tuple[State, ...]:
    return tuple(reversed(RulePolicy._rule_key_to_state(rule_key)))


def allows(rule: State, state: State) -> bool:
    """Whether one turn of a conversation is as a rule has it; only a conversation's start has no action
    before it."""
    before, rule_before = state.get(PREVIOUS_ACTION), rule.get(PREVIOUS_ACTION)
    if not before or not rule_before:
        return not before and not rule_before
    return RulePolicy._does_rule_match_state(rule, state)


def possible_keys(self: RulePolicy, lookup: Dict[str, str], states: List[State]) -> Set[str]:
    recent = states[::-1]
    return {key for key in lookup if all(map(allows, latest_first(key), recent))}


RulePolicy._get_possible_keys = possible_keys
