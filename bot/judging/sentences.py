"""Sentences through the whole pipeline of a model, as a shopper's would go."""

import time
from typing import Any, AsyncIterator, Dict, Iterable

from rasa.core.agent import Agent
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME as FALLBACK

OUTSIDE = "out_of_scope"


async def judge(agent: Agent, texts: Iterable[str]) -> AsyncIterator[Dict[str, Any]]:
    """Of each text the intent by which it is `served`, the likeliest one (`ranked`) with its `confidence`,
    also where the model was too unsure to serve it, and the `seconds` it took."""
    for text in texts:
        start = time.perf_counter()
        parsed = await agent.parse_message(text)
        yield {**reading(parsed), "seconds": time.perf_counter() - start}


def reading(parsed: Dict[str, Any]) -> Dict[str, Any]:
    """What a parsed message was heard as."""
    heard = parsed["intent"]["name"]
    served = OUTSIDE if heard in (FALLBACK, None) else heard
    top = next((each for each in parsed["intent_ranking"] if each["name"] != FALLBACK), None)
    return {
        "served": served,
        "ranked": top["name"] if top else served,
        "confidence": float(top["confidence"]) if top else 0.0,
    }
