"""All WeChat accounts of a shop, put together."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from backoffice.conversations.attachments import Attachments
from backoffice.conversations.reception import TYPING, Reception
from backoffice.conversations.senders import Senders
from backoffice.events.bus import Bus
from backoffice.kit.errors import NotFound
from backoffice.settings import Settings
from integrations.channels.wechat.api import Api, CallFailed, client_of
from integrations.channels.wechat.channel import Inline, Name, WeChatChannel
from integrations.channels.wechat.inbox import Inbox
from integrations.channels.wechat.line import Line
from integrations.channels.wechat.memory import LocalMemory, open_memory
from integrations.channels.wechat.tasks import Tasks

TYPING_SEEN = 15
"""Seconds for which WeChat shows that somebody writes."""
KINDS: dict[str, Name] = {"official": "wechat", "mini": "mini"}


class WeChat:
    """All accounts of the settings: what pushes to their shoppers, and who takes what these send."""

    def __init__(self, settings: Settings, attachments: Attachments) -> None:
        self._accounts = {account.app_id: account for account in settings.wechat}
        self._within = timedelta(seconds=settings.wechat_answer_within)
        self._attachments = attachments
        self._client = client_of(settings.wechat_api)
        self._memory = open_memory(settings.redis_url)
        self._apis = {
            app_id: Api(account, self._client, self._memory) for app_id, account in self._accounts.items()
        }
        shop_url = settings.app_url
        used = {KINDS[account.kind] for account in settings.wechat}
        self.channels = [WeChatChannel(name, self._apis, attachments, shop_url) for name in sorted(used)]
        self._inline = Inline("wechat", self._apis, attachments, shop_url)
        self._lines: dict[str, Line] = {}
        self._typed, self._tasks = LocalMemory(), Tasks()

    def listen(self, reception: Reception, senders: Senders, bus: Bus) -> None:
        """Let what shoppers send reach conversations, and show them when people write to them."""
        self._senders = senders
        bus.listen(self._follow)
        channels = {channel.name: channel for channel in self.channels}
        for app_id, account in self._accounts.items():
            inbox = Inbox(
                account,
                channels[KINDS[account.kind]],
                self._apis[app_id],
                reception,
                senders,
                self._attachments,
            )
            self._lines[app_id] = Line(account, inbox, reception, self._inline, self._memory, self._within)

    def line(self, app_id: str) -> Line:
        """Raises `NotFound` (`no_such_account`)."""
        line = self._lines.get(app_id)
        if line is None:
            raise NotFound("no_such_account")
        return line

    def _follow(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        if topic == TYPING and payload.get("who") == "agent" and payload.get("on") and self._accounts:
            self._tasks.begin(self._show_typing(key))

    async def _show_typing(self, conversation_id: str) -> None:
        """One of the processes asks for it, seldom enough."""
        if not await self._typed.first(conversation_id, TYPING_SEEN):
            return
        channel, sender = await self._senders.answers_to(conversation_id)
        app_id, _, openid = sender.partition(":")
        account = self._accounts.get(app_id)
        if account is None or channel != KINDS[account.kind]:
            return
        if await self._memory.first(f"typing:{sender}", TYPING_SEEN):
            with suppress(CallFailed):
                await self._apis[app_id].typing(openid)

    async def close(self) -> None:
        await self._tasks.close()
        for line in self._lines.values():
            await line.close()
        await self._memory.close()
        await self._client.aclose()
