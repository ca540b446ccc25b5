"""What Rasa 3.6.21 does not let us say by its public means. One entry each: reason, gain, and a test in
`tests/bot/test_rasa_patches.py` that fails when Rasa changes underneath.

1. `RemoteAction._validate_action_result` checks its own constant schema against the meta-schema for every
   answer of the action server: a fifth of the time of a turn. The schema is checked and compiled once.
2. `EndpointConfig.request` opens a session and a connection for every call of an action and closes them
   after it: half of what such a call costs the bot. Each endpoint keeps its session, in the loop it serves.
"""

import asyncio
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, AsyncIterator, Dict

import aiohttp
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import EndpointConfig


@lru_cache(maxsize=1)
def answer_validator() -> Draft202012Validator:
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema, default=Draft202012Validator)
    validator.check_schema(schema)
    return validator(schema)


def validate_action_result(self: RemoteAction, result: Dict[str, Any]) -> bool:
    answer_validator().validate(result)
    return True


RemoteAction._validate_action_result = validate_action_result

open_session = EndpointConfig.session


@asynccontextmanager
async def kept_session(self: EndpointConfig) -> AsyncIterator[aiohttp.ClientSession]:
    loop = asyncio.get_running_loop()
    owner, session = getattr(self, "_kept", (None, None))
    if owner is not loop or session.closed:
        session = open_session(self)
        self._kept = (loop, session)
    yield session


EndpointConfig.session = kept_session
