"""`EndpointConfig.request` opens a session and a connection for every call of an action and closes them after
it: half of what such a call costs the bot. Each endpoint keeps its session, in the loop it serves."""

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncIterator

import aiohttp
from rasa.utils.endpoints import EndpointConfig

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
