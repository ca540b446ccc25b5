"""Test conversations walked through with a model."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List

from rasa.core import test as rasas
from rasa.core.agent import Agent
from rasa.shared.core.trackers import DialogueStateTracker


def walk(agent: Agent, folder: Path) -> List[Callable[[], Awaitable[Dict[str, Any]]]]:
    """What walks each conversation of the folder and tells its name, whether it `passed`, the `fault`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = rasas._create_data_generator(str(folder), agent, use_conversation_test_files=True)
        return [partial(passes, agent, tracker) for tracker in read.generate_story_trackers()]


async def passes(agent: Agent, tracker: DialogueStateTracker) -> Dict[str, Any]:
    """A conversation that a model cannot be led through at all is one that it loses."""
    try:
        found, walked, _, _ = await rasas._predict_tracker_actions(tracker, agent, use_e2e=True)
        wrong = fault(walked) if found.check_prediction_target_mismatch() else ""
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    return {"story": tracker.sender_id, "passed": not wrong, "fault": wrong}


def fault(walked: DialogueStateTracker) -> str:
    """Where a conversation went wrong first, in one line."""
    for event in walked.events:
        if isinstance(event, rasas.WronglyPredictedAction):
            meant = event.action_name or event.action_text
            return f"{event.action_name_prediction} instead of {meant}"
        if isinstance(event, rasas.WronglyClassifiedUserUtterance):
            if event.predicted_intent != event.intent.get("name"):
                return f"{event.predicted_intent} instead of {event.intent.get('name')}: {event.text}"
            return f"other entities than marked: {event.text}"
    return "otherwise than it was written down"
