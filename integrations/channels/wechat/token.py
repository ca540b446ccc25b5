"""The access token of each account: one for all processes, fetched by one of them, and never in a loop.

Tencent's stable token is the same however often it is asked for: a race costs a call and breaks nothing.
"""

from collections.abc import Awaitable, Callable

from integrations.channels.wechat.memory import Memory, Token

FORCED_AT_MOST_EVERY = 30

Fetch = Callable[[bool], Awaitable[Token]]
"""Asks Tencent for an account's token; True makes it give out another one. Raises what the call raises."""


class TokenKeeper:
    """The present token of one account."""

    def __init__(self, app_id: str, memory: Memory, fetch: Fetch) -> None:
        self._app_id, self._memory, self._fetch = app_id, memory, fetch

    async def get(self) -> str:
        token = await self._memory.get(self._app_id)
        return token.value if token and token.fresh else await self.renewed("")

    async def renewed(self, refused: str) -> str:
        """A token other than the refused one if there is one: somebody else's, the present one, or, at most
        once in 30 seconds, one that Tencent is made to give out.
        """
        async with self._memory.lock(self._app_id):
            kept = await self._memory.get(self._app_id)
            if kept and kept.fresh and kept.value != refused:
                return kept.value
            token = await self._fetch(False)
            if token.value == refused and await self._may_force():
                token = await self._fetch(True)
            await self._memory.put(self._app_id, token)
            return token.value

    async def _may_force(self) -> bool:
        return await self._memory.first(f"force:{self._app_id}", FORCED_AT_MOST_EVERY)
